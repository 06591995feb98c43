"""Which fields every response carries, and which of the upstream's are dropped. YAML section ``response_headers``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.grammar import FIELD_VALUE, TOKEN
from gateway.policy.base.order import Danger, Effect, Of, Orders, SettingChange, below, changed, neither
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


# Fields that browsers and caches keep to, with the value that lets the least through where one is.
_PROTECTING = {
    "strict-transport-security": "",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "deny",
    "content-security-policy": "",
    "cache-control": "no-store",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "",
}
# These only hold back, whatever their value.
_ONLY_HOLD_BACK = frozenset(("content-security-policy", "x-content-type-options", "x-frame-options"))
_DROPPED = "dropped"
_OF_UPSTREAM = "the upstream's"
_PRIVATE = "no-store for signed-in users"


def _written(old: Settings, new: Settings) -> Iterator[SettingChange]:
    """The fields that both sides write or let pass, and that differ."""
    for name in sorted({*old.set, *new.set}.difference(old.remove, new.remove)):
        yield from _field(name, old, new)


def _removed(old: Settings, new: Settings) -> Iterator[SettingChange]:
    """The fields that one side removes, and the other not."""
    for name in sorted({*old.remove, *new.remove}):
        yield from _field(name, old, new)


def _field(name: str, old: Settings, new: Settings) -> Iterator[SettingChange]:
    before, after = _state(name, old), _state(name, new)
    if before.lower() == after.lower():
        return
    if name not in _PROTECTING:
        effect = (
            Effect.LOOSENS
            if (before, after) == (_DROPPED, _OF_UPSTREAM)
            else Effect.TIGHTENS
            if (before, after) == (_OF_UPSTREAM, _DROPPED)
            else Effect.CHANGES
        )
        danger = Danger.NOTE if effect is Effect.CHANGES else Danger.LEAK
        yield below(name, changed(effect, before, after, danger, _WHY[effect]))
    elif _protects(name, after, before):
        why = "Browsers and caches keep to it more strictly."
        yield below(name, changed(Effect.TIGHTENS, before, after, Danger.NONE, why))
    else:
        why = "Browsers or caches are held back less by it, or nobody can be sure that they are not."
        yield below(name, changed(Effect.LOOSENS, before, after, Danger.CHECK, why))


_WHY = {
    Effect.LOOSENS: "Clients get a field of the upstream that was dropped.",
    Effect.TIGHTENS: "A field of the upstream is dropped.",
    Effect.CHANGES: "Responses carry another value.",
}


def _state(name: str, settings: Settings) -> str:
    """What responses carry of the field ``name``."""
    if name in settings.remove:
        return _DROPPED
    if name in settings.set:
        return settings.set[name]
    if name in AUTHENTICATED:
        return _PRIVATE
    return DEFAULTS.get(name, _DROPPED if name in HIDDEN else _OF_UPSTREAM)


def _protects(name: str, one: str, other: str) -> bool:
    """Whether ``one`` protects from all that ``other`` does."""
    unwritten = (_DROPPED, _OF_UPSTREAM)
    if one in unwritten:
        return False  # what the upstream sends is not known
    if name == "strict-transport-security" and other not in unwritten:
        return _seconds(one) >= _seconds(other) and _directives(one) >= _directives(other)
    return one.lower() == _PROTECTING[name] or (name in _ONLY_HOLD_BACK and other in unwritten)


def _directives(value: str) -> set[str]:
    """The directives of Strict-Transport-Security (RFC 6797 section 6.1) that are no number."""
    parts = {part.strip().lower() for part in value.split(";")}
    return {part for part in parts if part in ("includesubdomains", "preload")}


def _seconds(value: str) -> int:
    found = _MAX_AGE(value)
    return int(found[1]) if found else 0


_MAX_AGE = re.compile(r'(?:.*;)?\s*max-age\s*=\s*"?([0-9]{1,12})"?\s*(?:;.*)?', re.IGNORECASE).fullmatch


class Settings(Policy):
    """One entry of ``response_headers``: ``set`` adds to the defaults or replaces one, ``remove`` drops one for good."""

    set: Annotated[dict[Name, Value], BeforeValidator(_distinct)] = Field(default_factory=dict)
    """Fields and their values: added, or in place of those that are there by default."""
    remove: tuple[Name, ...] = ()
    """Fields that no response has, those of the upstream neither."""

    ORDERS: ClassVar[Orders] = {
        "mode": neither("It refuses nothing either way."),
        "until": neither("It refuses nothing either way."),
        "set": Of(lambda fields: fields, _written),
        "remove": Of(lambda fields: fields, _removed),
    }

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
