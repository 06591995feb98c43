"""From the policies that a route names to its stages, in the order of ``policy.kinds``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.body import Buffer, BufferWithoutForms
from gateway.policy.kinds import KINDS, Kind

Names = Mapping[str, tuple[str, ...]]
"""Names of policies by section."""

Built = tuple[Stage, bool]
"""A stage, and whether it only reports (``mode: report``)."""

Guards = Mapping[str, Built]
"""The stages that come with an upstream, by the name of their kind."""

NO_GUARDS: Guards = {}

Wanted = Callable[[Kind], bool]


class StageBuilder:
    """Builds each stage once, so that what it remembers serves every route that names its policies."""

    def __init__(self, policies: Mapping[str, Mapping[str, Policy]], tools: Tools) -> None:
        self._policies = policies
        self._tools = tools
        self._built: dict[tuple[Kind, tuple[str, ...]], Stage | None] = {}

    def stages(self, names: Names, guards: Guards = NO_GUARDS, wanted: Wanted | None = None) -> list[Built]:
        """The stages of the policies in ``names`` and those of ``guards``, of the kinds that are ``wanted`` (of all)."""
        stages: list[Built] = []
        buffered = forms = False
        for kind in KINDS:
            if wanted is not None and not wanted(kind):
                continue
            of_kind = [guards[kind.name]] if kind.name in guards else list(self._of(kind, names.get(kind.section, ())))
            if of_kind and kind.needs_body and not buffered:
                stages.append((BufferWithoutForms() if forms else Buffer(), False))
                buffered = True
            forms = forms or (bool(of_kind) and kind.judges_forms)
            stages += of_kind
        return stages

    def of_section(self, section: str) -> dict[str, Stage]:
        """The stages that were built for one policy of ``section`` each, by its name."""
        found = ((names, stage) for (kind, names), stage in self._built.items() if kind.section == section)
        return {names[0]: stage for names, stage in found if len(names) == 1 and stage is not None}

    def of_kind(self, name: str) -> Stage | None:
        """The stage of a kind without policies, None where no route has it."""
        return next((stage for (kind, _), stage in self._built.items() if kind.name == name), None)

    def _of(self, kind: Kind, names: tuple[str, ...]) -> Iterator[Built]:
        if not kind.section:
            yield from self._stage(kind, (), False)
        elif kind.combined:
            for report in (False, True):  # apart, since what only reports must not refuse the others
                yield from self._stage(kind, tuple(n for n in names if self._reports(kind, n) is report), report)
        else:
            for name in names:
                yield from self._stage(kind, (name,), self._reports(kind, name))

    def _reports(self, kind: Kind, name: str) -> bool:
        return self._policies[kind.section][name].mode == "report"

    def _stage(self, kind: Kind, names: tuple[str, ...], report: bool) -> Iterator[Built]:
        """The stage of ``names``, unless the kind has none for them."""
        if kind.build is None or (kind.section and not names):
            return
        if (kind, names) not in self._built:
            policies = [(name, self._policies[kind.section][name]) for name in names]
            self._built[kind, names] = kind.build(policies, self._tools)
        stage = self._built[kind, names]
        if stage is not None:
            yield stage, report
