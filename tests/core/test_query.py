"""One spelling for a tRPC query: the same parameters for every reader, in which only names and ``batch`` must be plain text."""

from urllib.parse import parse_qsl, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.path import Ambiguous
from gateway.core.query import canonical_query


@pytest.mark.parametrize(
    ("query", "spelled"),
    [
        ("", ""),
        ("batch=1&input=%7B%220%22%3A1%7D", "batch=1&input=%7B%220%22%3A1%7D"),
        ("%62atch=%31", "batch=1"),
        ("x=%2f%2C%26%3d+%2b", "x=%2F%2C%26%3D+%2B"),
        ('input={"0":[1]}', "input=%7B%220%22:%5B1%5D%7D"),
        ("x=<\\^`|>", "x=%3C%5C%5E%60%7C%3E"),
        ("x=%25%34%31", "x=%2541"),
        ("x=%c3%a9&x=%C3%A9&&", "x=%C3%A9&x=%C3%A9&&"),
        ("input=a%0Ab%09%00%fc&batch=1", "input=a%0Ab%09%00%FC&batch=1"),
        ("input=100%&x=%%34%31", "input=100%25&x=%2541"),
        ("input=%zz&x=%u0041", "input=%25zz&x=%25u0041"),
    ],
)
def test_the_canonical_spelling(query: str, spelled: str) -> None:
    assert canonical_query(query) == spelled


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("batch%00=1", "control character"),
        ("batch=1%00", "control character"),
        ("%62atch=1%0a", "control character"),
        ("b%0aatch=1", "control character"),
        ("x%c2%85=1", "control character"),
        ("%FCnput=1", "not UTF-8"),
        ("%c1%a9nput=1", "not UTF-8"),
        ("batch=%c0%b1", "not UTF-8"),
        ("batch%=1", "begins no triplet"),
        ("batch=%", "begins no triplet"),
        ("a&" * 100 + "x=%00", "too many parameters"),
        ("x" * 257 + "%00=1", "too long"),
        (">" * 86 + "=%C1", "too long"),  # once it is encoded
        ("x=" + "%" * 600, "begins no triplet"),
    ],
)
def test_a_name_with_several_readings_is_refused(query: str, why: str) -> None:
    with pytest.raises(Ambiguous, match=why):
        canonical_query(query)


pieces = st.sampled_from(
    [
        "%",
        "%2",
        "%25",
        "%zz",
        "%41",
        "%62",
        "%0A",
        "%00",
        "%ff",
        "%C3%A9",
        "%c3",
        "&",
        "&",
        "=",
        "=",
        "batch",
        "input",
        "1",
        "+",
        "%2B",
        "%26",
        "{",
        '"',
        "[",
        "]",
        "|",
        "^",
        "\\",
        "`",
        ";",
        "?",
        "/",
        "a",
    ]
)
queries = st.lists(pieces, max_size=10).map("".join)


@given(queries)
def test_canonical_twice_is_canonical_once_and_means_the_same(query: str) -> None:
    try:
        spelled = canonical_query(query)
    except Ambiguous:
        return
    assert canonical_query(spelled) == spelled
    before, after = query.split("&"), spelled.split("&")
    assert [unquote_to_bytes(part) for part in after] == [unquote_to_bytes(part) for part in before]
    assert [part.count("=") for part in after] == [part.count("=") for part in before]
    for separator in "&;":
        read = [parse_qsl(text, True, errors="surrogateescape", separator=separator) for text in (query, spelled)]
        assert read[0] == read[1]


@given(queries)
def test_nothing_that_names_batch_has_to_be_decoded(query: str) -> None:
    try:
        parameters = canonical_query(query).split("&")
    except Ambiguous:
        return
    read = [value for name, value in parse_qsl(query, True) if name == "batch"]
    assert read == [
        value.replace("+", " ") for name, _, value in (one.partition("=") for one in parameters) if name == "batch"
    ]
