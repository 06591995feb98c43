"""When Redis is used and when not, without one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.state.failover import link as module
from gateway.state.failover.link import Link
from gateway.state.redis.pipeline import Unreachable
from tests.eventually import eventually


class Remote:
    """A Redis as a link sees it: there or not, with a record of what was asked of it."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.recovered = self.pulled = 0
        self.changes: list[tuple[bool, str]] = []
        self.link = Link(self._recover, self._pull, lambda up, why: self.changes.append((up, why)))

    async def _recover(self) -> None:
        self.recovered += 1
        if self.error is not None:
            raise self.error

    async def _pull(self) -> None:
        self.pulled += 1
        if self.error is not None:
            raise self.error


Start = Callable[[Remote], Awaitable[Remote]]


@pytest.fixture
async def started(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Start]:
    for name, seconds in (("_PULL", 0.01), ("_FIRST", 0.01), ("_LAST", 0.04)):
        monkeypatch.setattr(module, name, seconds)
    made: list[Remote] = []

    async def start(remote: Remote) -> Remote:
        made.append(remote)
        await remote.link.start()
        return remote

    yield start
    for remote in made:
        await remote.link.close()


async def test_it_is_up_once_redis_has_recovered_and_pulls_from_then_on(started: Start) -> None:
    remote = await started(Remote())
    assert remote.link.up and remote.link.started
    assert remote.changes == [(True, "")]
    await eventually(lambda: remote.pulled > 2)
    assert remote.recovered == 1


async def test_a_redis_that_is_away_at_the_start_is_tried_until_it_is_there(started: Start) -> None:
    remote = Remote()
    remote.error = Unreachable("not yet")
    await started(remote)
    assert not remote.link.up
    assert (remote.link.why, remote.changes) == ("not yet", [(False, "not yet")])
    await eventually(lambda: remote.recovered > 3)
    remote.error = None
    await eventually(lambda: remote.link.up)
    assert (remote.link.why, remote.changes[-1]) == ("", (True, ""))


async def test_the_first_failure_is_reported_and_no_other_until_it_is_back(started: Start) -> None:
    remote = await started(Remote())
    remote.error = Unreachable("gone")
    for _ in range(3):
        remote.link.mark_down(Unreachable("late"))
    assert not remote.link.up
    assert remote.changes == [(True, ""), (False, "late")]
    remote.error = None
    await eventually(lambda: remote.link.up)
    assert remote.changes == [(True, ""), (False, "late"), (True, "")]


async def test_a_pull_finds_out_too_and_no_error_ends_trying(started: Start) -> None:
    remote = await started(Remote())
    remote.error = ValueError("odd")
    await eventually(lambda: not remote.link.up)
    await eventually(lambda: remote.recovered > 3)
    assert remote.changes[-1] == (False, "ValueError: odd")
    remote.error = None
    await eventually(lambda: remote.link.up)


async def test_nothing_is_tried_once_it_is_closed(started: Start) -> None:
    remote = await started(Remote())
    await remote.link.close()
    before = remote.recovered, remote.pulled
    remote.link.mark_down(Unreachable("gone"))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert (remote.recovered, remote.pulled) == before
