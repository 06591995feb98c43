"""What is spent beyond the calls of clients: never more than a share of them, over any ten seconds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.upstream.budget import WINDOW, Budget


@settings(deadline=None)
@given(
    st.floats(0, 1),
    st.integers(0, 3),
    st.lists(st.sampled_from(["call", "call", "call", "spend"]) | st.floats(0, 15), max_size=150),
)
def test_no_window_holds_more_retries_than_the_budget(share, per_second, steps):
    now = 1000.5
    budget = Budget(share, per_second, lambda: now)
    called: list[int] = []
    spent: list[int] = []
    for step in steps:
        if isinstance(step, float):
            now += step
            continue
        window = range(int(now) - WINDOW + 1, int(now) + 1)
        if step == "call":
            called.append(int(now))
            budget.call(now)
            continue
        most = share * sum(second in window for second in called) + per_second * WINDOW
        before = sum(second in window for second in spent)
        if budget.spend():
            spent.append(int(now))
            assert before + 1 <= most + 1e-6
        else:
            assert before + 1 > most - 1e-6, "what is in the budget is given"


def test_what_was_spent_counts_for_ten_seconds():
    now = 0.0
    budget = Budget(1.0, 0, lambda: now)
    for _ in range(5):
        budget.call(now)
    assert [budget.spend() for _ in range(6)] == [True] * 5 + [False]
    for now in (1.0, 5.5, 9.9):
        assert budget.left == 0
        budget.call(now)
        assert budget.spend()
    now = 10.0
    assert budget.left == 0, "the calls of then are over with what was spent of them"
    now = 100.0
    budget.call(now)
    assert budget.left == 1
