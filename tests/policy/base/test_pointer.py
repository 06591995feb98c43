"""What a pointer leads to, and which values name an account or a count."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.base.pointer import MISSING, account_key, account_name, find, input_key, is_plain, parse_pointer

# RFC 6901 section 5, with its document but for the name of one blank, which folds to the empty one
DOCUMENT = {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "m~n": 8, "deep": {"list": [{"x": None}]}}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/m~0n", 8),
        ("/deep/list/0/x", None),
        ("/foo/2", MISSING),
        ("/foo/00", MISSING),
        ("/foo/-", MISSING),
        ("/foo/²", MISSING),
        ("/foo/bar", MISSING),
        ("/nothing", MISSING),
        ("/a~1b/c", MISSING),
    ],
)
def test_find(pointer: str, value: object) -> None:
    assert find(DOCUMENT, parse_pointer(pointer)) == value


def test_a_name_of_one_blank() -> None:
    assert find({" ": 7, "a": 8}, parse_pointer("/ ")) == 7


def test_the_escape_of_the_escape_comes_last() -> None:
    assert parse_pointer("/~01") == ("~1",)


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="begins with a slash"):
        parse_pointer("email")


@pytest.mark.parametrize(
    "other", ["e_mail", "E-Mail", "_email", "e.mail", "EMAIL", "email\u200b", "email[]", "$email", "/email"]
)
def test_a_member_of_nearly_the_name_beside_the_one_that_is_named(other: str) -> None:
    """Go's encoding/json/v2 overlooks hyphens and underscores too, protobuf reads two spellings of a name."""
    assert find({"email": "a", "mail": "b"}, ("email",)) == "a"
    assert find({other: "b"}, ("email",)) is MISSING
    with pytest.raises(ValueError, match="nearly that name"):
        find({"user": {"email": "a", other: "b"}}, ("user", "email"))
    with pytest.raises(ValueError, match="nearly that name"):
        find({"email": {"x": "a"}, other: {"x": "b"}}, ("email", "x"))


@pytest.mark.parametrize(
    "spelling",
    [
        "ADA@Example.com",
        " ada@example.com\t",
        "\ufeffada@example.com\u3000",
        "\uff41da@example.com",
        "\u00e1da@example.com",
    ],
)
def test_texts_that_a_backend_may_take_for_one(spelling: str) -> None:
    assert account_key(spelling) == account_key("ada@example.com") == b"sada@example.com"
    assert input_key(spelling) == account_key(spelling)


@pytest.mark.parametrize(
    "spelling", ["+49 (171) 23-45", "0049-171-2345", "491712345", "\u0664\u0669 171 2345", "49.171/2345"]
)
def test_spellings_of_one_number_of_a_telephone(spelling: str) -> None:
    assert account_key(spelling) == input_key(spelling) == account_key("+491712345")


@pytest.mark.parametrize(
    ("spelling", "mailbox"),
    [
        ("ada+shop@example.com", "ada@example.com"),
        ("ada+a+b@example.com.", "ada@example.com"),
        ("A.d.A+x@Gmail.com", "ada@gmail.com"),
        ("ada@googlemail.com", "ada@gmail.com"),
        ("ada-1@yahoo.co.uk", "ada@yahoo.co.uk"),
        ("a.da-1@example.com", "a.da-1@example.com"),
        ("+x@example.com", "+x@example.com"),
        ("..@gmail.com", "..@gmail.com"),
        ("@example.com", "@example.com"),
        ("a@b+c@example.com", "a@b@example.com"),
    ],
)
def test_addresses_of_one_mailbox(spelling: str, mailbox: str) -> None:
    assert account_name(spelling) == mailbox == account_name(mailbox)
    assert input_key(spelling) == account_key(mailbox)


def test_plain_spellings() -> None:
    assert all(map(is_plain, ["ada@example.com", "4917", "+4917", "कमल", "ada-1"]))
    assert not any(map(is_plain, ["Ada@example.com", " ada", "ad\u00e1", "49-17", "004917", "++4917", "+ada\u0301"]))


def test_a_text_without_letters_and_digits_names_itself() -> None:
    assert account_name("+-") == "+-"
    assert account_name("000") == "000"
    assert account_name("ada-1") != account_name("ada1")


@pytest.mark.parametrize("spelling", ["5.0", "05", " 5 ", "5e0", "+5", "0x5", "0b101", "\uff15", "\u0665", "500e-2"])
def test_texts_that_a_backend_may_read_as_one_number(spelling: str) -> None:
    assert input_key(spelling) == input_key(5) != input_key(-5)


NO_ACCOUNTS: list[Any] = [
    MISSING, None, "", " \t", "\ufeff", "\u200b", "\u00ad", True, False, [], {}, ["ada"], {"a": 1}, "a" * 321, "a\0b", "a\nb",
    "\0", "a\x1bb", "\ud800", 1.5, float("inf"), object(),
]  # fmt: skip


@pytest.mark.parametrize("value", NO_ACCOUNTS, ids=lambda value: type(value).__name__)
def test_what_names_no_account(value: Any) -> None:
    for key in (account_key, input_key, account_name):
        with pytest.raises(ValueError, match="names the account") as raised:
            key(value)
        assert "ada" not in str(raised.value)


def test_the_longest_account() -> None:
    assert account_key("a" * 320) == b"s" + b"a" * 320


def test_a_number_names_no_account_and_may_share_a_count() -> None:
    for number in (7, 7.0, -7, 2**53 - 1):
        with pytest.raises(ValueError, match="no text"):
            account_key(number)
        assert input_key(number) == input_key(str(int(number)))
    for number in (2**53, -(2**53), 2.0**53, 1e300, 7.5):
        with pytest.raises(ValueError, match="no text"):
            input_key(number)


keys = st.sampled_from(["a", "0", "1", "00", "a/b", "~c", "m~n", "~1d", "/~0e", ""])
documents: st.SearchStrategy[Any] = st.recursive(
    st.integers(0, 3) | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def paths(document: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """Every value in ``document`` below its root, with the reference tokens to it."""
    members = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [one for key, value in members for one in [((*path, str(key)), value), *paths(value, (*path, str(key)))]]


@given(documents)
def test_every_value_of_a_document_has_a_pointer(document: Any) -> None:
    for tokens, value in paths(document):
        pointer = "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
        assert parse_pointer(pointer) == tokens
        assert find(document, parse_pointer(pointer)) is value


@given(st.text(max_size=8), st.text(max_size=8))
def test_a_key_is_that_of_the_spelling(text: str, other: str) -> None:
    try:
        name, other_name = account_name(text), account_name(other)
    except ValueError:
        return
    assert account_name(name) == name
    assert (account_key(text) == account_key(other)) == (name == other_name)
