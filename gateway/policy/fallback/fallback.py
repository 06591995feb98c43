"""The fallback: what the client gets when an upstream fails or its breaker is open, in the format its code reads."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, ClassVar

import orjson
from pydantic import AfterValidator, Field, JsonValue, PlainValidator, ValidationInfo, WithJsonSchema, model_validator

from gateway.core.error_format import JSON, refusal_members, trpc_error
from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.reason import REASONS
from gateway.core.trpc import is_batch
from gateway.core.verdict import Refusal, Reply
from gateway.policy.base.order import Orders, SettingChange, compared
from gateway.policy.base.settings import Policy
from gateway.policy.fallback import orders
from gateway.policy.fallback.stale import Stale

COVERS = frozenset(slug for slug in REASONS if slug.startswith("upstream_")) | {"no_healthy_endpoint"}
"""Slugs of the refusals that a fallback replaces: those that mean that no response came from the upstream."""

MOST_FILE_BYTES = 1024 * 1024

_MEDIA_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(; ?[a-z0-9-]+=[A-Za-z0-9!#$&^_.+-]+)*").fullmatch
_KINDS = ("json", "file", "stale", "upstream")


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file's content, as it was when the configuration was loaded."""

    octets: bytes

    def __str__(self) -> str:
        return f"sha256:{sha256(self.octets).hexdigest()[:16]}"


def _file_content(value: Any, info: ValidationInfo) -> FileContent:
    if isinstance(value, FileContent):
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
    return FileContent(octets)


def _media_type(text: str) -> str:
    if not _MEDIA_TYPE(text):
        raise ValueError("is not a media type, such as application/json or text/plain; charset=utf-8")
    return text


class Settings(Policy):
    """One replacement for an upstream's response: exactly one of ``json``, ``file``, ``stale``, ``upstream``."""

    status: Annotated[int, Field(strict=True, ge=200, le=599)] = 200
    """Of ``json`` and ``file``."""
    json_: Annotated[JsonValue, Field(alias="json")] = None
    """The body, in whatever shape the client reads; for tRPC calls it is the result of each call."""
    file: (
        Annotated[FileContent, PlainValidator(_file_content), WithJsonSchema({"type": "string", "minLength": 1})] | None
    ) = None
    """The body from a file, which is read when the configuration is."""
    type: Annotated[str, AfterValidator(_media_type)] = JSON
    """The media type of ``file``."""
    stale: Stale | None = None
    """The last good response to the same request."""
    upstream: str | None = None
    """Another upstream, which gets the call instead."""

    ORDERS: ClassVar[Orders] = orders.ORDERS

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
    def what(self) -> str:
        """Which of the four it is."""
        others = {"file": self.file, "stale": self.stale, "upstream": self.upstream}
        return next((name for name, value in others.items() if value is not None), "json")

    @property
    def value(self) -> JsonValue:
        """The JSON value of the response; None where the response is not JSON."""
        if self.file is None:
            return self.json_
        value: JsonValue = orjson.loads(self.file.octets) if self.type == JSON else None
        return value


def compare(old: Settings, new: Settings) -> Iterable[SettingChange]:
    """What differs between two fallbacks, of one kind or not."""
    return compared(old, new) if old.what == new.what else (orders.of_another_kind(old, new),)


class StaticFallback:
    """A response that is always the same. The client, the log and the metrics see by ``name`` that it replaces one."""

    __slots__ = ("_headers", "_plain", "_status", "_value", "name", "report")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.report = settings.mode == "report"
        self._status = settings.status
        self._value: Any = settings.value
        self._plain = settings.file.octets if settings.file is not None else orjson.dumps(settings.json_)
        self._headers = ((b"content-type", settings.type.encode()), *replacement_fields(name))

    def reply(self, exchange: Exchange, refusal: Refusal, error_format: str) -> Reply:
        """The response in place of ``refusal``. ``error_format`` is that of the route (``core.error_format``)."""
        headers = self._headers
        if self._status < 400:
            return Reply(self._status, headers, self._result(exchange, error_format))
        if refusal.retry_after:
            headers = (*headers, (b"retry-after", b"%d" % refusal.retry_after))
        return Reply(self._status, headers, self._error(exchange, refusal, error_format))

    def _result(self, exchange: Exchange, error_format: str) -> bytes:
        if error_format == "problem":
            return self._plain
        # @trpc/server 11: the envelope of one call's result, with superjson and without
        packed = (lambda value: {"json": value}) if error_format == "superjson" else (lambda value: value)
        if not is_batch(exchange.query):
            return orjson.dumps({"result": {"data": packed(self._value)}})
        count = len(exchange.calls)
        if exchange.fields.get(b"trpc-accept") != b"application/jsonl":
            return orjson.dumps([{"result": {"data": packed(self._value)}}] * count)
        # a streamed batch: the calls of the chunks, then the chunks, each line packed as a whole
        lines: list[Any] = [{str(call): [[0], [None, 0, call]] for call in range(count)}]
        lines += [[call, 0, [[{"result": {"data": self._value}}]]] for call in range(count)]
        return b"".join(orjson.dumps(packed(line)) + b"\n" for line in lines)

    def _error(self, exchange: Exchange, refusal: Refusal, error_format: str) -> bytes:
        """The configured value with the members of every error of the gateway."""
        members = refusal_members(refusal.reason.slug, exchange.id, refusal.retry_after)
        own = self._value if isinstance(self._value, dict) else {}
        if error_format == "problem":
            return orjson.dumps({**members, **own}) if own else self._plain
        messages = [own[key] for key in ("message", "error") if isinstance(own.get(key), str)]
        message = messages[0] if messages else refusal.reason.title
        return orjson.dumps(trpc_error(error_format, message, self._status, members, own))


def replacement_fields(name: str) -> tuple[Pair, ...]:
    """The fields that mark a response as a replacement by the fallback ``name``, and keep it out of caches."""
    return ((b"cache-control", b"no-store"), (b"x-gateway-fallback", name.encode()))


def build(name: str, settings: Settings) -> StaticFallback:
    """The fallback ``name`` of the kinds ``json`` and ``file``. The other kinds need upstreams, so
    ``proxy.flow.fallback`` builds them from the same settings."""
    return StaticFallback(name, settings)
