"""The stages of a compiled route as a replay asks them: those that judge by what a log holds are asked themselves, and of the
others it is known what they have decided when the request came.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from gateway.config.model import Config
from gateway.policy.base.order import Effect, SettingChange, compared
from gateway.policy.base.report import Decide
from gateway.policy.base.settings import Model, Policy
from gateway.policy.base.stage import Stage
from gateway.policy.breaker.breaker import CheckedBreaker
from gateway.policy.rate_limit import rate_limit
from gateway.policy.rate_limit.limit import SECTION as LIMITS
from gateway.policy.schema.settings import QUERY
from gateway.policy.schema.settings import Settings as SchemaSettings
from gateway.proxy.routing.route import Built, CompiledRoute

Settings = Model | None


class Ask(enum.Enum):
    """How a stage is asked."""

    ITSELF = "itself"
    """Its hook runs: a log holds all that it judges by."""
    ITSELF_FIRST = "itself first"
    """Its hook runs; where that lets the request pass, what it has decided then counts: it judges by more than a log holds."""
    RECORD = "record"
    """What it has decided when the request came: a log holds nothing that it judges by."""


class Relation(enum.Enum):
    """What one stage lets through beside another of its kind."""

    SAME = "same"
    LOOSER = "looser"
    """All that the other does, and more."""
    STRICTER = "stricter"
    """Less than the other, and nothing else."""
    UNKNOWN = "unknown"


_NOT_ASKED = frozenset(("identity", "response_headers", "buffer"))
"""Kinds that decide nothing about a request: what the buffer refuses is what a client is too slow or too long for."""

_BY_RECORD = frozenset(("auth", "upload", "schema", "lockout", "concurrency"))

SLUGS: Mapping[str, frozenset[str]] = {
    kind: frozenset(slugs.split())
    for kind, slugs in {
        "cors": "origin_refused cross_site_refused preflight_refused",
        "client": "forwarded_malformed",
        "in_flight": "rate_limited",
        "rate_limit": "rate_limited body_malformed media_type_refused",
        "auth": "token_missing token_invalid token_expired token_revoked claim_refused scope_missing",
        "body": "body_too_large body_malformed media_type_refused target_too_long",
        "upload": "upload_malformed upload_type_refused upload_too_large media_type_refused batch_refused",
        "schema": "schema_refused json_malformed body_malformed media_type_refused path_ambiguous",
        "lockout": "account_locked address_locked body_malformed media_type_refused",
        "concurrency": "upstream_busy",
        "breaker": "upstream_resting",
    }.items()
}
"""The reasons for which a stage of each kind refuses."""


class AskedStage(NamedTuple):
    """A stage of a route: its kind, the names of its policies, whether it only reports, and how it is asked. ``hook`` is the
    compiled one; ``when`` tells the three stages of limits apart."""

    kind: str
    names: tuple[str, ...]
    report: bool
    ask: Ask
    hook: Decide
    stage: Stage
    when: str = ""


def steps_of(route: CompiledRoute, config: Config) -> tuple[AskedStage, ...]:
    """The stages of ``route`` that decide, in their order."""
    hooks = {depth: hook for hook, depth in route.request_hooks[0]}
    return tuple(
        _step(built, hooks[depth], config)
        for depth, built in enumerate(route.stages, 1)
        if depth in hooks and built.kind not in _NOT_ASKED
    )


def _step(built: Built, hook: Decide, config: Config) -> AskedStage:
    kind, names = built.kind, built.policies
    ask, when = Ask.ITSELF, ""
    if kind in _BY_RECORD:
        ask = Ask.RECORD
    elif kind == "body":
        ask = Ask.ITSELF_FIRST
    elif kind == "breaker":
        ask = Ask.RECORD if isinstance(built.stage, CheckedBreaker) else Ask.ITSELF
    elif isinstance(built.stage, rate_limit.RateLimit):
        names = built.stage.names  # those of its own: it was built from all that the route names
        limits = [_limit(config, name) for name in names]
        when = rate_limit.when_of(limits[0]).value
        unlogged = any(word.startswith(("input:", "header:")) for limit in limits for word in limit.key)
        ask = Ask.RECORD if unlogged else Ask.ITSELF
    return AskedStage(kind, names, built.report, ask, hook, built.stage, when)


def _limit(config: Config, name: str) -> rate_limit.Settings:
    found = config.policies[LIMITS][name]
    assert isinstance(found, rate_limit.Settings), "of its section"
    return found


_SECTIONS = {
    "rate_limit": LIMITS,
    "auth": "auth",
    "body": "bodies",
    "upload": "uploads",
    "schema": "schemas",
    "lockout": "lockouts",
    "breaker": "breakers",
}


class Relations:
    """How the stages of ``new`` are related to those of ``old``; each pair of policies is compared once."""

    def __init__(self, old: Config, new: Config) -> None:
        self._old = old
        self._new = new
        self._known: dict[tuple[str, str, str], Relation] = {}

    def to(self, old: AskedStage, new: AskedStage, procedures: Sequence[str]) -> Relation:
        """How ``new`` is related to ``old``, a stage of the same kind, for calls of ``procedures`` (of a route: its name)."""
        if old.when != new.when or len(old.names) != len(new.names):
            return Relation.UNKNOWN
        found = {self._policy(new.kind, *pair, procedures) for pair in zip(old.names, new.names, strict=True)}
        return found.pop() if len(found) == 1 else Relation.UNKNOWN

    def _policy(self, kind: str, old: str, new: str, procedures: Sequence[str]) -> Relation:
        before, after = _settings(self._old, kind, old), _settings(self._new, kind, new)
        if isinstance(before, SchemaSettings) and isinstance(after, SchemaSettings):
            return _of_schemas(before, after, procedures)
        known = self._known.get((kind, old, new))
        if known is None:
            known = self._known[kind, old, new] = relation(before, after)
        return known


def _settings(config: Config, kind: str, name: str) -> Settings:
    if kind == "concurrency":
        return config.upstreams[name].concurrency
    return config.policies[_SECTIONS[kind]][name]


def relation(old: Settings, new: Settings) -> Relation:
    """What ``new`` lets through beside ``old``, whether either only reports or not."""
    if old is None or new is None or type(old) is not type(new):
        return Relation.UNKNOWN
    if _plain(old) == _plain(new):
        return Relation.SAME
    there, back = _effects(compared(old, new)), _effects(compared(new, old))
    # "Looser" may be looser here and stricter there: only what is nothing but stricter, seen from the other side, is known.
    if there and there <= {Effect.TIGHTENS, Effect.CHANGES}:
        return Relation.STRICTER
    if back and back <= {Effect.TIGHTENS, Effect.CHANGES}:
        return Relation.LOOSER
    return Relation.UNKNOWN


def _plain(settings: Model) -> Model:
    return settings.model_copy(update={"mode": "enforce", "until": None}) if isinstance(settings, Policy) else settings


def _effects(changes: Iterable[SettingChange]) -> set[Effect]:
    return {change.effect for change in changes if change.path[:1] not in (("mode",), ("until",))}


def _of_schemas(old: SchemaSettings, new: SchemaSettings, procedures: Sequence[str]) -> Relation:
    """The same where the schemas of ``procedures`` are: those of others have no say."""
    if old.max_depth != new.max_depth:
        return Relation.UNKNOWN
    names = [name for one in procedures for name in (one, one + QUERY)]
    same = all(old.files.contents.get(name) == new.files.contents.get(name) for name in names)
    return Relation.SAME if same else Relation.UNKNOWN
