"""The fallback: what the client gets instead when an upstream rests or fails, in the shape its code reads."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator, Field, JsonValue, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from gateway.core.exchange import Exchange
from gateway.core.reason import REASONS, TRPC_CODES
from gateway.core.trpc import is_batch
from gateway.core.verdict import Refusal, Reply
from gateway.policy.base.settings import Policy
from gateway.policy.fallback.stale import Stale

SECTION = "fallbacks"

COVERS = frozenset(slug for slug in REASONS if slug.startswith("upstream_")) | {"no_healthy_endpoint"}
"""The refusals that it stands in for: those that mean that nothing came from the upstream."""

MOST_FILE_BYTES = 1024 * 1024
JSON = "application/json"

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(; ?[a-z0-9-]+=[A-Za-z0-9!#$&^_.+-]+)*").fullmatch
_KINDS = ("json", "file", "stale", "upstream")


@dataclass(frozen=True, slots=True)
class Text:
    """A file's content, as it was when the configuration was loaded."""

    octets: bytes


def _text(value: Any, info: ValidationInfo) -> Text:
    if isinstance(value, Text):
        return value
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must name a file")
    path: Path = (info.context or {}).get("base", Path()) / value
    try:
        if not path.is_file():  # a pipe would keep the start waiting
            raise ValueError("names no file: relative names start at the entry file's folder")
        with path.open("rb") as stream:
            octets = stream.read(MOST_FILE_BYTES + 1)
    except OSError as error:
        raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
    if len(octets) > MOST_FILE_BYTES:
        raise ValueError("names a file of more than 1 MiB")
    return Text(octets)


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE(text):
        raise ValueError("is not a media type, such as application/json or text/plain; charset=utf-8")
    return text


class Settings(Policy):
    """One thing that stands in for an upstream's answer: exactly one of ``json``, ``file``, ``stale``, ``upstream``."""

    status: Annotated[int, Field(strict=True, ge=200, le=599)] = 200
    """Of ``json`` and ``file``."""
    json_: Annotated[JsonValue, Field(alias="json")] = None
    """The body, in whatever shape the client reads; for tRPC calls it is the result of each call."""
    file: Annotated[Text, PlainValidator(_text), WithJsonSchema({"type": "string", "minLength": 1})] | None = None
    """The body from a file, which is read when the configuration is."""
    type: Annotated[str, AfterValidator(_media_type)] = JSON
    """The media type of ``file``."""
    stale: Stale | None = None
    """The last good answer to the same question."""
    upstream: str | None = None
    """Another upstream, which is asked in its place."""

    @model_validator(mode="after")
    def _one(self) -> Settings:
        written = {"json" if name == "json_" else name for name in self.model_fields_set}
        chosen = [kind for kind in _KINDS if kind in written]
        if len(chosen) != 1:
            raise ValueError("must have exactly one of json, file, stale and upstream")
        if chosen[0] in ("stale", "upstream") and "status" in written:
            raise ValueError(f"has a status, which {chosen[0]} brings along")
        if chosen[0] != "file" and "type" in written:
            raise ValueError("has a type, which is for a file only")
        if self.status in (204, 205, 304):
            raise ValueError(f"has status {self.status}, which has no body")
        if self.file is not None and self.type == JSON:
            try:
                orjson.loads(self.file.octets)
            except ValueError:
                raise ValueError("names a file that is not JSON: write its type") from None
        return self

    @property
    def value(self) -> JsonValue:
        """The JSON that it answers with; None where it answers with something else."""
        if self.file is None:
            return self.json_
        found: JsonValue = orjson.loads(self.file.octets) if self.type == JSON else None
        return found


class StaticFallback:
    """An answer that is always the same. ``name`` tells the client, the log and the figures that it is not the real
    thing."""

    __slots__ = ("_headers", "_plain", "_status", "_value", "name", "report")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.report = settings.mode == "report"
        self._status = settings.status
        self._value: Any = settings.value
        self._plain = settings.file.octets if settings.file is not None else orjson.dumps(settings.json_)
        self._headers = ((b"content-type", settings.type.encode()), *mark(name))

    def answer(self, exchange: Exchange, refusal: Refusal, shape: str) -> Reply:
        """The answer in place of ``refusal``. ``shape`` is that of the route, as for ``proxy.flow.render.refusal_body``."""
        headers = self._headers
        if self._status < 400:
            return Reply(self._status, headers, self._result(exchange, shape))
        if refusal.retry_after:
            headers = (*headers, (b"retry-after", b"%d" % refusal.retry_after))
        return Reply(self._status, headers, self._error(exchange, refusal, shape))

    def _result(self, exchange: Exchange, shape: str) -> bytes:
        if shape == "problem":
            return self._plain
        # @trpc/server 11: the envelope of one call's result, with superjson and without
        packed = (lambda value: {"json": value}) if shape == "superjson" else (lambda value: value)
        if not is_batch(exchange.query):
            return orjson.dumps({"result": {"data": packed(self._value)}})
        count = len(exchange.calls)
        if exchange.fields.get(b"trpc-accept") != b"application/jsonl":
            return orjson.dumps([{"result": {"data": packed(self._value)}}] * count)
        # a streamed batch: which chunk answers which call, then the chunks, each line packed as a whole
        lines: list[Any] = [{str(call): [[0], [None, 0, call]] for call in range(count)}]
        lines += [[call, 0, [[{"result": {"data": self._value}}]]] for call in range(count)]
        return b"".join(orjson.dumps(packed(line)) + b"\n" for line in lines)

    def _error(self, exchange: Exchange, refusal: Refusal, shape: str) -> bytes:
        """An error says what every error of the gateway says, beside what is written in it."""
        slug = refusal.reason.slug
        extra: dict[str, object] = {"reason": slug, "request_id": exchange.id}
        if refusal.retry_after:
            extra["retry_after"] = refusal.retry_after
        said = self._value if isinstance(self._value, dict) else {}
        if shape == "problem":
            return orjson.dumps({**extra, **said}) if said else self._plain
        code, name = TRPC_CODES.get(self._status) or TRPC_CODES[500 if self._status >= 500 else 400]
        texts = [said[key] for key in ("message", "error") if isinstance(said.get(key), str)]
        data = {**said, "code": name, "httpStatus": self._status, "path": None, **extra}
        error = {"message": texts[0] if texts else refusal.reason.title, "code": code, "data": data}
        # un-arrayed: the client applies it to every call of a batch
        return orjson.dumps({"error": {"json": error} if shape == "superjson" else error})


def mark(name: str) -> tuple[tuple[bytes, bytes], ...]:
    """The fields that say that an answer is not the real thing, and keep it out of caches."""
    return ((b"cache-control", b"no-store"), (b"x-gateway-fallback", name.encode()))


def build(name: str, settings: Settings) -> StaticFallback:
    """The fallback ``name``, which is a fixed answer. Of the other kinds the settings say all; who has the upstreams
    builds them."""
    return StaticFallback(name, settings)
