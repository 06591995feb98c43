"""All policy kinds and the one order they run in. YAML says which stages a route has, never in which order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, cast

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply, Verdict
from gateway.policy import body, breaker, client, cors, identity, lockout, response_headers
from gateway.policy.auth import auth as jwt
from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.fallback import fallback
from gateway.policy.fallback.stale import StoredResponses
from gateway.policy.rate_limit import rate_limit

SECTIONS: dict[str, ModuleType] = {
    module.SECTION: module for module in (jwt, cors, rate_limit, body, lockout, response_headers, breaker, fallback)
}

ORDER = (
    "identity",  # first, so that even the first refusal has an id to be found by
    "response_headers",  # only acts on the way back; entered early so that every refusal carries the fields
    "cors",  # an unknown origin is refused before anything is spent on it, and later refusals stay readable
    "client",  # every key below may need the address
    "flood",  # before the signature is checked, so that checking is metered
    "auth",
    "limits",  # limits that need to know who it is
    "body",  # only who may come in is measured
    "buffer",  # reads the body, only where a later stage looks inside
    "input_limits",  # limits keyed on what the body says
    "lockout",  # names the account by the body; behind the limits, so that refused requests spend no attempt
    "concurrency",  # waiting comes before the breaker, which then judges by how things are when the place is there
    "breaker",  # last: a slot is held only for what will really reach the upstream
)


@dataclass(frozen=True, slots=True)
class Choice:
    """The policies a route names, by section. A batch over several routes has the union of theirs."""

    auth: tuple[str, ...] = ()
    cors: tuple[str, ...] = ()
    rate_limits: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    lockouts: tuple[str, ...] = ()
    response_headers: tuple[str, ...] = ()
    breakers: tuple[tuple[str, str], ...] = ()
    """Upstream and breaker."""
    concurrency: tuple[Stage, ...] = ()
    """The places of the upstream, one stage for all of its routes."""

    def __or__(self, other: Choice) -> Choice:
        return Choice(*(tuple(dict.fromkeys(getattr(self, name) + getattr(other, name))) for name in self.__slots__))


class Catalogue:
    """Builds stages, each named policy once, so that what it remembers serves every route that names it."""

    def __init__(self, policies: Mapping[str, Mapping[str, Policy]], tools: Tools) -> None:
        self._policies = policies
        self._tools = tools
        self._built: dict[tuple[str, str], Stage] = {
            ("", "identity"): identity.build(),
            ("", "client"): client.build(tools),
        }
        self._memories: dict[str, StoredResponses] = {}

    def stages(self, choice: Choice) -> list[tuple[Stage, bool]]:
        """The stages of a route in ``ORDER``, each with whether it only reports (``mode: report``)."""
        found: dict[str, list[tuple[Stage, bool]]] = {name: [] for name in ORDER}
        found["identity"].append((self._built["", "identity"], False))
        found["client"].append((self._built["", "client"], False))
        found["response_headers"] += self._named("response_headers", choice.response_headers)
        found["cors"] += self._named("cors", choice.cors)
        found["auth"] += self._named("auth", choice.auth)
        found["body"] += self._named("bodies", choice.bodies)
        for place, slot in (
            (rate_limit.Place.FLOOD, "flood"),
            (rate_limit.Place.AUTHENTICATED, "limits"),
            (rate_limit.Place.INPUT, "input_limits"),
        ):
            found[slot] += self._limits(choice.rate_limits, place)
        found["lockout"] += self._named("lockouts", choice.lockouts)
        found["concurrency"] += [(stage, False) for stage in choice.concurrency]
        found["breaker"] += [self.breaker(*pair) for pair in choice.breakers]
        if found["input_limits"] or found["lockout"]:
            found["buffer"].append((body.Buffer(), False))
        return [stage for name in ORDER for stage in found[name]]

    def breaker(self, upstream: str, name: str) -> tuple[Stage, bool]:
        """The breaker ``name`` in front of ``upstream``, and whether it only reports."""
        settings: Any = self._policies["breakers"][name]
        key = ("breakers", f"{upstream} {name}")
        if key not in self._built:
            self._built[key] = breaker.build(upstream, settings, self._tools)
        return self._built[key], settings.mode == "report"

    def fallback(self, name: str) -> fallback.Settings:
        """What the fallback ``name`` is."""
        settings: Any = self._policies["fallbacks"][name]
        return cast(fallback.Settings, settings)

    def memory(self, name: str) -> StoredResponses:
        """What the fallback ``name`` remembers, the same for all upstreams that name it."""
        if name not in self._memories:
            stale = self.fallback(name).stale
            assert stale is not None, "asked for by its kind"
            self._memories[name] = StoredResponses(stale, self._tools.wall)
        return self._memories[name]

    def _named(self, section: str, names: tuple[str, ...]) -> Iterator[tuple[Stage, bool]]:
        for name in names:
            settings = self._policies[section][name]
            if (section, name) not in self._built:
                self._built[section, name] = SECTIONS[section].build(name, settings, self._tools)
            yield self._built[section, name], settings.mode == "report"

    def _limits(self, names: tuple[str, ...], place: rate_limit.Place) -> Iterator[tuple[Stage, bool]]:
        """One stage takes all limits of a place at once; those that only report are taken apart, as none is refused."""
        for report in (False, True):
            chosen: list[tuple[str, Any]] = [
                (name, settings)
                for name in names
                if ((settings := self._policies["rate_limits"][name]).mode == "report") is report
            ]
            stage = rate_limit.build(chosen, place, self._tools) if chosen else None
            if stage is not None:
                yield stage, report


Decide = Callable[[Exchange], Verdict | Awaitable[Verdict]]


def reporting(decide: Decide) -> Decide:
    """``decide`` for ``mode: report``: what it would refuse passes and is noted in ``exchange.reported``."""

    def noted(exchange: Exchange, verdict: Verdict) -> Verdict:
        if isinstance(verdict, Refusal):
            exchange.reported.append(verdict.reason.slug)
            return None
        return verdict

    async def later(exchange: Exchange, verdict: Awaitable[Verdict]) -> Verdict:
        return noted(exchange, await verdict)

    def decided(exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        verdict = decide(exchange)
        if verdict is None or isinstance(verdict, (Refusal, Reply)):
            return noted(exchange, verdict)
        return later(exchange, verdict)

    return decided
