"""Which fields every response carries, and which of the upstream's are dropped. YAML section ``response_headers``."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.grammar import FIELD_VALUE, TOKEN
from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools

# Fields of a response unless the policy sets others. The gateway serves an API: nothing in it is a page to frame.
DEFAULTS = {
    "strict-transport-security": "max-age=31536000",  # RFC 6797; browsers ignore it over plain HTTP
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "content-security-policy": "frame-ancestors 'none'",
}

# Responses to a signed-in user must not stay in a cache that others or later users of the device can read.
AUTHENTICATED = {"cache-control": "no-store"}

# These show an attacker which software to look up, and are of no use to anybody else.
HIDDEN = ("server", "x-powered-by", "x-aspnet-version", "x-aspnetmvc-version")

# Framing, and fields of other stages; to change them here would break the response or undo a check.
_RESERVED = frozenset(
    [
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
        "www-authenticate",
        "x-correlation-id",
        "x-request-id",
    ]
)

OF_LIMITS = frozenset(
    (b"ratelimit", b"ratelimit-policy", b"x-ratelimit-limit", b"x-ratelimit-remaining", b"x-ratelimit-reset")
)
"""Fields that limits write (``policy.rate_limit``), unless a policy sets or removes them."""

_FIELD_NAME = re.compile(TOKEN).fullmatch
_FIELD_VALUE = re.compile(FIELD_VALUE).fullmatch


def _name(text: str) -> str:
    name = text.lower()
    if not _FIELD_NAME(name):
        raise ValueError("is not a header name")
    if name in _RESERVED or name.startswith("access-control-"):
        raise ValueError(f"{name} belongs to the gateway itself and cannot be set or removed here")
    return name


def _value(text: str) -> str:
    if not _FIELD_VALUE(text):
        raise ValueError("is not a header value: visible ASCII on one line, no spaces at the ends")
    return text


def _distinct(fields: object) -> object:
    if isinstance(fields, dict):
        seen: set[str] = set()
        for name in fields:
            if str(name).lower() in seen:
                raise ValueError(f"{str(name).lower()} is written twice")
            seen.add(str(name).lower())
    return fields


Name = Annotated[str, AfterValidator(_name)]
Value = Annotated[str, AfterValidator(_value)]


class Settings(Policy):
    """One entry of ``response_headers``: ``set`` adds to the defaults or replaces one, ``remove`` drops one for good."""

    set: Annotated[dict[Name, Value], BeforeValidator(_distinct)] = Field(default_factory=dict)
    """Fields and their values: added, or in place of those that are there by default."""
    remove: tuple[Name, ...] = ()
    """Fields that no response has, those of the upstream neither."""

    @model_validator(mode="after")
    def _one_way(self) -> Settings:
        for name in self.remove:
            if name in self.set:
                raise ValueError(f"{name} is both set and removed")
        return self


_UNCACHED = (b"cache-control", b"no-store")


class ResponseHeaders(Stage):
    """Adds its fields to every response, refusals included. ``removed``: the upstream's fields that are dropped."""

    __slots__ = ("_authenticated", "_lines", "removed")

    def __init__(self, settings: Settings) -> None:
        pairs = _pairs({**DEFAULTS, **settings.set}, settings.remove)
        private = _pairs(AUTHENTICATED, (*settings.remove, *settings.set))
        self._lines = FieldLines.of(pairs)
        self._authenticated = FieldLines.of(pairs + private)
        self.removed: frozenset[bytes] = frozenset(
            name.encode() for name in (*HIDDEN, *settings.remove) if name not in settings.set
        )

    def on_response(self, exchange: Exchange) -> None:
        lines = self._authenticated if exchange.principal else self._lines
        if len(exchange.calls) > 1:  # a batch may have several policies: the first that sets a field wins
            present = frozenset().union(*[others.names for others in exchange.response_headers])
            lines = FieldLines.of([pair for pair in lines.pairs if pair[0] not in present])
        if exchange.fallback:  # a fallback's response must not be cached as if it were the upstream's
            lines = FieldLines.of([*(pair for pair in lines.pairs if pair[0] != b"cache-control"), _UNCACHED])
        exchange.response_headers.append(lines)


class OverridingHeaders(ResponseHeaders):
    """The same where the policy sets or removes fields that limits write too: theirs are taken out, so that each is there once."""

    __slots__ = ("_overridden",)

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._overridden = _named(settings)

    def on_response(self, exchange: Exchange) -> None:
        lines = exchange.response_headers  # those of the stages behind this one, which are left before it
        for index, others in enumerate(lines):
            if not others.names.isdisjoint(self._overridden):
                kept = [pair for pair in others.pairs if pair[0] not in self._overridden]
                lines[index] = FieldLines.of(kept)
        super().on_response(exchange)


def _named(settings: Settings) -> frozenset[bytes]:
    """The fields of limits that the policy sets or removes."""
    return OF_LIMITS & {name.encode() for name in (*settings.set, *settings.remove)}


def _pairs(fields: dict[str, str], without: tuple[str, ...]) -> tuple[Pair, ...]:
    return tuple((name.encode(), value.encode()) for name, value in fields.items() if name not in without)


def build(name: str, settings: Settings, tools: Tools) -> ResponseHeaders:
    """The stage for the policy ``name``."""
    return OverridingHeaders(settings) if _named(settings) else ResponseHeaders(settings)
