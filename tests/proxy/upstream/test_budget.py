"""What is spent beyond the calls of clients: never more than a share of them, over any ten seconds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.proxy.upstream.budget import HANDFUL, WINDOW, Budget


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


def spend_all(budget: Budget, client: str) -> int:
    spent = 0
    while budget.spend(client):
        spent += 1
    return spent


@pytest.mark.parametrize(("per_second", "gets"), [(0, 2 + HANDFUL), (3, 2 + 30)])
def test_a_client_spends_a_share_of_its_own_calls_and_little_of_what_the_others_bring(
    per_second: int, gets: int
) -> None:
    budget = Budget(0.2, per_second, lambda: 0.0)
    for number in range(500):
        budget.call(0.0, f"client-{number}")
    for _ in range(10):
        budget.call(0.0, "mallory")
    assert spend_all(budget, "mallory") == gets
    assert all(budget.spend(f"client-{number}") for number in range(50))


def test_of_what_does_not_depend_on_calls_one_client_leaves_some_to_others() -> None:
    budget = Budget(0.0, 3, lambda: 0.0)
    assert spend_all(budget, "mallory") == 15
    assert spend_all(budget, "another") == 8
    assert budget.spend("ada")


def test_a_client_that_makes_all_calls_has_the_whole_share_and_the_past_is_forgotten() -> None:
    now = 0.0
    budget = Budget(0.2, 0, lambda: now)
    for now in (0.0, 20.0):
        for _ in range(60):
            budget.call(now, "ada")
        assert (spend_all(budget, "ada"), budget.left) == (12, 0)


def test_what_is_nobodys_own_is_not_divided() -> None:
    budget = Budget(0.0, 3, lambda: 0.0)
    assert sum(budget.spend(None) for _ in range(40)) == 30
