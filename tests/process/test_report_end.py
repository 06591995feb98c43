"""When a policy stops reporting, the configuration is compiled once more, and once only."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest

from gateway.config.model import Config
from gateway.policy.base.settings import Policy
from gateway.process import report_end
from gateway.process.report_end import ReportEnd

END = datetime(2027, 2, 1, tzinfo=UTC).timestamp()


def test_each_day_is_acted_on_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [END - 1]
    monkeypatch.setattr(report_end, "time", SimpleNamespace(time=lambda: now[0]))
    days = {"a": date(2027, 1, 31), "b": date(2027, 2, 1), "c": None}
    config = Config(policies={"cors": {name: Policy(mode="report", until=day) for name, day in days.items()}})
    events: list[object] = []
    shown: list[float] = []

    def show(served: Config, loaded_at: float) -> None:
        shown.append(loaded_at)
        ends.watch(served, loaded_at)

    ends = ReportEnd(show, lambda name, policies: events.append((name, policies)))
    ends.check()
    ends.watch(config, 5.0)
    ends.check()
    assert (events, shown) == ([], [])
    for _ in range(3):
        now[0] = END
        ends.check()
    assert events == [("report_ended", ["cors.a until 2027-01-31"])] and shown == [5.0]
    now[0] = END + 3 * 86400
    ends.check()
    ends.check()
    assert events[1:] == [("report_ended", ["cors.b until 2027-02-01"])] and shown == [5.0, 5.0]
