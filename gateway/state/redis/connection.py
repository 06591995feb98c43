"""One connection to one Redis: replies come in the order of the commands, so they need no names.

redis-py opens it, with its knowledge of logins, TLS and sentinels; from then on commands are written and replies read
here. Its own way, a task for each round trip and some coroutines for each reply, cost more than all else that a request
asks of Redis.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

from gateway.state.redis.pipeline import Batch, Call, Script, Unreachable, resolve, unreachable


class Reader(Protocol):
    """A reader of RESP2, such as hiredis has: errors are given as exceptions, not raised."""

    def feed(self, data: bytes, /) -> None:
        """More from the wire."""
        ...

    def gets(self) -> Any:
        """The next reply; False when there is no whole one."""
        ...


class PipelinedConnection:
    """``connect`` opens a connection, raising Unreachable; ``reader`` makes a reader for it; ``seconds`` for opening and
    for a sign of life. ``ended`` and ``failed`` are told of rounds that are over (``rounds.Carrier``)."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncio.StreamWriter]],
        reader: Callable[[], Reader],
        seconds: float,
        ended: Callable[[Batch], None],
        failed: Callable[[Sequence[Batch], BaseException], None],
    ) -> None:
        self._connect = connect
        self._reader = reader
        self._seconds = seconds
        self._ended = ended
        self._failed = failed
        self._wire: _Wire | None = None
        self._opening: asyncio.Task[None] | None = None
        self._early: list[Batch] = []  # asked for while the connection was not open yet

    def spell(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> bytes:
        """See ``Carrier.spell``."""
        return command(b"EVALSHA", script.sha, len(keys), *keys, *arguments)

    def carry(self, going: Batch) -> None:
        """See ``Carrier.carry``."""
        if self._wire is not None:
            self._wire.send(going)
            return
        self._early.append(going)
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                writer = await self._connect()
        except BaseException as error:
            self._opening = None
            early, self._early = self._early, []
            self._failed(early, error)
            if not isinstance(error, Exception):
                raise
            return
        self._opening = None
        self._wire = _Wire(writer, self._reader(), self._ended, self._broken)
        early, self._early = self._early, []
        for going in early:
            self._wire.send(going)

    def _broken(self, wire: _Wire, lost: Sequence[Batch], error: BaseException) -> None:
        if self._wire is wire:
            self._wire = None
        self._failed(lost, error)

    def give_up(self, slow: Batch) -> None:
        """See ``Carrier.give_up``. What else was asked on the same connection would wait behind it."""
        if slow in self._early:
            self._early.remove(slow)  # opening a connection has its own time
            self._failed([slow], TimeoutError())
        elif self._wire is not None:
            self._wire.give_up(TimeoutError())

    async def ping(self) -> None:
        """See ``Carrier.ping``."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        going = Batch([Call(None, command(b"PING"), partial(resolve, answer))])
        self.carry(going)
        try:
            async with asyncio.timeout(self._seconds):
                await answer
        except TimeoutError as error:
            self.give_up(going)
            raise unreachable(error) from None

    async def close(self) -> None:
        """See ``Carrier.close``."""
        if self._opening is not None:
            self._opening.cancel()
        if self._wire is not None:
            self._wire.give_up(Unreachable("closed"))


class _Sent(NamedTuple):
    """So many replies are awaited to what was written for ``round``. ``again``: places of calls whose script the server
    did not know the first time."""

    round: Batch
    many: int
    replies: list[Any]
    again: Sequence[int] = ()


class _Wire(asyncio.Protocol):
    """What reads and writes on one connection. ``broken`` is told when it ends, and which rounds go with it."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        reader: Reader,
        ended: Callable[[Batch], None],
        broken: Callable[[_Wire, Sequence[Batch], BaseException], None],
    ) -> None:
        self._writer = writer  # kept, since one that is forgotten closes its connection
        self._reader = reader
        self._ended = ended
        self._broken = broken
        self._waiting: deque[_Sent] = deque()
        writer.transport.set_protocol(self)

    def send(self, going: Batch) -> None:
        """Writes all calls of a round."""
        self._waiting.append(_Sent(going, len(going.calls), going.replies))
        self._writer.transport.write(b"".join([call.spelled for call in going.calls]))

    def data_received(self, data: bytes) -> None:
        """Replies, as many as there are."""
        gets, waiting = self._reader.gets, self._waiting
        try:
            self._reader.feed(data)
            while (reply := gets()) is not False:
                _, many, replies, _ = sent = waiting[0]
                replies.append(reply)
                if len(replies) == many:
                    waiting.popleft()
                    self._replied(sent)
        except Exception as error:  # no RESP, or a reply that nobody asked for: nothing more can be made of this
            self.give_up(error)

    def _replied(self, sent: _Sent) -> None:
        going = sent.round
        if sent.again:
            for place, reply in zip(sent.again, sent.replies[-len(sent.again) :], strict=True):
                going.replies[place] = reply
        errors = [place for place, reply in enumerate(going.replies) if isinstance(reply, Exception)]
        if errors:
            said = {place: str(going.replies[place]).partition(" ")[0] for place in errors}
            if "READONLY" in said.values():
                self.give_up(going.replies[errors[0]])  # no master any more; whoever opens the next one looks for it
            unknown = [place for place, word in said.items() if word == "NOSCRIPT"]
            if unknown and not sent.again:
                self._teach(going, unknown)
                return
        self._ended(going)

    def _teach(self, going: Batch, unknown: Sequence[int]) -> None:
        """A server that has just started is told the scripts, and asked again."""
        calls = [going.calls[place] for place in unknown]
        words = [
            command(b"SCRIPT", b"LOAD", source) for source in {call.script.source for call in calls if call.script}
        ]
        words += [call.spelled for call in calls]
        self._waiting.append(_Sent(going, len(words), [], unknown))
        self._writer.transport.write(b"".join(words))

    def give_up(self, error: BaseException) -> None:
        """Ends the connection and what is asked on it."""
        self._writer.transport.abort()
        lost = [sent.round for sent in self._waiting]
        self._waiting.clear()
        self._broken(self, lost, error)

    def connection_lost(self, error: Exception | None) -> None:
        """The other side has ended it, or we have."""
        self.give_up(error or ConnectionResetError("the server has closed the connection"))


def command(*words: bytes | str | int) -> bytes:
    """A command in RESP (redis.io/docs/latest/develop/reference/protocol-spec): an array of strings."""
    spelled = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word if isinstance(word, bytes) else str(word).encode()
        spelled.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(spelled)
