"""What becomes of attempts, against a model of the whole history."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.state.lmdb.store import LmdbStore
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Attempt
from gateway.state.store import Store
from tests.state.attempts import NOON


@st.composite
def steps(draw: st.DrawFn) -> list[tuple[str, bytes, float]]:
    step = st.tuples(
        st.sampled_from(["reserve", "reserve", "failed", "failed", "passed", "none", "unlock", "sweep", "both"]),
        st.sampled_from([b"a", b"b"]),
        st.sampled_from([0.0, 0.5, 7.0, 61.0]),
    )
    return draw(st.lists(step, max_size=40))


class Model:
    """The rule as a reader of the documentation would write it down, over the whole history."""

    def __init__(self) -> None:
        self.failed: dict[bytes, list[float]] = {}
        self.flying: dict[bytes, list[float]] = {}
        self.until: dict[bytes, float] = {}
        self.level: dict[bytes, int] = {}

    def free(self, key: bytes, now: float) -> bool:
        used = [t for t in self.failed.get(key, []) + self.flying.get(key, []) if t > now - 30.0]
        return self.until.get(key, 0.0) <= now and len(used) < 3

    def reserve(self, keys: list[bytes], now: float) -> bool:
        if not all(self.free(key, now) for key in keys):
            return False
        for key in keys:
            self.flying.setdefault(key, []).append(now)
        return True

    def settle(self, key: bytes, failed: bool | None, now: float) -> None:
        flying = [t for t in self.flying.get(key, []) if t > now - 30.0]
        self.flying[key] = flying[:-1]
        recent = [t for t in self.failed.get(key, []) if t > now - 30.0]
        if failed:
            recent.append(now)
        elif failed is False:
            recent = []
        if len(recent) >= 3:
            self.until[key] = now + (60.0, 120.0)[min(self.level.get(key, 0), 1)]
            self.level[key] = self.level.get(key, 0) + 1
            recent = []
        self.failed[key] = recent


def play(store: Store, history: list[tuple[str, bytes, float]]) -> None:
    model, now = Model(), NOON
    verdicts = {"failed": True, "passed": False, "none": None}
    for what, key, pause in history:
        now += pause
        attempt = Attempt(key, "account", 3, 30.0, (60.0, 120.0))
        if what == "reserve":
            assert store.reserve([attempt], now)[0].ok is model.reserve([key], now)
        elif what == "both":
            asked = [attempt._replace(key=name) for name in (b"a", b"b")]
            assert all(answer.ok for answer in store.reserve(asked, now)) is model.reserve([b"a", b"b"], now)
        elif what in verdicts:
            store.settle([attempt], verdicts[what], now)
            model.settle(key, verdicts[what], now)
        elif what == "unlock":
            assert store.unlock("account", key, now) is (model.until.get(key, 0.0) > now)
            for table in (model.failed, model.flying, model.until, model.level):
                table.pop(key, None)  # type: ignore[attr-defined]  # dictionaries of different values
        else:
            store.sweep(now, 10)
        assert len(store.locks(now, 10)) == sum(until > now for until in model.until.values())
    store.close()


@settings(max_examples=150)
@given(steps())
def test_memory_follows_the_rule(history: list[tuple[str, bytes, float]]) -> None:
    play(MemoryStore(), history)


@settings(max_examples=60)
@given(history=steps())
def test_embedded_follows_the_rule(
    history: list[tuple[str, bytes, float]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    play(LmdbStore(tmp_path_factory.mktemp("state"), size=1 << 20), history)
