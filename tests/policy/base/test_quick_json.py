"""What is read quickly is what every parser reads, and each kind of document that two read differently is refused by its name."""

import json
import math
from decimal import Decimal
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.base.quick_json import call_at_fault, read_quickly
from tests.json_documents import HOSTILE, READ, REFUSED
from tests.processor_time import takes_at_most

DEPTH = 32


@pytest.mark.parametrize(("kind", "content"), [(kind, one) for kind, all_of in REFUSED.items() for one in all_of])
def test_what_two_parsers_read_differently_is_refused_by_its_kind(kind: str, content: bytes) -> None:
    with pytest.raises(ValueError, match=kind):
        read_quickly(content, DEPTH)


@pytest.mark.parametrize("content", READ)
def test_what_every_parser_reads_alike_is_read(content: bytes) -> None:
    assert read_quickly(content, DEPTH) == json.loads(content) == orjson.loads(content)


@pytest.mark.parametrize(
    ("content", "call"),
    [
        (b'{"0":{"json":1},"1":{"json":NaN},"2":{"json":-0}}', 1),
        (b' { "0" : {"json" : [9007199254740993]} , "1" : 1}', 0),
        (b'{"1":{"json":1},"0":{"json":{"a":1,"a":2}}}', 0),
        (b'{"0":1,"2":{"json":"\\ud800"}}', 2),
        (b'{"0":"\xff","1":1}', 0),
        (b'{"0":1,"1":{"__proto__":1}}', 1),
        (b'{"0":1,"1":' + b"[" * 32 + b"]" * 32 + b"}", 1),
        (b'{"0":1,"1":' + b"[" * 5_000 + b"]" * 5_000 + b"}", 1),
        (b'{"0":1,"1":' + b"1" * 5_000 + b"}", 1),
        (b'{"0":1,"1":{"json":}}', 1),
        (b'{"0":1,"0":1}', None),  # none by itself
        (b'{"0":1,"7":NaN}', None),
        (b'{"00":NaN}', None),
        (b'{"__proto__":1}', None),
        (b'{"0":1 "1":NaN}', None),
        (b'{"0" NaN}', 0),
        (b"[NaN]", None),
        (b"{", None),
        (b"", None),
        (b'{"0":"' + b"x" * 16_384 + b'","1":NaN}', None),  # too long to be read again
    ],
)
def test_the_call_of_a_batch_that_is_at_fault(content: bytes, call: int | None) -> None:
    with pytest.raises(ValueError):
        read_quickly(content, DEPTH)
    assert call_at_fault(content, 3, DEPTH) == call


def test_no_sentence_quotes_what_was_sent() -> None:
    for content in (one for all_of in REFUSED.values() for one in all_of):
        with pytest.raises(ValueError) as raised:
            read_quickly(b'{"secret":["secret",' + content + b"]}", DEPTH)
        assert "secret" not in str(raised.value)
        assert len(str(raised.value)) < 160


def slowly(content: bytes) -> Any:
    """The same by the standard library, as plainly as it can be written."""

    def constant(text: str) -> None:
        raise ValueError(text)

    def number(text: str) -> float:
        exact, found = Decimal(text), float(text)
        if math.isinf(found) or (not exact and exact.is_signed()) or (exact and not found):
            raise ValueError(text)
        whole = text.lstrip("-").isdecimal()
        if abs(exact) > 2**53 - 1 and (whole or Decimal(repr(found)) != exact):
            raise ValueError(text)
        return int(text) if whole else found

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        if len(set(names)) < len(names) or {"__proto__", "constructor", "prototype"} & set(names):
            raise ValueError(names)
        return dict(pairs)

    def depth(value: Any) -> int:
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    hooks: Any = {"parse_constant": constant, "parse_int": number, "parse_float": number, "object_pairs_hook": members}
    value = json.loads(content.decode(), **hooks)  # a text that begins with a mark is refused there
    json.dumps(value, ensure_ascii=False).encode()  # half a pair has no coding
    if depth(value) > DEPTH:
        raise ValueError("deep")
    return value


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(1 - 2**53, 2**53 - 1)
    | st.text(max_size=6)
    | st.floats(-(2**53), 2**53).filter(lambda number: number != 0),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)
NAMES = [
    "a",
    "b",
    "A",
    "",
    "\\u0061",
    '\\"',
    "\\\\",
    ":",
    "{",
    "[[",
    "__proto__",
    "\\u005f_proto__",
    "constructor",
    "é",
    "\\u00e9",
    "\\ud83d",
    "0",
]
NUMBERS = ["0", "-0", "-0.0", "7", "-7", "1.5", "1.50", "-0.05", "1e5", "1E+2", "1e23", "1e400", "1e-400", "9007199254740991", "9007199254740992", "-9007199254740993", "9007199254740993.0", "9007199254740992.0", "12345678901234567890", "0.30000000000000004", "01", "NaN", "-Infinity"]  # fmt: skip
spaces = st.sampled_from(["", "", "", " ", "\n", "\t "])
texts = st.sampled_from([f'"{name}"' for name in NAMES])
documents: st.SearchStrategy[str] = st.recursive(
    st.sampled_from([*NUMBERS, "true", "null", "nul"]) | texts,
    lambda inner: (
        st.lists(st.tuples(spaces, inner, spaces).map("".join), max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(spaces, texts, spaces, st.just(":"), inner, spaces).map("".join), max_size=3).map(
            lambda items: f"{{{','.join(items)}}}"
        )
    ),
    max_leaves=10,
)


@given(documents, spaces, st.booleans())
def test_it_reads_what_the_standard_library_reads_strictly_and_refuses_the_rest(
    text: str, space: str, plain: bool
) -> None:
    content = (space + text).encode()
    if plain:  # as most clients spell it
        try:
            content = orjson.dumps(orjson.loads(content))
        except ValueError:
            return
    try:
        expected = slowly(content)
    except (ValueError, ArithmeticError):
        with pytest.raises(ValueError):
            read_quickly(content, DEPTH)
        return
    assert read_quickly(content, DEPTH) == expected


@given(st.binary(max_size=8) | st.text('{}[]",:\\u0a1e-+. \n', max_size=12).map(str.encode))
def test_nothing_but_a_refusal_escapes(content: bytes) -> None:
    try:
        value = read_quickly(content, DEPTH)
    except ValueError:
        with pytest.raises((ValueError, ArithmeticError)):
            slowly(content)
    else:
        assert value == slowly(content)


@given(json_values)
def test_what_any_client_writes_is_read(value: Any) -> None:
    for written in (
        json.dumps(value).encode(),
        json.dumps(value, indent=1, ensure_ascii=False).encode(),
        orjson.dumps(value),
        orjson.dumps(value, option=orjson.OPT_INDENT_2),
    ):
        assert read_quickly(written, DEPTH) == value


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_body_is_judged_in_milliseconds(content: bytes) -> None:
    assert takes_at_most(0.0016, lambda: read_quickly(content, DEPTH), 5)


def test_a_hostile_batch_is_judged_in_milliseconds_though_it_is_read_again() -> None:
    for unit in (b'["12","34567890"],', b'"12345678",', b'{"a":"12345678"},'):
        content = b'{"0":[' + unit * (16_000 // len(unit)) + b'1],"1":NaN}'
        assert call_at_fault(content, 10, DEPTH) == 1
        assert takes_at_most(0.0015, lambda content=content: call_at_fault(content, 10, DEPTH), 5)


def test_it_is_quick() -> None:
    value = {
        "message": "Guten Tag! " * 62,
        "language": "de",
        "context": "x" * 150,
        "profile": {"a": [1, 2.5], "b": None},
    }
    for content in (orjson.dumps({"json": value}), orjson.dumps({"json": {**value, "at": "2026-01-02T03:04:05Z"}})):
        assert 900 < len(content) <= 1_024
        assert takes_at_most(
            7e-6 * 200, lambda content=content: [read_quickly(content, DEPTH) and None for _ in range(200)]
        )
    spaced = json.dumps({"json": {**value, "x": "é"}}).encode()
    assert takes_at_most(15e-6 * 200, lambda: [read_quickly(spaced, DEPTH) and None for _ in range(200)])
