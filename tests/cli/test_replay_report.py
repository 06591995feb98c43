"""What a replay has found, as people and programs read it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.log_files import LogFiles
from gateway.cli.replay_report import as_json, print_report
from gateway.cli.sides import LoadedSide
from gateway.review.replay.recorded import Where
from gateway.review.replay.replay import Replay
from gateway.review.replay.side import ReplayedVerdict
from tests.review.replay.configs import config
from tests.review.replay.log_lines import of


@pytest.fixture
def found(tmp_path: Path) -> tuple[Replay, LogFiles, tuple[LoadedSide, LoadedSide]]:
    same = config(tmp_path)
    replay = Replay(same, same)
    tally = replay.tally
    tally.requests, tally.unlogged, tally.dropped = 120_433, 7, 2

    def judged(verdict: str, why: str = "", reported: tuple[str, ...] = ()) -> ReplayedVerdict:
        return ReplayedVerdict(verdict, why, "login", "tutor", reported)

    for number in range(30):
        line = of()
        line.where = Where(1, number)
        tally.judged(line, "pass", judged("pass"), ReplayedVerdict("no_route", "", f"route{number}", ""), False)
    tally.judged(of(), "rate_limited", judged("rate_limited"), judged("", "tokens are not in a log"), False)
    tally.judged(of(), "pass", judged("pass"), judged("pass", reported=("rate_limited",)), False)
    tally.judged(of(), "pass", judged("rate_limited"), judged("pass"), True)
    tally.unread("is no JSON", Where(1, 9))
    side = LoadedSide("main", same, ".")
    return replay, LogFiles(["gateway.log"]), (side, side)


def test_for_people(
    found: tuple[Replay, LogFiles, tuple[LoadedSide, LoadedSide]], capsys: pytest.CaptureFixture[str]
) -> None:
    print_report(*found)
    out = capsys.readouterr().out
    assert out.splitlines()[0] == (
        "of 120,433 requests 30 would now be refused (no_route 30), 0 would now pass, 1 may pass (refused: rate_limited 1)"
    )
    for part in (
        "10  of 10 more kinds: --json has all",
        "1 would be reported (rate_limited 1)",
        "login: rate_limited -> cannot be known: tokens are not in a log",
        "what was used up before the log began is not known",
        "the log: pass; main: rate_limited  (1)",
        "7 refusals by a limit have no line",
        "2 lines were dropped",
        "is no JSON  (first: gateway.log:9)",
    ):
        assert part in out


def test_for_programs(found: tuple[Replay, LogFiles, tuple[LoadedSide, LoadedSide]]) -> None:
    said = as_json(*found)
    assert (said["ok"], said["requests"], said["changed"]) == (False, 120_433, 30)
    assert said["may_pass"] == {"requests": 1, "reasons": {"rate_limited": 1}}
    assert said["unlogged"] == {"refusals": 7, "dropped": 2}
    assert said["not_reproduced"] == [{"recorded": "pass", "old": "rate_limited", "requests": 1}]
    assert len(said["changes"]) == 31


def test_what_passed_and_may_be_refused_is_in_the_first_line(
    found: tuple[Replay, LogFiles, tuple[LoadedSide, LoadedSide]], capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = ReplayedVerdict("", "accounts are not in a log", "login", "tutor")
    found[0].tally.judged(of(), "pass", ReplayedVerdict("pass", "", "login", "tutor"), unknown, False)
    print_report(*found)
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith("0 would now pass, 1 may be refused, 1 may pass (refused: rate_limited 1)")
    assert as_json(*found)["may_refuse"] == {"requests": 1}
