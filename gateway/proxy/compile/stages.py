"""From the policies that a route names to its stages, in the order of ``policy.kinds``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from gateway.policy.base.buffer import Buffer, BufferWithoutForms, ReadLimit
from gateway.policy.base.report import covered
from gateway.policy.base.same import same
from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.body import SECTION as BODIES
from gateway.policy.kinds import KINDS, Kind
from gateway.proxy.routing.route import Built

Names = Mapping[str, tuple[str, ...]]
"""Names of policies by section."""

NO_NAMES: Names = {}


Guards = Mapping[str, Built]
"""The stages that come with an upstream, by the name of their kind."""

NO_GUARDS: Guards = {}

Wanted = Callable[[Kind], bool]

_Key = tuple[Kind, tuple[str, ...], bool]
"""A kind, the names of policies, and whether the stage knows that they only report."""


class StageBuilder:
    """Builds each stage once, so that what it remembers serves every route that names its policies. One that the builder
    ``before`` has built of the same policies and tools is taken over from it, until ``forget_before``."""

    def __init__(
        self, policies: Mapping[str, Mapping[str, Policy]], tools: Tools, before: StageBuilder | None = None
    ) -> None:
        self._policies = policies
        self._tools = tools
        self._built: dict[_Key, Stage | None] = {}
        self._found: dict[tuple[Kind, tuple[str, ...], tuple[str, ...]], Sequence[Built]] = {}
        self._before = before

    def forget_before(self) -> None:
        """Keep the builder before no longer: what it has built ends with its requests."""
        self._before = None

    def stages(
        self, names: Names, guards: Guards = NO_GUARDS, wanted: Wanted | None = None, reporting: Names = NO_NAMES
    ) -> list[Built]:
        """The stages of the policies in ``names`` and those of ``guards``, of the kinds that are ``wanted`` (of all). Those of
        the policies in ``reporting`` only report."""
        stages: list[Built] = []
        buffered = forms = unbounded = False
        for kind in KINDS:
            if wanted is not None and not wanted(kind):
                continue
            of_kind: Sequence[Built]
            if kind.name in guards:
                of_kind = (guards[kind.name],)
            else:
                of_kind = self._of(kind, names.get(kind.section, ()), reporting.get(kind.section, ()))
            if kind.section == BODIES:
                unbounded = bool(of_kind) and all(one.report for one in of_kind)
            if of_kind and kind.needs_body and not buffered:
                if unbounded:
                    stages.append(Built(ReadLimit(), kind="read_limit"))
                stages.append(Built(BufferWithoutForms() if forms else Buffer(), kind="buffer"))
                buffered = True
            forms = forms or (bool(of_kind) and kind.judges_forms)
            stages += of_kind
        return stages

    def named(self, names: Names, reporting: Names = NO_NAMES) -> Mapping[str, frozenset[str]]:
        """See ``CompiledRoute.named``."""
        found: dict[str, frozenset[str]] = {}
        for kind in KINDS:
            if kind.per_call:
                enforced, others = self._apart(kind, names.get(kind.section, ()), reporting.get(kind.section, ()))
                found[covered(kind.section, "enforce")] = frozenset(enforced)
                found[covered(kind.section, "report")] = frozenset(others)
        return found

    def of_section(self, section: str) -> dict[str, Stage]:
        """The stages that were built for one policy of ``section`` each, by its name."""
        found = ((names, stage) for (kind, names, _), stage in self._built.items() if kind.section == section)
        return {names[0]: stage for names, stage in found if len(names) == 1 and stage is not None}

    def of_kind(self, name: str) -> Stage | None:
        """The stage of a kind without policies, None where no route has it."""
        return next((stage for (kind, _, _), stage in self._built.items() if kind.name == name), None)

    def _of(self, kind: Kind, names: tuple[str, ...], reporting: tuple[str, ...]) -> Sequence[Built]:
        if kind.section and not names and not reporting:
            return ()
        key = (kind, names, reporting)
        if key not in self._found:
            self._found[key] = tuple(self._made(*key))
        return self._found[key]

    def _made(self, kind: Kind, names: tuple[str, ...], reporting: tuple[str, ...]) -> Iterator[Built]:
        if not kind.section:
            yield from self._stage(kind, (), False)
            return
        enforced, others = self._apart(kind, names, reporting)
        if kind.combined:
            yield from self._stage(kind, enforced, False)  # apart, since what only reports must not refuse the others
            yield from self._stage(kind, others, True)
        else:
            for name in dict.fromkeys((*names, *reporting)):
                if name in enforced:
                    yield from self._stage(kind, (name,), False)
                if name in others:
                    yield from self._stage(kind, (name,), True)

    def _apart(
        self, kind: Kind, names: tuple[str, ...], reporting: tuple[str, ...]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Which of them are enforced, and which only report. A policy that judges the request as a whole is one of the two:
        enforced where a route of a batch enforces it. One that judges call by call is both, each for the calls of its routes."""
        enforced = tuple(name for name in names if not self._reports(kind, name))
        both = (name for name in (*names, *reporting) if name in reporting or self._reports(kind, name))
        return enforced, tuple(dict.fromkeys(name for name in both if kind.per_call or name not in enforced))

    def _reports(self, kind: Kind, name: str) -> bool:
        return self._policies[kind.section][name].mode == "report"

    def _stage(self, kind: Kind, names: tuple[str, ...], report: bool) -> Iterator[Built]:
        """The stage of ``names``, unless the kind has none for them. One that does not look at its mode serves both."""
        if kind.build is None or (kind.section and not names):
            return
        key = (kind, names, report and kind.knows_mode)
        if key not in self._built:
            policies = self._named(kind, names, report)
            if self._before is not None and self._before._has(key, policies, report, self._made_with(kind)):
                self._built[key] = self._before._built[key]
            else:
                self._built[key] = kind.build(policies, self._tools)
        stage = self._built[key]
        if stage is not None:
            yield Built(stage, report, f"{kind.section}.{names[0]}" if names else "", kind.name, names)

    def _named(self, kind: Kind, names: tuple[str, ...], report: bool) -> list[tuple[str, Policy]]:
        policies = ((name, self._policies[kind.section][name]) for name in names)
        return [(name, _reporting(one) if report else one) for name, one in policies]

    def _has(self, key: _Key, policies: Sequence[tuple[str, Policy]], report: bool, tools: Tools) -> bool:
        """Whether it has built the stage of ``key``, and of the same ``policies`` with the same ``tools``."""
        kind, names, _ = key
        return (
            key in self._built and self._made_with(kind) == tools and same(self._named(kind, names, report), policies)
        )

    def _made_with(self, kind: Kind) -> Tools:
        # The bound of one address is nothing to the other kinds, which would lose their tokens and schemas with it.
        return self._tools if kind.name == "in_flight" else replace(self._tools, requests_of_address=None)


def _reporting(policy: Policy) -> Policy:
    return policy if policy.mode == "report" else policy.model_copy(update={"mode": "report"})
