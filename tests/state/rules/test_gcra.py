"""The arithmetic against a model in exact fractions, written from the definition and sharing nothing with it."""

import tempfile
from fractions import Fraction
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state.lmdb.store import LmdbStore
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.gcra import SECOND, Take, ticks
from gateway.state.store import Store

NOON_US = 1_767_268_800_000_000


class Model:
    """Virtual scheduling with fractions: a cell conforms when it comes no earlier than TAT minus the tolerance."""

    def __init__(self) -> None:
        self.tat: dict[bytes, Fraction] = {}

    def take(self, takes: list[Take], now: Fraction) -> list[bool]:
        after = {}
        conform = []
        for take in takes:
            # The stores space units by whole quarters of a microsecond.
            spacing = Fraction(Fraction(take.period) * 4_000_000 // take.limit, 4_000_000)
            arrival = max(self.tat.get(take.key, now), now)
            after[take.key] = arrival + spacing * take.cost
            conform.append(after[take.key] - now <= spacing * take.burst)
        if all(conform):
            self.tat |= after
        return conform


LIMITS = {b"a": (5, 60.0, 5), b"b": (7, 60.0, 7), b"c": (300, 60.0, 60), b"d": (1, 0.5, 1), b"e": (1000, 1.0, 3)}

calls = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 100, 999, 142_857, 1_000_000, 8_571_429, 12_000_000, 60_000_000]),
        st.dictionaries(st.sampled_from(sorted(LIMITS)), st.integers(1, 4), min_size=1, max_size=3),
    ),
    max_size=60,
)


def replay(store: Store, steps: list[tuple[int, dict[bytes, int]]]) -> None:
    model = Model()
    now_us = NOON_US
    for pause, costs in steps:
        now_us += pause
        takes = [Take(key, cost, *LIMITS[key]) for key, cost in costs.items()]
        answers = store.take(takes, now_us / 1e6)
        assert [answer.ok for answer in answers] == model.take(takes, Fraction(now_us, 1_000_000))
        for take, answer in zip(takes, answers, strict=True):
            ahead = max(model.tat.get(take.key, Fraction(0)) - Fraction(now_us, 1_000_000), Fraction(0))
            assert abs(answer.reset - ahead) < 1e-6
            assert 0 <= answer.remaining <= take.burst


@given(calls)
def test_the_memory_store_is_the_model(steps: list[tuple[int, dict[bytes, int]]]) -> None:
    replay(MemoryStore(), steps)


@settings(max_examples=30)
@given(calls)
def test_the_embedded_store_is_the_model(steps: list[tuple[int, dict[bytes, int]]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = LmdbStore(Path(directory), size=1 << 20)
        try:
            replay(store, steps)
        finally:
            store.close()


@given(st.integers(0, 2_208_988_800_000_000))
def test_a_microsecond_is_always_four_ticks(microseconds: int) -> None:
    assert ticks(microseconds / 1e6) == microseconds * 4


@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from([1.0, 0.1, 60.0]), st.lists(st.integers(0, 2_000_000)))
def test_never_more_than_burst_and_rate_in_any_window(limit: int, burst: int, period: float, pauses: list[int]) -> None:
    store, now = MemoryStore(), NOON_US
    passed: list[int] = []
    for pause in pauses:
        now += pause
        if store.take([Take(b"k", 1, limit, period, burst)], now / 1e6)[0].ok:
            passed.append(now)
    spacing = int(period * SECOND // limit) / 4
    for first, start in enumerate(passed):
        for last in range(first, len(passed)):
            assert last - first + 1 <= burst + (passed[last] - start) / spacing


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 3_000_000))
def test_retry_after_is_the_first_moment_that_passes(cost: int, spent: int, pause: int) -> None:
    store = MemoryStore()
    take = Take(b"k", cost, 7, 60.0, 9)
    store.take([take._replace(cost=spent)], NOON_US / 1e6)
    now = NOON_US + pause
    (taken,) = store.take([take], now / 1e6)
    if not taken.ok:
        wait = round(taken.retry_after * 1e6)
        assert not store.take([take], (now + wait - 2) / 1e6)[0].ok
        assert store.take([take], (now + wait + 1) / 1e6)[0].ok
