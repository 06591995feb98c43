"""The errors that a client reads, member by member and in order: a golden file of the wire."""

from __future__ import annotations

import pytest

from gateway.core.error_format import operator_problem, problem, refusal_members, trpc_error
from gateway.core.reason import TRPC_CODES

MEMBERS = refusal_members("rate_limited", "0123456789", 42)


def test_every_refusal_names_its_reason_its_request_and_where_it_helps_the_wait() -> None:
    assert list(MEMBERS.items()) == [("reason", "rate_limited"), ("request_id", "0123456789"), ("retry_after", 42)]
    assert "retry_after" not in refusal_members("no_route", "0123456789", 0)


def test_problem_details() -> None:
    assert list(problem("Too many requests", 429, "Wait.", MEMBERS).items()) == [
        ("title", "Too many requests"),
        ("status", 429),
        ("detail", "Wait."),
        *MEMBERS.items(),
    ]


def test_problem_details_for_operators_have_no_type_of_their_own() -> None:
    assert list(operator_problem("Not Found", 404)) == ["type", "title", "status"]
    assert operator_problem("Not Found", 404)["type"] == "about:blank"


def test_a_trpc_error_with_superjson_is_wrapped_once_more() -> None:
    data = {"code": "TOO_MANY_REQUESTS", "httpStatus": 429, "path": None, **MEMBERS}
    error = {"message": "Wait.", "code": -32029, "data": data}
    assert trpc_error("none", "Wait.", 429, MEMBERS) == {"error": error}
    assert trpc_error("superjson", "Wait.", 429, MEMBERS) == {"error": {"json": error}}


@pytest.mark.parametrize(
    ("status", "code"), [(418, TRPC_CODES[400]), (451, TRPC_CODES[400]), (599, TRPC_CODES[500]), (503, TRPC_CODES[503])]
)
def test_a_status_without_a_code_has_that_of_its_class(status: int, code: tuple[int, str]) -> None:
    error = trpc_error("none", "", status, {})["error"]
    assert isinstance(error, dict)
    assert (error["code"], error["data"]["code"]) == code


def test_own_members_do_not_override_those_of_the_format() -> None:
    own = {"httpStatus": 200, "reason": "mine", "hint": "x"}
    error = trpc_error("none", "", 503, MEMBERS, own)["error"]
    assert isinstance(error, dict)
    assert error["data"] == {**own, "httpStatus": 503, "code": "SERVICE_UNAVAILABLE", "path": None, **MEMBERS}
