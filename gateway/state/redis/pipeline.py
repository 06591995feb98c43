"""Calls to Redis in round trips: what the requests of one turn of the event loop ask for leaves together.

Nothing here waits: who asks gives a function that is told the reply, and the round trip as a whole has its time. So a
request costs neither a task nor a timer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha1
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from gateway.state.redis.watchdog import ReplyWatchdog, Wait

AT_ONCE = 4
"""Round trips under way; what comes meanwhile waits and shares the next one."""

CALLS = 64
"""Scripts in a round trip: 1 or 2 ms of Redis, so that it answers somebody all the time while it is busy."""

OnReply = Callable[[Any], None]
"""Is told what Redis replied, once, in a turn of its own: an exception when there is no reply, or an error for one."""


class Unreachable(Exception):
    """Redis did not answer in time, or not with what was asked for. The sentence says why, without secrets."""


def unreachable(error: BaseException) -> Unreachable:
    """``error`` as what it means to who asked."""
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, TimeoutError):
        return Unreachable("no answer in time")
    return Unreachable(f"{type(error).__name__}: {error}"[:200])


class Script:
    """A script by its file beside this one. EVALSHA goes by ``sha``."""

    def __init__(self, name: str) -> None:
        self.source = (files("gateway.state.redis.scripts") / f"{name}.lua").read_bytes()
        self.sha = sha1(self.source, usedforsecurity=False).hexdigest()


class Call(NamedTuple):
    """One run of ``script`` (None for what is none); ``spelled`` is the command as the carrier wants it."""

    script: Script | None
    spelled: Any
    heard: OnReply


class Batch:
    """The calls of one round trip, and its time."""

    __slots__ = ("calls", "replies", "wait")

    def __init__(self, calls: Sequence[Call]) -> None:
        self.calls = calls
        self.replies: list[Any] = []
        self.wait: Wait | None = None


class Transport(Protocol):
    """The way to Redis: a connection (``lane``) or a cluster's client. What it carries it ends with ``Pipeline._ended`` or
    ``Pipeline._failed``, each round once."""

    def spell(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> Any:
        """The command that runs ``script``."""
        ...

    def carry(self, going: Batch) -> None:
        """Send all calls of a round; connects when first asked."""
        ...

    def give_up(self, slow: Batch) -> None:
        """End a round for which no reply came in time."""
        ...

    async def ping(self) -> None:
        """A sign of life, connecting if need be. Raises Unreachable."""
        ...

    async def close(self) -> None:
        """Gives connections back, and ends what is under way."""
        ...


class Pipeline:
    """What ``RedisStore`` inherits: the queue and what is under way. Belongs to one event loop."""

    _carrier: Transport

    def __init__(self, timeout: float) -> None:
        self._patience = ReplyWatchdog(timeout)
        self._queue: list[Call] = []
        self._called = False
        self._under_way: set[Batch] = set()

    def _run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> asyncio.Future[Any]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._call(Call(script, self._carrier.spell(script, keys, arguments), partial(resolve, answer)))
        return answer

    def _call(self, call: Call) -> None:
        self._queue.append(call)
        if not self._called and len(self._under_way) < AT_ONCE:
            self._called = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._called = False
        while self._queue and len(self._under_way) < AT_ONCE:
            calls, self._queue = self._queue[:CALLS], self._queue[CALLS:]
            going = Batch(calls)
            self._under_way.add(going)
            going.wait = self._patience.begin(partial(self._carrier.give_up, going))
            self._carrier.carry(going)

    def _ended(self, done: Batch) -> None:
        """All replies to a round are there."""
        self._over(done, True)
        if self._queue:
            self._send()
        self._tell(zip(done.calls, done.replies, strict=True))

    def _failed(self, lost: Sequence[Batch], error: BaseException) -> None:
        """There will be no replies to these rounds. What queued up behind has waited as long."""
        if not lost:
            return  # a connection that nobody was waiting for
        why = unreachable(error)
        waiting, self._queue = self._queue, []
        for one in lost:
            self._over(one, False)
            self._tell((call, why) for call in one.calls)
        self._tell((call, why) for call in waiting)

    def _over(self, done: Batch, answered: bool) -> None:
        self._under_way.discard(done)
        if done.wait is not None:
            self._patience.end(done.wait, answered)

    @staticmethod
    def _tell(replies: Iterable[tuple[Call, Any]]) -> None:
        for call, reply in replies:
            try:
                call.heard(reply)
            except Exception as error:  # a fault of one who asked is not one of the others
                context = {"message": "a reply from Redis was not understood", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)


def resolve(answer: asyncio.Future[Any], reply: Any) -> None:
    """A ``OnReply`` for who waits for a future. Who has left is not told."""
    if answer.done():
        return
    if isinstance(reply, Exception):
        answer.set_exception(unreachable(reply))
        answer.exception()  # looked at, should nobody wait any more
    else:
        answer.set_result(reply)
