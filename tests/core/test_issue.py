"""Issues as members of an error."""

from gateway.core.issue import Issue, pointer, problem_members, trpc_members

EMAIL = Issue(("email",), "invalid_format", "email", "Enter a valid email address.")
WHOLE = Issue((), "invalid_type", "object", "Must be a group of fields.")


def test_a_pointer_is_that_of_rfc_6901() -> None:
    assert pointer(()) == ""
    assert pointer(("a/b", "m~n", 0, "")) == "/a~1b/m~0n/0/"


def test_problem_details_name_fields_and_parameters() -> None:
    limit = Issue(("limit",), "invalid_format", "regex", "Is not a number.", query=True)
    missing = Issue((), "custom", "", "Is not as it should be.", query=True)
    assert problem_members([EMAIL, WHOLE, limit, missing]) == {
        "errors": [
            {"pointer": "/email", "detail": "Enter a valid email address."},
            {"pointer": "", "detail": "Must be a group of fields."},
            {"parameter": "limit", "detail": "Is not a number."},
            {"detail": "Is not as it should be."},
        ]
    }


def test_a_form_reads_the_errors_of_the_first_refused_call() -> None:
    deep = EMAIL._replace(path=("profile", "personas", 2), call=1)
    members = trpc_members([EMAIL._replace(call=1), deep, WHOLE._replace(call=1), EMAIL._replace(call=3)])
    sentence = "Enter a valid email address."
    assert members["zodError"] == {
        "formErrors": ["Must be a group of fields."],
        "fieldErrors": {"email": [sentence], "profile": [sentence]},
    }
    issues = members["issues"]
    assert isinstance(issues, list)
    assert [issue["call"] for issue in issues] == [1, 1, 1, 3]
    assert issues[1] == {
        "call": 1,
        "path": ["profile", "personas", 2],
        "code": "invalid_format",
        "expected": "email",
        "message": sentence,
    }
