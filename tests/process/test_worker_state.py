"""The state of a worker, and what is made known of it. What fails in a run is in ``test_worker``."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.config.model import State
from gateway.core.addresses import Resolver
from gateway.core.shortage import Shortage
from gateway.process.worker_state import WorkerState
from gateway.state.memory.store import MemoryStore


class Observer:
    """The events and the shortages of a worker, written down."""

    def __init__(self) -> None:
        self.seen: list[object] = []

    def event(self, name: str, **fields: object) -> None:
        self.seen.append(name)

    def shortage(self, kind: Shortage, where: str) -> None:
        self.seen.append((kind, where))


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def state(observer: Any) -> WorkerState:
    return WorkerState(State(), MemoryStore(), observer, Resolver())


async def test_without_a_redis_the_store_of_the_host_is_all(state: WorkerState) -> None:
    await state.connect()
    assert (state.shared, state.status.name, state.status.ok) == (None, "embedded", True)
    await state.disconnect()


def test_a_redis_that_is_away_and_back_is_an_event_each(state: WorkerState, observer: Observer) -> None:
    for up in (False, False, True, True):
        state.on_shared_change(up, "" if up else "Error 24: Too many open files")
    assert [name for name in observer.seen if isinstance(name, str)] == ["state_away", "state_away", "state_back"]
    assert (Shortage.DESCRIPTORS, "the state store (embedded)") in observer.seen


def test_a_store_in_trouble_is_reported_and_a_sound_one_ends_that(state: WorkerState, observer: Observer) -> None:
    store: Any = state.store
    store.check = lambda: SimpleNamespace(why="No space left on device", events=[("state_set_aside", {})])
    list(state.check())
    assert (state.status.ok, state.status.why) == (False, "No space left on device")
    del store.check
    list(state.check())
    assert state.status.ok
    names = [name for name in observer.seen if isinstance(name, str)]
    assert names == ["state_set_aside", "state_well"]
