"""What a replay has found, counted; of each kind of change some requests as samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.review.replay.evidence import PASSED
from gateway.review.replay.recorded import RecordedRequest, Where
from gateway.review.replay.side import ReplayedVerdict

SAMPLES = 3
"""Requests shown of each kind of change."""

_MOST_KINDS = 2000
"""Kinds of one count: routes and reasons are few, unless the log is forged."""

OTHERS = "(others)"


@dataclass(frozen=True, slots=True)
class ReplaySample:
    """One request of a kind: where its line is, and what an operator finds it by."""

    where: Where
    id: str
    at: float
    method: str
    path: str
    client: str
    warm_up: bool


@dataclass(frozen=True, slots=True)
class VerdictChange:
    """Requests that fare alike: the verdicts of both sides, and the route on the new one, or where both have one route its name."""

    route: str
    before: str
    after: str


@dataclass(slots=True)
class Tally:
    """Counts of a replay. ``refused`` and ``passed`` count what would now be refused or pass by kind, ``otherwise`` what would be
    refused for another reason, ``rerouted`` what would go to another upstream; ``unknown`` by why it cannot be known, and among these ``unknown``
    where that is since the sides differ."""

    most_samples: int = SAMPLES
    requests: int = 0
    unchanged: int = 0
    changed_in_warm_up: int = 0
    refused: Counter[VerdictChange] = field(default_factory=Counter)
    passed: Counter[VerdictChange] = field(default_factory=Counter)
    otherwise: Counter[VerdictChange] = field(default_factory=Counter)
    rerouted: Counter[VerdictChange] = field(default_factory=Counter)
    undecided: Counter[VerdictChange] = field(default_factory=Counter)
    reported: Counter[VerdictChange] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    not_reproduced: Counter[tuple[str, str]] = field(default_factory=Counter)
    unreadable: Counter[str] = field(default_factory=Counter)
    unread_at: dict[str, Where] = field(default_factory=dict)
    configs: Counter[str] = field(default_factory=Counter)
    heads: int = 0
    health: int = 0
    events: int = 0
    unlogged: int = 0
    dropped: int = 0
    samples: dict[VerdictChange, list[ReplaySample]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        """Requests that fare otherwise on the new side."""
        return sum(map(Counter.total, (self.refused, self.passed, self.otherwise, self.rerouted)))

    def count(self, counter: Counter[str], name: str) -> None:
        """Count one ``name``, under ``OTHERS`` where there are too many names."""
        counter[name if name in counter or len(counter) < _MOST_KINDS else OTHERS] += 1

    def unread(self, why: str, where: Where) -> None:
        """Count a line that cannot be read, and keep where the first for each reason is."""
        self.count(self.unreadable, why)
        self.unread_at.setdefault(why, where)

    def judged(
        self, line: RecordedRequest, recorded: str, old: ReplayedVerdict, new: ReplayedVerdict, warm_up: bool
    ) -> None:
        """Count a request that both sides have judged, for which the log records the verdict ``recorded``."""
        warm_up = warm_up and LIMITED in (recorded, old.verdict, new.verdict)
        if old.verdict != recorded:
            self.not_reproduced[recorded, old.verdict or old.why] += 1
            self.count(self.unknown, BEFORE_THE_LOG if warm_up else NOT_REPRODUCED)
            return
        if not new.verdict:
            self.count(self.unknown, new.why)
            self._add(self.undecided, VerdictChange(new.route, old.verdict, new.why), line, warm_up)
            return
        for slug in set(new.reported) - set(old.reported):
            self._add(self.reported, VerdictChange(new.route, old.verdict, slug), line, warm_up)
        if old.verdict == new.verdict:
            if new.verdict != PASSED or old.upstream == new.upstream:
                self.unchanged += 1
                return
            self._changed(self.rerouted, VerdictChange(new.route, old.upstream, new.upstream), line, warm_up)
            return
        counter = self.refused if old.verdict == PASSED else self.passed if new.verdict == PASSED else self.otherwise
        self._changed(counter, VerdictChange(new.route, old.verdict, new.verdict), line, warm_up)

    def _changed(
        self, counter: Counter[VerdictChange], kind: VerdictChange, line: RecordedRequest, warm_up: bool
    ) -> None:
        self.changed_in_warm_up += warm_up
        self._add(counter, kind, line, warm_up)

    def _add(self, counter: Counter[VerdictChange], kind: VerdictChange, line: RecordedRequest, warm_up: bool) -> None:
        if kind not in counter and len(counter) >= _MOST_KINDS:
            kind = VerdictChange(OTHERS, kind.before, kind.after)
        counter[kind] += 1
        samples = self.samples.setdefault(kind, [])
        if len(samples) < self.most_samples:
            path = line.path or line.target
            samples.append(ReplaySample(line.where, line.id, line.start, line.method, path, line.client, warm_up))


LIMITED = "rate_limited"
BEFORE_THE_LOG = "what was used up before the log began is not known"
NOT_REPRODUCED = "the old side does not say of it what the log records"


def by_reason(counter: Mapping[VerdictChange, int], before: bool = False) -> dict[str, int]:
    """How many there are of each verdict, most first."""
    found: Counter[str] = Counter()
    for kind, times in counter.items():
        found[kind.before if before else kind.after] += times
    return dict(found.most_common())
