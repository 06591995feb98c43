"""JSON has one reading here, which is that of every other parser, or none."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.strict_json import DEEPEST, LONGEST_NAME, MOST_VALUES, check, decoded, has_half_pair, read
from tests.processor_time import takes_at_most


@pytest.mark.parametrize(
    "octets",
    [
        b'"\xff"',
        b'"\xc0\xae"',  # overlong
        b'"\xed\xa0\x80"',  # half a surrogate pair
        b'"\xf4\x90\x80\x80"',  # beyond Unicode
        b'\xef\xbb\xbf{"email":1}',
        '{"email":1}'.encode("utf-16"),
        '{"email":1}'.encode("utf-32"),
    ],
)
def test_octets_that_are_not_utf_8_alone(octets: bytes) -> None:
    with pytest.raises(ValueError):
        read(decoded(octets))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "+ADs-",
        '{"a":1} x',
        '{"a":1}\0',
        "{'a':1}",
        '{"a":1,}',
        "[1,]",
        '{"a":01}',
        '{"a":.5}',
        '{"a":1.}',
        '{"a":+1}',
        '{"a":0x1}',
        "NaN",
        "1e400",
        "[-1E+400]",
        "9" * 400,
        "[Infinity]",
        "[-Infinity]",
        '{"a":1}//x',
        '"\t"',
        '"\\x41"',
        '"\\u00"',
        "\u00a01",
        "{a:1}",
        '"\\ud800"',
        '"\\uDC00"',
        '"\\udc00\\ud800"',
        '{"\\ud800":1}',
        '{"a":1,"a":2}',
        '{"a":1,"\\u0061":2}',
        '{"a":{"b":1,"b":1}}',
    ],
)
def test_what_is_no_json_or_has_two_readings(text: str) -> None:
    with pytest.raises(ValueError):
        read(text)


@pytest.mark.parametrize(
    "name", ["__proto__", "constructor", "prototype", "\\u005f_proto__", "\\u005F\\u005Fproto\\u005f_"]
)
@pytest.mark.parametrize("place", ['{"%s":{"email":"v"},"p":1}', '{"json":{"%s":1}}', '[{"a":[{"%s":null}]}]'])
def test_no_member_has_the_name_of_a_prototype(place: str, name: str) -> None:
    with pytest.raises(ValueError, match="prototype"):
        read(place % name)


@pytest.mark.parametrize(
    "other",
    [
        "Email",
        "EMAIL",
        " email",
        "email ",
        "email\\u0000",
        "email\\u00a0",
        "\\ufeffemail",
        "\\uff45mail",
        "ema\\u0131l",
        "e\\u00admail",
        "em\\u00e1il",
        "ema\\u200dil",
    ],
)
def test_no_two_members_have_names_that_a_decoder_takes_for_one(other: str) -> None:
    with pytest.raises(ValueError, match="case or form"):
        read(f'{{"a":[{{"email":"decoy","{other}":"victim"}}]}}')


def test_what_go_takes_for_a_letter_of_ascii() -> None:
    for text in ('{"key":1,"\\u212aey":2}', '{"sub":1,"\\u017fub":2}'):
        with pytest.raises(ValueError, match="case or form"):
            read(text)


def test_members_of_different_objects_may_have_one_name() -> None:
    assert read('[{"a":1,"b":{"A":1}},{"a":2}]') == [{"a": 1, "b": {"A": 1}}, {"a": 2}]


def test_depth_names_and_values_are_bounded() -> None:
    assert read("[" * DEEPEST + "]" * DEEPEST)
    for depth in (DEEPEST + 1, 900, 4_000, 100_000):
        for text in ("[" * depth + "]" * depth, '{"a":' * depth + "1" + "}" * depth, "[" * depth):
            with pytest.raises(ValueError):
                read(text)
    assert read("[" + "[]," * 100 + "[]]")
    assert read(f'{{"{"a" * LONGEST_NAME}":1}}')
    with pytest.raises(ValueError, match="too long a name"):
        read(f'{{"{"a" * (LONGEST_NAME + 1)}":1}}')
    assert read("[" + ",".join(["1"] * MOST_VALUES) + "]")
    with pytest.raises(ValueError, match="too many values"):
        read("[" + ",".join(["1"] * (MOST_VALUES + 1)) + "]")


def test_an_integer_beyond_what_javascript_reads_exactly_is_a_float() -> None:
    assert read("[1, -0, 999999999999999]") == [1, 0, 999999999999999]
    assert isinstance(read("9007199254740993"), float)
    assert isinstance(read("-1e3"), float)
    assert read("1" + "0" * 308) == 1e308
    with pytest.raises(ValueError, match="beyond those of JavaScript"):
        read("1" + "0" * 309)


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
# Pieces of JSON and of what is nearly JSON, in any order.
pieces = st.lists(
    st.sampled_from(
        [
            '"email"',
            '"Email"',
            '"__proto__"',
            '"a"',
            '"\\u0061"',
            '"\\ud83d\\ude00"',
            '"\\ud83d"',
            ":",
            ",",
            "{",
            "}",
            "[",
            "]",
        ]
    )
    | st.sampled_from(
        ["1", "-0", "1e2", "1.5", "12345678901234567890", "NaN", "null", "true", " ", "\n", "\ufeff", "'", "\0"]
    ),
    max_size=12,
).map("".join)


def readings(text: str) -> list[Any]:
    """What other parsers make of ``text``: the first and the last of members that are there twice, and orjson."""

    def first(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return dict(reversed(pairs))

    def without_case(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        known: dict[str, str] = {}
        return {known.setdefault(name.casefold(), name): value for name, value in pairs}

    read_by = [json.loads(text, parse_int=float, object_pairs_hook=hook) for hook in (dict, first, without_case)]
    return [*read_by, as_javascript(orjson.loads(text))]


def as_javascript(value: Any) -> Any:
    """``value`` with each number as the one type of number that JavaScript has."""
    return json.loads(json.dumps(value), parse_int=float)


@given(json_values.map(json.dumps) | json_values.map(lambda value: json.dumps(value, ensure_ascii=False)) | pieces)
def test_what_is_read_is_what_every_parser_reads(text: str) -> None:
    try:
        value = read(text)
    except ValueError:
        return
    assert all(as_javascript(value) == other for other in readings(text))


@given(st.dictionaries(st.from_regex(r"[a-f]{1,6}", fullmatch=True), json_values, max_size=4))
def test_what_a_client_writes_is_read(members: dict[str, Any]) -> None:
    plain = {name: member for name, member in members.items() if not isinstance(member, dict | list)}
    for written in (json.dumps(plain), json.dumps(plain, indent=1, ensure_ascii=False), orjson.dumps(plain).decode()):
        assert read(written) == json.loads(
            written, parse_int=lambda text: int(text) if len(text) <= 15 else float(text)
        )


LONG = 65_536
AWKWARD = [
    '"',
    "\\",
    ",",
    ";",
    "=",
    "(",
    "%",
    "&",
    "[",
    "{",
    "\0",
    " ",
    "1",
    "\u0315\u0300",
    '\\"',
    "\\ud83d\\ude00",
    "{}",
    "[],",
]
DOCUMENTS = [
    *(piece * (LONG // len(piece.encode())) for piece in AWKWARD),
    *(f'{{"email":"{piece * (LONG // len(piece.encode()))}"}}' for piece in AWKWARD),
    '{"a":' * (LONG // 5),
    "[" + ",".join(["{}"] * (MOST_VALUES // 2 - 2)) + "]",
    "[" + ",".join(["9" * 16] * 3_800) + "]",
    "1." + "1" * LONG,
    "{" + ",".join(f'"{number:x}":1' for number in range(MOST_VALUES - 1)) + "}",
    "{" + ",".join(f'"{chr(0xAC00 + number)}":1' for number in range(MOST_VALUES - 1)) + "}",
    "{" + ",".join(f'"{number}{chr(0x315) * 100}":1' for number in range(300)) + "}",
    "[" + ",".join(f'{{"{chr(0xAC00 + number)}":1,"a":2}}' for number in range(1_600)) + "]",
]


@pytest.mark.parametrize("text", DOCUMENTS, ids=lambda text: ascii(text[:24]))
def test_the_largest_body_of_a_sign_in_is_judged_in_milliseconds(text: str) -> None:
    assert takes_at_most(0.003, lambda: read(text), 5)


@pytest.mark.parametrize(
    ("text", "half"),
    [('"\\ud83d"', True), ('"\\ud83d\\ude00"', False), ('"\\\\ud83d"', False), ('"\\\\\\ud83d"', True), ('"\\uDE00"', True), ("1", False)],
)  # fmt: skip
def test_half_a_surrogate_pair(text: str, half: bool) -> None:
    assert has_half_pair(text) is half


@given(
    json_values.map(json.dumps)
    | pieces
    | st.sampled_from(['{"a":1,"A":2}', "[" * 70 + "]" * 70, '{"a":[{"b":1,"B ":1}]}'])
)
def test_a_value_of_another_strict_reader_is_refused_where_its_text_would_be(text: str) -> None:
    try:
        value = json.loads(text, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        return
    try:
        read(text)
    except ValueError as error:
        if any(word in str(error) for word in ("case or form", "prototype", "too long a name", "too deeply")):
            with pytest.raises(ValueError):
                check(value)
    else:
        check(value)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise ValueError("a member twice")
    return members


def test_a_value_of_another_reader_has_the_same_bounds() -> None:
    check([1] * MOST_VALUES)
    for value in (
        [1] * (MOST_VALUES + 1),
        [[1] * 50] * 50,
        {"a" * (LONGEST_NAME + 1): 1},
        json.loads("[" * 65 + "]" * 65),
    ):
        with pytest.raises(ValueError):
            check(value)
    check(json.loads("[" * DEEPEST + "]" * DEEPEST))
    wide = [[1] * 60_000, [[{"a": 1}]] * 16_000]
    assert takes_at_most(0.002, lambda: check(wide), 5)
