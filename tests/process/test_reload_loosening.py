"""Reloads that let more through than before: over the API none that nobody has answered for."""

from __future__ import annotations

import asyncio
from pathlib import Path

from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.process.channel import LastReload
from gateway.process.comparison import ConfigComparison
from gateway.process.reload import ReloadOutcome, Trigger
from tests.eventually import eventually
from tests.process.configs import written
from tests.process.reloading import Child, Compared, Given

LOOSENING = {
    "id": "a1",
    "effect": "loosens",
    "routes": ["chat"],
    "setting": "routes.chat",
    "before": "",
    "after": "there",
    "where": {"old": "", "new": "upstreams.yaml:13"},
    "why": "A route is new.",
}


async def test_over_the_api_a_loosening_waits_for_its_acknowledgement(given: Given) -> None:
    compare = given.compare_with(Compared(LOOSENING))
    child = Child(given.before)
    given.children.append(child)
    attempt = await given.attempt(Trigger.API)
    assert (attempt.outcome, attempt.loosenings, child.orders) == (ReloadOutcome.LOOSENS, (LOOSENING,), [])
    assert given.reloader.config is given.before
    assert given.reloader.refused is not None and "acknowledge a1" in given.reloader.refused.problems[0]
    assert [isinstance(order, LastReload) for order in child.others] == [True]
    attempt = await given.attempt(Trigger.API, ["b2"])
    assert attempt.outcome is ReloadOutcome.LOOSENS
    attempt = await given.attempt(Trigger.API, ["b2", "a1"])
    assert (attempt.outcome, attempt.acknowledged) == (ReloadOutcome.SERVED, ("a1",))
    assert given.reloader.config is given.after
    assert child.others[-1] == LastReload(None)
    assert compare.asked == [(given.before.digest, given.after.digest)] * 3
    assert b'gateway_config_reload_attempts_total{outcome="loosens",trigger="api"} 2.0' in given.metrics.exposition()
    lines = {line["event"]: line for line in given.events()}
    assert lines["reload_loosens"]["acknowledged"] == ["a1"]


async def test_what_was_compared_is_what_is_served_whatever_the_files_say_by_then(given: Given, tmp_path: Path) -> None:
    loads: list[str] = []

    class Later(Compared):
        async def __call__(self, old: Config, new: Config) -> ConfigComparison:
            given.files = written(tmp_path, info="other")  # somebody goes on editing
            return await super().__call__(old, new)

    given.compare_with(Later(), loads)
    assert (await given.attempt(Trigger.API)).outcome is ReloadOutcome.SERVED
    assert given.reloader.config is given.after and len(loads) == 1


async def test_a_comparison_that_fails_refuses_and_one_that_is_acknowledged_as_a_whole_does_not(given: Given) -> None:
    given.compare_with(Compared(failed="not done within 20 s"))
    attempt = await given.attempt(Trigger.API)
    assert attempt.outcome is ReloadOutcome.LOOSENS and "not done within 20 s" in attempt.problems[0]
    assert (await given.attempt(Trigger.API, [attempt.loosenings[0]["id"]])).served


async def test_a_signal_asks_for_no_acknowledgement_and_what_it_opened_is_logged_afterwards(given: Given) -> None:
    compare = given.compare_with(Compared(LOOSENING))
    attempt = await given.attempt(Trigger.SIGNAL)
    assert (attempt.outcome, compare.asked) == (ReloadOutcome.SERVED, []), "nobody waits for the comparison"
    await given.reloader.report_differences(attempt, given.log)
    line = given.events()[-1]
    assert (line["event"], line["count"], line["acknowledged"]) == ("reload_loosens", 1, [])
    assert "acknowledge a1" in line["changes"][0]


async def test_reloads_that_come_faster_than_they_are_compared_fill_no_memory_and_none_is_passed_over(
    given: Given,
) -> None:
    compare = given.compare_with(Compared())
    attempt = await given.attempt(Trigger.SIGNAL)
    again = await given.attempt(Trigger.SIGNAL)
    compare.let_go.clear()
    waiting = [asyncio.create_task(given.reloader.report_differences(attempt, given.log)) for _ in range(4)]
    await eventually(lambda: compare.asked)
    await given.reloader.report_differences(attempt, given.log)
    await given.reloader.report_differences(again, given.log)  # of the same files: it opens nothing
    compare.let_go.set()
    await asyncio.gather(*waiting)
    assert len(compare.asked) == 4
    await given.reloader.report_differences(attempt, given.log)
    assert len(compare.asked) == 5, "when there are fewer again"
    (loosens,) = [line for line in given.events() if line["event"] == "reload_loosens"]
    assert "4 other reloads are still to be compared" in loosens["changes"][0]


async def test_settings_that_wait_for_a_restart_are_not_asked_about(given: Given, tmp_path: Path) -> None:
    compare = given.compare_with(Compared())
    given.files = written(tmp_path, **{"path: state": "path: other"})
    assert (await given.attempt(Trigger.API)).served
    served = given.before.digest
    assert compare.asked == [(served, served)] and given.reloader.pending == ["state"], (
        "no reload brings them into force"
    )


async def test_files_that_say_the_same_again_order_nothing_and_end_a_refusal(given: Given) -> None:
    child = Child(given.before)
    given.children.append(child)
    given.files = [Problem("upstreams.yaml", 3, 1, "routes", "is wrong", "")]
    assert not (await given.attempt(Trigger.FILES)).served
    given.files = given.before
    assert (await given.attempt(Trigger.FILES)).outcome is ReloadOutcome.UNCHANGED
    assert (child.orders, given.reloader.refused) == ([], None)
    assert (await given.attempt(Trigger.SIGNAL)).outcome is ReloadOutcome.SERVED, "who asks for it gets it"


async def test_files_that_change_while_they_are_read_are_not_served_and_nothing_is_said_of_them(given: Given) -> None:
    given.files = [Problem("upstreams.yaml", 3, 1, "routes", "is cut off", "")]
    reads = given.reloader.reads
    attempt = await given.reloader.reload(given.metrics, given.log, Trigger.FILES, (), lambda _: False)
    assert (attempt.outcome, given.reloader.refused, given.reloader.reads is reads) == (ReloadOutcome.TORN, None, True)
    assert given.events() == []
    assert b"gateway_config_reload_attempts_total{" not in given.metrics.exposition()
