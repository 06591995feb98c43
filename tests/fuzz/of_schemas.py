"""Harnesses for what stands before the readers of content: inflating it; and behind them: the schemas that are shipped."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path

from gateway.core.exchange import Call, Exchange, read_to_end
from gateway.core.verdict import Refusal
from gateway.policy.base.inflated import InflatedContent
from gateway.policy.base.tools import Tools
from gateway.policy.schema.schema import SECTION, Schema, build
from gateway.policy.schema.settings import SchemaFiles, Settings
from gateway.proxy.message.body import RequestBody
from gateway.state.memory.store import MemoryStore

_FILES = sorted((Path(__file__).parents[2] / "policies" / "inputs").glob("*.json"))
PROCEDURES = [path.stem for path in _FILES if not path.stem.endswith(".query")]
_SLUGS = {"json_malformed", "schema_refused"}
_LARGEST, _RATIO = 64 * 1024, 20


class _Route:
    name, error_format, internal = "", "superjson", False
    named = {SECTION: frozenset({"inputs"})}  # noqa: RUF012  # nobody changes it


@cache
def _stage() -> Schema:
    contents = {path.stem: path.read_bytes() for path in _FILES}
    return build("inputs", Settings(files=SchemaFiles("*.json", contents)), Tools(MemoryStore(), lambda: 0.0, ()))


def schema(data: bytes) -> None:
    """The content of a call of the procedure that its first byte chooses: it passes, or it is refused with what an app can show."""
    name, content = PROCEDURES[data[0] % len(PROCEDURES) if data else 0], data[1:]
    exchange = Exchange("POST", "/", {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
    exchange.route = _Route()
    exchange.calls = [Call(name, exchange.route)]
    exchange.body = content
    verdict = _stage().on_request(exchange)
    assert exchange.body is content
    if verdict is None:
        return
    assert isinstance(verdict, Refusal) and verdict.reason.slug in _SLUGS, verdict
    assert verdict.detail.isprintable() and len(verdict.detail) < 4000
    for issue in verdict.details.issues if verdict.details is not None else ():
        assert 0 < len(issue.message) < 300, issue


class _Nobody:
    def pause(self) -> None: ...

    def resume(self) -> None: ...

    def write(self, data: bytes) -> None: ...


def _arrived(data: bytes, coding: str) -> InflatedContent:
    content = RequestBody(_Nobody())
    content.declare(len(data), 5.0, False)
    content.feed(data)
    content.end()
    return InflatedContent(content, coding, _LARGEST, _RATIO)


def inflate(data: bytes) -> None:
    """Compressed content: the bytes that zlib makes of all of it, within a size and a ratio; or a refusal."""
    for coding, bits in (("gzip", 31), ("deflate", 0)):
        whole = _arrived(data, coding).whole()
        read = _read(_arrived(data, coding))
        assert isinstance(whole, Refusal) == isinstance(read, Refusal), (whole, read)
        if isinstance(whole, Refusal) or isinstance(read, Refusal):
            continue
        assert whole == read and len(whole) <= min(_LARGEST, max(1024, _RATIO * len(data)))
        if data:
            assert whole == zlib.decompress(data, bits or (15 if data[0] & 15 == 8 else -15))


def _read(content: InflatedContent) -> bytes | Refusal | None:
    """All of it, which is here: nothing has to be waited for."""
    reading = read_to_end(content)
    try:
        reading.send(None)
    except StopIteration as done:
        found: bytes | Refusal = done.value
        return found
    reading.close()
    raise AssertionError("it waits for what is here")
