"""A log judged by two configurations, by the time of the log: what would have been refused, and what would have passed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.config.model import Config
from gateway.config.routes import GATEWAY_PATHS
from gateway.review.replay.evidence import Evidence, verdict_of
from gateway.review.replay.matches import Matches
from gateway.review.replay.recorded import NOWHERE, Event, RecordedRequest, Unreadable, Where, read
from gateway.review.replay.side import FORWARDING, ReplayedSide
from gateway.review.replay.tally import SAMPLES, Tally
from gateway.review.replay.timeline import Timeline

_WHEREVER_CUT = ("batch_too_large",)
"""Reasons that hold whatever else is in a path."""


class Line(NamedTuple):
    """A line of a log: where it is, and its bytes; None for one that is too long to be read."""

    where: Where
    octets: bytes | None


class Replay:
    """Judges the requests of a log by ``old`` and by ``new``. ``tally`` has what was found."""

    def __init__(self, old: Config, new: Config, samples: int = SAMPLES) -> None:
        self.tally = Tally(samples)
        self._configs = old, new
        self._timeline = Timeline()
        self._sides: tuple[ReplayedSide, ReplayedSide] | None = None
        self._matches = Matches(old, new)
        self.began = 0.0
        """When the first request came, Unix seconds."""

    @property
    def late(self) -> int:
        """Requests that were judged a little after others that came behind them."""
        return self._timeline.late

    def read(self, lines: Iterable[Line]) -> None:
        """Judge the requests of ``lines``."""
        for line in lines:
            try:
                if line.octets is None:
                    raise Unreadable("is longer than any line of the gateway")
                if not line.octets.strip():
                    continue
                entry = read(line.octets)
                if isinstance(entry, RecordedRequest):
                    entry.where = line.where
                due = self._timeline.add(entry)
            except Unreadable as error:
                self.tally.unread(str(error), line.where)
            else:
                for one in due:
                    self._take(one)

    def end(self) -> None:
        """Judge what is left when the log is over."""
        for one in self._timeline.rest():
            self._take(one)
        for _ in range(self._timeline.misplaced):
            self.tally.unread("has a time that no line behind it goes on from", NOWHERE)
        full = sum(side.store.stats().refused_full for side in self._sides or ())
        if full:
            self.tally.unknown["more clients than a replay remembers"] += full

    def _take(self, entry: RecordedRequest | Event) -> None:
        tally = self.tally
        if isinstance(entry, Event):
            tally.events += 1
            if entry.name == "refusals_unlogged":
                tally.unlogged += entry.times
            elif entry.name == "log_lines_dropped":
                tally.dropped += entry.times
            return
        old, new = self._both(entry.start)
        tally.count(tally.configs, entry.config)
        if not entry.target:
            old.charge(entry)
            new.charge(entry)
            if entry.method:  # a preflight for a path that has no one reading
                tally.requests += 1
                tally.count(tally.unknown, "its path is not in the log")
            else:
                tally.heads += 1
        elif entry.path in GATEWAY_PATHS and not entry.egress:
            tally.health += 1
        else:
            tally.requests += 1
            self._judge(entry, old, new)

    def _both(self, moment: float) -> tuple[ReplayedSide, ReplayedSide]:
        if self._sides is None:
            self.began = moment
            self._sides = ReplayedSide(self._configs[0], moment), ReplayedSide(self._configs[1], moment)
        for side in self._sides:
            side.move(moment)
        return self._sides

    def _judge(self, line: RecordedRequest, old: ReplayedSide, new: ReplayedSide) -> None:
        tally = self.tally
        before, route = old.route(line)
        steps = old.steps(route)
        evidence = Evidence(line, steps)
        line.called = route.upstream.name
        was = old.judge(line, before, route, evidence.of_itself)
        after, other = new.route(line)
        names = tuple([call.procedure for call in after.calls]) or (other.name,)
        by_record = self._matches.of((route, steps), (other, new.steps(other)), evidence, names)
        found = new.judge(line, after, other, by_record)
        if new.believes(line.peer) not in (None, old.believes(line.peer)):
            found = found._replace(verdict="", why=FORWARDING)
        warm_up = line.start < self.began + max(old.warm_up(route), new.warm_up(other))
        if line.cut and not found.verdict == was.verdict == line.reason in _WHEREVER_CUT:
            tally.count(tally.unknown, "its path is cut in the log")  # and it was charged, as far as that can be known
        else:
            tally.judged(line, verdict_of(line), was, found, warm_up)
