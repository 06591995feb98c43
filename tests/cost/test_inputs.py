"""What the reading of inputs and the judging of forms costs: a normal one, and the worst of 64 KiB that a client can send."""

from __future__ import annotations

import inspect
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.kinds import KINDS
from gateway.policy.schema.files import mistakes
from gateway.policy.schema.settings import SchemaFiles
from gateway.policy.upload.form import boundary_of
from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.refused import UploadRefused
from gateway.policy.upload.settings import Settings as Uploads
from gateway.state.memory.store import MemoryStore
from tests.cost.awkward import BODY, filled, slow
from tests.policy.upload.forms import BOUNDARY, arriving, content_type, cut, file, form, text
from tests.policy.upload.made_files import wav
from tests.processor_time import takes_at_most, undisturbed

MOST = 0.003
"""Seconds of processor time for the worst 64 KiB."""

NORMAL_SECONDS, REPEATED = 15e-6, 200

KINDS_BY_NAME = {kind.name: kind for kind in KINDS}
ROUTE = SimpleNamespace(name="hook", named={"schemas": frozenset({"inputs"})}, error_format="superjson")

TEXT = {"type": "string"}
LIST = {"type": "array", "items": {"$ref": "#/$defs/node"}}
NODE = {"type": "object", "properties": {"a": {"$ref": "#/$defs/node"}, "b": LIST}, "additionalProperties": False}
NAMES = [f"name{number}" for number in range(40)]

SCHEMAS: dict[str, dict[str, Any]] = {
    "a closed object": {"type": "object", "properties": dict.fromkeys(NAMES, TEXT), "additionalProperties": False},
    "many required members": {"type": "object", "properties": dict.fromkeys(NAMES, TEXT), "required": NAMES},
    "names by a pattern": {"type": "object", "patternProperties": {"^[a-z]+$": TEXT}, "additionalProperties": {"type": "number"}},
    "names of a length": {"type": "object", "propertyNames": {"maxLength": 8, "pattern": "^[a-z]*$"}},
    "a list of texts": {"type": "array", "items": TEXT},
    "a list of different things": {"type": "array", "items": {"type": ["string", "number", "null"]}, "uniqueItems": True, "maxItems": 100},
    "a list with one of a kind": {"type": "array", "contains": {"const": "never"}},
    "what refers to itself": {"$ref": "#/$defs/node", "$defs": {"node": NODE}},
    "one of several objects": {"oneOf": [{"type": "object", "properties": {"kind": {"const": name}}, "required": ["kind"]} for name in NAMES[:8]]},
    "any of several lists": {"anyOf": [{"type": "array", "items": {"type": kind}} for kind in ("string", "number", "null", "boolean")]},
    "a pattern": {"type": "string", "pattern": "^([a-z]+[,;]?)+$"},
    "addresses": {"anyOf": [{"type": "string", "format": name} for name in ("email", "uri", "date-time", "uuid", "ipv6", "hostname")]},
    "no input": {"type": "null"},
}  # fmt: skip
"""A schema of each kind that files have."""

SHAPES = [
    ("", "", ("[", '"a', "1")),
    ('{"json":"', '"}', ("a", "a,", "a;", "\\u0061", "\\\\", "\u00e9", "a@", "1.", "::", "%41", "a-", "2026-01-02T")),
    (
        '{"json":[',
        "1]}",
        ('"",', '"a",', "1,", "0.5,", "null,", "{},", "[],", '"\\u0061",', '{"kind":"name7"},', "[[1]],"),
    ),
    ('{"json":{"kind":"name7","b":[', "{}]}}", ("{},", '{"a":{}},', '{"b":[]},', '{"x":1},', "[{}],")),
    ('{"json":', "}", ('{"a":', '{"b":[', "[")),
    ('{"json":{"a":1},"meta":{"values":{"', '":["undefined"]}}}', ("a", "a.", "\\\\.", "a\\\\.b.")),
    ('{"json":{},"meta":{"values":{"a":["', '"]}}}', ("Date", "undefined")),
]
"""What stands around a body, and what fills it again and again."""


def members(form: str) -> bytes:
    """An input with as many different members as find room."""
    made, number, left = [], 0, BODY - len('{"json":{}}')
    while (left := left - len(one := form.replace("#", f"{number:x}").encode()) - 1) > 0:
        made.append(one)
        number += 1
    return b'{"json":{%b}}' % b",".join(made)


def many_members() -> Iterator[bytes]:
    for one in ('"#":0', '"a#":"x"', '"name#":"a"', '"#":{"a":[]}', '"\\u0061#":1.50', '"#":"\\ud83d\\ude00"'):
        yield members(one)


def undefined_members() -> bytes:
    """An input whose annotations ask for as many members as find room to be taken away."""
    names = [f"n{number:x}" for number in range(1784)]
    body = json.dumps(
        {"json": dict.fromkeys(names), "meta": {"values": {name: ["undefined"] for name in names}}}
    ).encode()
    assert BODY - 100 < len(body) <= BODY
    return body


def bodies() -> list[bytes]:
    filling = (body for before, after, units in SHAPES for body in filled(BODY, before, after, units))
    return [*filling, *many_members(), undefined_members()]


def judging(schema: object) -> Any:
    """The stage that judges the input of ``auth.login`` by ``schema``."""
    kind = KINDS_BY_NAME["schema"]
    assert kind.build is not None and kind.settings is not None
    files = SchemaFiles("*.json", {"auth.login": json.dumps(schema).encode()})
    return kind.build([("inputs", kind.settings(files=files))], Tools(MemoryStore()))  # type: ignore[call-arg]  # its own


def call(body: bytes) -> Exchange:
    exchange = Exchange("POST", "/", {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
    exchange.route = ROUTE
    exchange.calls = [Call("auth.login", ROUTE)]
    exchange.body = body
    return exchange


NORMAL = {"type": "object", "properties": {"message": TEXT, "profile": {"type": "object", "properties": {"level": {"enum": ["A1", "B2"]}, "email": {"format": "email"}}}, "at": {"type": "string", "format": "date-time"}, "scores": {"type": "array", "items": {"type": "number", "minimum": 0}}}, "required": ["message", "profile"]}  # fmt: skip


@pytest.mark.parametrize("dated", [False, True], ids=["plain", "with a date"])
def test_strict_json_and_schema_of_1_kib_take_15_us(dated: bool) -> None:
    value = {"message": "¿Qué tal? " * 68, "profile": {"level": "B2", "email": "ada@example.com"}, "at": "2026-01-02T03:04:05.678Z", "scores": [1, 2.5, 98]}  # fmt: skip
    whole: dict[str, object] = {"json": value}
    if dated:
        whole["meta"] = {"values": {"at": ["Date"]}}
    body = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
    assert 900 < len(body) <= 1024
    stage, exchange = judging(NORMAL), call(body)
    assert stage.on_request(exchange) is None

    def work() -> None:
        for _ in range(REPEATED):
            stage.on_request(exchange)

    assert takes_at_most(NORMAL_SECONDS * REPEATED, work, 10)


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_body_of_64_kib_keeps_a_schema_for_3_ms(name: str) -> None:
    schema = SCHEMAS[name]
    octets = json.dumps(schema).encode()
    assert [str(flaw) for flaw in mistakes("x.json", octets, 32) if not flaw.warning] == [], "gateway check takes it"
    stage = judging(schema)
    assert slow(lambda body: stage.on_request(call(body)), bodies(), MOST) == []


# Forms.

FORM = Uploads.model_validate(
    {
        "parts": {
            "audio": {"types": ["audio/webm", "audio/wav"], "max": "11MB"},
            "language": {"max": 16, "pattern": "[a-z]{2,3}(-[A-Z]{2})?"},
            "prompt": {"max": "64KiB"},
        }
    }
)


def judged(body: bytes, boundary: bytes = BOUNDARY, size: int = 65536) -> int:
    """How many bytes of ``body``, which arrives in pieces of ``size``, go on. Raises UploadRefused."""
    judge = FormJudge(
        {name: PartRule(name, part) for name, part in FORM.parts.items()}, boundary_of(content_type(boundary))
    )
    return sum(len(judge.feed(piece)) for piece in cut(body, size)) + len(judge.end())


def hostile(body: bytes, boundary: bytes = BOUNDARY, size: int = 65536) -> None:
    """``judged`` up to the refusal, as a stage does."""
    with suppress(UploadRefused):
        judged(body, boundary, size)


MEGABYTES = 10_000_000
RECORDINGS = {
    "noise": bytes(range(256)) * (MEGABYTES // 256),
    "zeros": bytes(MEGABYTES),
    "line ends": b"\r\n" * (MEGABYTES // 2),
    "almost boundaries": (b"\r\n--" + BOUNDARY[:-1] + b"X") * (MEGABYTES // (len(BOUNDARY) + 4)),
}


@pytest.mark.parametrize("content", ["noise", "zeros"])
def test_an_upload_of_10_mb_is_judged_at_300_mb_a_second(content: str) -> None:
    body = form(file(wav(RECORDINGS[content]), b"audio/wav"), text(b"de"))
    assert judged(body) == len(body)
    assert takes_at_most(len(body) / 300e6, lambda: judged(body), 5)


@pytest.mark.parametrize("content", RECORDINGS)
def test_an_upload_of_10_mb_is_held_in_little_memory_and_in_linear_time(content: str) -> None:
    body = form(file(wav(RECORDINGS[content]), b"audio/wav"))
    with undisturbed():
        tracemalloc.start()
        try:
            assert judged(body) == len(body)
            assert tracemalloc.get_traced_memory()[1] < 1_048_576
        finally:
            tracemalloc.stop()
    assert takes_at_most(10 * len(body) / 300e6, lambda: judged(body)), "whatever the content"


HEAD_LINE = b'Content-Disposition: form-data; name="prompt"\r\n'
OPEN = b"--" + BOUNDARY + b"\r\n"
FORMS: dict[str, bytes] = {
    "a name without an end": OPEN + b'Content-Disposition: form-data; name="' + b"a" * BODY,
    "escapes in a name": OPEN + b'Content-Disposition: form-data; name="' + b'\\"' * (BODY // 2) + b'"\r\n\r\n',
    "parameters": OPEN + b"Content-Disposition: form-data" + b"; a=b" * (BODY // 5) + b"\r\n\r\n",
    "spaces in a field": OPEN + b"Content-Disposition: form-data;" + b" " * BODY,
    "many fields": OPEN + b"x: y\r\n" * (BODY // 6),
    "fields without a name": OPEN + b":\r\n" * (BODY // 3),
    "a field on many lines": OPEN + b"x: y" + b"\r\n " * (BODY // 3),
    "colons": OPEN + b":" * BODY,
    "a type with many parameters": OPEN + HEAD_LINE + b"Content-Type: text/plain" + b";charset=utf-8" * (BODY // 14) + b"\r\n\r\n",
    "empty parts": (OPEN + HEAD_LINE + b"\r\n\r\n") * (BODY // (len(OPEN + HEAD_LINE) + 4)),
    "parts without a head": (OPEN + b"\r\n\r\n") * (BODY // (len(OPEN) + 4)),
    "boundaries alone": OPEN * (BODY // len(OPEN)),
    "dashes": b"-" * BODY,
    "line ends before it": b"\r\n" * (BODY // 2),
    "carriage returns": OPEN + HEAD_LINE + b"\r\n" + b"\r" * BODY,
    "line ends in a text": OPEN + HEAD_LINE + b"\r\n" + b"\r\n" * (BODY // 2 - 200),
    "dashes in a text": OPEN + HEAD_LINE + b"\r\n" + b"\r\n-" * (BODY // 3 - 200),
    "almost boundaries in a text": OPEN + HEAD_LINE + b"\r\n" + (b"\r\n--" + BOUNDARY[:-1]) * (BODY // (len(BOUNDARY) + 3) - 4),
    "a text that is no UTF-8": form((HEAD_LINE, b"\xff" * (BODY - 300))),
    "a text of many bytes": form((HEAD_LINE, "\U0001f600".encode() * (BODY // 4 - 100))),
    "what follows the end": form(text(b"de")) + b"\r\n" * (BODY // 2),
    "chunks in a recording": form(file(b"RIFF\xff\xff\0\0WAVE" + b"JUNK\0\0\0\0" * (BODY // 8 - 100), b"audio/wav")),
    "elements in a recording": form(file(b"\x1a\x45\xdf\xa3\x80" + b"\xec\x80" * (BODY // 2 - 300))),
}  # fmt: skip
"""Forms of 64 KiB, or more, that make much of little."""


@pytest.mark.parametrize("size", [65536, 1460], ids=["at once", "in packets"])
@pytest.mark.parametrize("name", FORMS)
def test_no_form_of_64_kib_takes_3_ms(name: str, size: int) -> None:
    assert takes_at_most(MOST, lambda: hostile(FORMS[name], size=size))


@pytest.mark.parametrize("boundary", [b"-" * 70, b"a", b"--", b"\r\n-", b"a" * 70, b"-" * 69 + b"x", b"'" * 70])
def test_no_boundary_makes_64_kib_slow(boundary: bytes) -> None:
    for unit in (b"-", b"\r\n-", b"a", b"\r\n--", b"--" + boundary[:-1], b"\r\n--" + boundary[:-1]):
        body = b"--" + boundary + b"\r\n" + HEAD_LINE + b"\r\n" + unit * (BODY // len(unit))
        assert takes_at_most(MOST, lambda body=body: hostile(body, boundary))  # type: ignore[misc]  # the body of now


def test_a_stage_that_is_given_a_form_at_once_is_as_quick() -> None:
    """The stage itself, for a form that is here whole."""
    stage: Any = KINDS_BY_NAME["upload"].build([("speech", FORM)], Tools(MemoryStore()))  # type: ignore[misc]  # it has one

    def work(body: bytes) -> None:
        exchange = Exchange("POST", "/", {b"content-type": content_type()}, "192.0.2.1", 0.0)
        exchange.stream = arriving(body, len(body))
        verdict = stage.on_request(exchange)
        assert not inspect.isawaitable(verdict)
        assert verdict is None or isinstance(verdict, Refusal)

    assert slow(work, FORMS.values(), MOST) == []
