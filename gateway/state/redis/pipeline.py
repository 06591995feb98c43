"""Calls to Redis in round trips: what the requests of one iteration of the event loop ask for shares one.

Nothing here waits: the caller gives a callback for the reply, and the round trip as a whole has its time. So a request
costs neither a task nor a timer.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha1
from importlib.resources import files
from typing import NamedTuple, Protocol, TypeAlias, TypeVar

from gateway.state.redis.watchdog import ReplyWatchdog, Wait

AT_ONCE = 4
"""Round trips under way; what comes meanwhile waits and shares the next one."""

COMMANDS = 64
"""Commands in a round trip: 1 or 2 ms of Redis, so that it answers some request all the time while it is busy."""

T = TypeVar("T")
Word: TypeAlias = bytes | str | int
Reply: TypeAlias = "bytes | int | Exception | list[Reply] | None"
"""A reply of RESP2, with errors as exceptions."""

OnReply: TypeAlias = Callable[[Reply], None]
"""Is called once, in a later iteration of the loop: with the reply, or with an exception when there is none."""


class Unreachable(Exception):
    """Redis did not answer in time, or not with what was asked for. The sentence says why, without secrets."""


def understood(read: Callable[[], T]) -> T:
    """What ``read`` makes of a reply. Raises Unreachable when the reply is not one to what was asked: whatever answers
    there, it is no store to go by."""
    try:
        return read()
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise Unreachable("that is no answer to what was asked") from error


def finite(text: bytes | str | float) -> float:
    """A moment that was sent or kept. Raises ValueError for what is no moment: with an endless one a request could not even be
    refused for a time."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def unreachable(error: BaseException) -> Unreachable:
    """``error`` as what it means to the caller."""
    if isinstance(error, Unreachable):
        return error
    if isinstance(error, TimeoutError):
        return Unreachable("no answer in time")
    return Unreachable(f"{type(error).__name__}: {error}"[:200])


class Script:
    """A script by its file's name. EVALSHA goes by ``sha``."""

    def __init__(self, name: str) -> None:
        self.source = (files("gateway.state.redis.scripts") / f"{name}.lua").read_bytes()
        self.sha = sha1(self.source, usedforsecurity=False).hexdigest()


class Command(NamedTuple):
    """One run of ``script`` with ``words`` (how many keys, the keys, the arguments); with no script they are a command of
    Redis's own."""

    script: Script | None
    words: Sequence[Word]
    on_reply: OnReply


class Batch:
    """The commands of one round trip, their replies, and its time."""

    __slots__ = ("commands", "replies", "wait")

    def __init__(self, commands: Sequence[Command]) -> None:
        self.commands = commands
        self.replies: list[Reply] = []
        self.wait: Wait | None = None


OnReplies: TypeAlias = Callable[[Batch], None]
OnFailure: TypeAlias = Callable[[Sequence[Batch], BaseException], None]


class Transport(Protocol):
    """The way to Redis: a connection (``state.redis.connection``) or a cluster (``state.redis.cluster``). It ends each
    batch once, by one of the two callbacks that it was made with."""

    def send(self, batch: Batch) -> None:
        """Sends all commands of a batch; connects when first called."""
        ...

    def give_up(self, batch: Batch) -> None:
        """Ends a batch for which no reply came in time."""
        ...

    async def ping(self) -> None:
        """Returns when Redis has answered, connecting if need be. Raises Unreachable."""
        ...

    async def close(self) -> None:
        """Gives connections back, and ends what is under way."""
        ...


class Pipeline:
    """The queue and the batches under way. ``timeout`` in seconds; ``transport`` makes the way to Redis with the callbacks
    for batches whose replies are there and for those that are lost. Belongs to one event loop."""

    def __init__(self, timeout: float, transport: Callable[[OnReplies, OnFailure], Transport]) -> None:
        self.watchdog = ReplyWatchdog(timeout)
        self.transport = transport(self._on_replies, self._on_failure)
        self._queue: list[Command] = []
        self._scheduled = False
        self._under_way: set[Batch] = set()

    def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Word]) -> asyncio.Future[Reply]:
        """The reply to ``script``. The future raises Unreachable."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self.call(Command(script, (len(keys), *keys, *arguments), partial(resolve, reply)))
        return reply

    def call(self, command: Command) -> None:
        """Sends ``command`` with the others of this iteration of the loop."""
        self._queue.append(command)
        if not self._scheduled and len(self._under_way) < AT_ONCE:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send)

    def _send(self) -> None:
        self._scheduled = False
        while self._queue and len(self._under_way) < AT_ONCE:
            commands, self._queue = self._queue[:COMMANDS], self._queue[COMMANDS:]
            batch = Batch(commands)
            self._under_way.add(batch)
            batch.wait = self.watchdog.begin(partial(self.transport.give_up, batch))
            self.transport.send(batch)

    def _on_replies(self, batch: Batch) -> None:
        """All replies to a batch are there."""
        self._end(batch, True)
        if self._queue:
            self._send()
        self._pass_on(zip(batch.commands, batch.replies, strict=True))

    def _on_failure(self, lost: Sequence[Batch], error: BaseException) -> None:
        """There will be no replies to these batches. What queued up behind them has waited as long."""
        if not lost:
            return  # a connection on which nothing was awaited
        why = unreachable(error)
        waiting, self._queue = self._queue, []
        for batch in lost:
            self._end(batch, False)
            self._pass_on((command, why) for command in batch.commands)
        self._pass_on((command, why) for command in waiting)

    def _end(self, batch: Batch, answered: bool) -> None:
        self._under_way.discard(batch)
        if batch.wait is not None:
            self.watchdog.end(batch.wait, answered)

    @staticmethod
    def _pass_on(replies: Iterable[tuple[Command, Reply]]) -> None:
        for command, reply in replies:
            try:
                command.on_reply(reply)
            except Exception as error:  # a bug of one caller must not cost the others their replies
                context = {"message": "a reply from Redis was not understood", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)

    async def close(self) -> None:
        """Ends what is under way and gives the connections back."""
        self.watchdog.close()
        await self.transport.close()


def resolve(future: asyncio.Future[Reply], reply: Reply) -> None:
    """An ``OnReply`` for a caller that awaits ``future``; nothing happens when it was cancelled."""
    if future.done():
        return
    if isinstance(reply, Exception):
        future.set_exception(unreachable(reply))
        future.exception()  # retrieved, should the caller not await it any more
    else:
        future.set_result(reply)
