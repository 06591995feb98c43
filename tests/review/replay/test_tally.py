"""What a replay counts."""

from __future__ import annotations

from gateway.review.replay.evidence import PASSED
from gateway.review.replay.recorded import Where
from gateway.review.replay.side import ReplayedVerdict
from gateway.review.replay.tally import BEFORE_THE_LOG, NOT_REPRODUCED, Tally, VerdictChange, by_reason
from tests.review.replay.log_lines import of


def judged(verdict: str, why: str = "", upstream: str = "tutor", reported: tuple[str, ...] = ()) -> ReplayedVerdict:
    return ReplayedVerdict(verdict, why, "login", upstream, reported)


def test_each_request_is_counted_once() -> None:
    tally = Tally()
    for old, new in (
        (judged(PASSED), judged(PASSED)),
        (judged("no_route"), judged("no_route")),
        (judged(PASSED), judged("rate_limited")),
        (judged("rate_limited"), judged(PASSED)),
        (judged("rate_limited"), judged("token_missing")),
        (judged(PASSED), judged(PASSED, upstream="other")),
        (judged(PASSED), judged("", "why")),
        (judged("", "why"), judged(PASSED)),
    ):
        tally.judged(of(), old.verdict or PASSED, old, new, False)
    assert (tally.unchanged, tally.changed) == (2, 4)
    assert dict(tally.refused) == {VerdictChange("login", PASSED, "rate_limited"): 1}
    assert dict(tally.passed) == {VerdictChange("login", "rate_limited", PASSED): 1}
    assert dict(tally.otherwise) == {VerdictChange("login", "rate_limited", "token_missing"): 1}
    assert dict(tally.rerouted) == {VerdictChange("login", "tutor", "other"): 1}
    assert dict(tally.undecided) == {VerdictChange("login", PASSED, "why"): 1}
    assert dict(tally.unknown) == {"why": 1, NOT_REPRODUCED: 1}


def test_samples_are_few_and_say_where_they_are() -> None:
    tally = Tally(2)
    for number in range(5):
        line = of(id=f"id{number}")
        line.where = Where(1, number)
        tally.judged(line, PASSED, judged(PASSED), judged("no_route"), False)
    ((kind, samples),) = tally.samples.items()
    assert (kind.after, [(one.where.line, one.id) for one in samples]) == ("no_route", [(0, "id0"), (1, "id1")])


def test_only_what_limits_decide_is_in_their_warm_up() -> None:
    tally = Tally()
    tally.judged(of(), PASSED, judged(PASSED), judged("no_route"), True)
    assert tally.changed_in_warm_up == 0
    tally.judged(of(), PASSED, judged(PASSED), judged("rate_limited"), True)
    assert tally.changed_in_warm_up == 1
    tally.judged(of(), "rate_limited", judged(PASSED), judged(PASSED), True)
    assert dict(tally.unknown) == {BEFORE_THE_LOG: 1}


def test_made_up_names_take_no_memory() -> None:
    tally, line = Tally(), of()
    for number in range(5000):
        tally.count(tally.configs, str(number))
        found = ReplayedVerdict("no_route", "", f"route{number}", "")
        tally.judged(line, PASSED, judged(PASSED), found, False)
    assert len(tally.configs) <= 2001 and len(tally.refused) <= 2001
    assert tally.refused.total() == tally.configs.total() == 5000


def test_reasons_are_summed_the_most_frequent_first() -> None:
    counted = {
        VerdictChange("a", PASSED, "x"): 1,
        VerdictChange("b", PASSED, "y"): 5,
        VerdictChange("c", PASSED, "x"): 2,
    }
    assert list(by_reason(counted).items()) == [("y", 5), ("x", 3)]
