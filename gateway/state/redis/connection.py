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
from typing import NamedTuple

from hiredis import Reader, pack_command

from gateway.state.redis.bounds import ReplyBounds
from gateway.state.redis.pipeline import (
    Batch,
    Command,
    OnFailure,
    OnReplies,
    Reply,
    Unreachable,
    Word,
    resolve,
    unreachable,
)


class PipelinedConnection:
    """``connect`` opens a connection; ``seconds`` is how long that and a ping may take. See ``pipeline.Transport``."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncio.StreamWriter]],
        seconds: float,
        on_replies: OnReplies,
        on_failure: OnFailure,
    ) -> None:
        self._connect = connect
        self._seconds = seconds
        self._on_replies = on_replies
        self._on_failure = on_failure
        self._protocol: RespProtocol | None = None
        self._opening: asyncio.Task[None] | None = None
        self._early: list[Batch] = []  # sent while the connection was not open yet

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return self._protocol is not None

    def send(self, batch: Batch) -> None:
        """See ``Transport.send``."""
        if self._protocol is not None:
            self._protocol.send(batch)
            return
        self._early.append(batch)
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_task(self._open())

    async def _open(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                writer = await self._connect()
        except BaseException as error:
            self._opening = None
            early, self._early = self._early, []
            self._on_failure(early, error)
            if not isinstance(error, Exception):
                raise
            return
        self._opening = None
        self._protocol = RespProtocol(writer, self._on_replies, self._on_lost)
        early, self._early = self._early, []
        for batch in early:
            self._protocol.send(batch)

    def _on_lost(self, protocol: RespProtocol, lost: Sequence[Batch], error: BaseException) -> None:
        if self._protocol is protocol:
            self._protocol = None
        self._on_failure(lost, error)

    def give_up(self, batch: Batch) -> None:
        """See ``Transport.give_up``. What else was sent on the same connection would wait behind it."""
        if batch in self._early:
            self._early.remove(batch)  # opening a connection has its own time
            self._on_failure([batch], TimeoutError())
        elif self._protocol is not None:
            self._protocol.abort(TimeoutError())

    async def ping(self) -> None:
        """See ``Transport.ping``."""
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        batch = Batch([Command(None, (b"PING",), partial(resolve, reply))])
        self.send(batch)
        try:
            async with asyncio.timeout(self._seconds):
                await reply
        except TimeoutError as error:
            self.give_up(batch)
            raise unreachable(error) from None

    async def close(self) -> None:
        """See ``Transport.close``."""
        if self._opening is not None:
            self._opening.cancel()
        if self._protocol is not None:
            self._protocol.abort(Unreachable("closed"))


class _Awaited(NamedTuple):
    """So many replies are awaited to what was written for ``batch``. ``again`` are the indices of commands whose script
    the server did not know the first time."""

    batch: Batch
    many: int
    replies: list[Reply]
    again: Sequence[int] = ()


class RespProtocol(asyncio.Protocol):
    """Writes and reads RESP2 on the connection of ``writer``. ``on_lost`` is called once or more when it has ended, with
    the batches that end with it."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        on_replies: OnReplies,
        on_lost: Callable[[RespProtocol, Sequence[Batch], BaseException], None],
    ) -> None:
        self._writer = writer  # kept, since a writer that is garbage closes its connection
        self._reader = Reader()
        self._bounds = ReplyBounds()
        self._on_replies = on_replies
        self._on_lost = on_lost
        self._awaited: deque[_Awaited] = deque()
        writer.transport.set_protocol(self)

    def send(self, batch: Batch) -> None:
        """Writes all commands of a batch."""
        self._awaited.append(_Awaited(batch, len(batch.commands), batch.replies))
        try:
            packed = [_packed(command) for command in batch.commands]
        except Exception as error:  # a word that is none: the next reply would be taken for the one to this batch
            self.abort(error)
        else:
            self._write(packed)

    def _write(self, commands: Sequence[bytes]) -> None:
        self._writer.transport.write(b"".join(commands))

    def data_received(self, data: bytes) -> None:
        """Takes as many replies as there are."""
        gets, awaited = self._reader.gets, self._awaited
        try:
            self._bounds.check(data)
            self._reader.feed(data)
            while (reply := gets()) is not False:
                self._bounds.clear()
                _, many, replies, _ = first = awaited[0]
                replies.append(reply)
                if len(replies) == many:
                    awaited.popleft()
                    self._on_all_replies(first)
        except (
            Exception
        ) as error:  # no RESP, too much of it, or a reply to no command: nothing more can be made of this
            self.abort(error)

    def _on_all_replies(self, awaited: _Awaited) -> None:
        batch = awaited.batch
        if awaited.again:
            for index, reply in zip(awaited.again, awaited.replies[-len(awaited.again) :], strict=True):
                batch.replies[index] = reply
        errors = {index: reply for index, reply in enumerate(batch.replies) if isinstance(reply, Exception)}
        if errors:
            codes = {index: str(error).partition(" ")[0] for index, error in errors.items()}
            if "READONLY" in codes.values():
                self.abort(next(iter(errors.values())))  # a master no more; the next connection looks for the new one
            unknown = [index for index, code in codes.items() if code == "NOSCRIPT"]
            if unknown and not awaited.again:
                self._load_scripts(batch, unknown)
                return
        self._on_replies(batch)

    def _load_scripts(self, batch: Batch, unknown: Sequence[int]) -> None:
        """Loads the scripts of the ``unknown`` commands into a server that has just started, and sends those again."""
        commands = [batch.commands[index] for index in unknown]
        sources = {command.script.source for command in commands if command.script}
        packed = [_pack(b"SCRIPT", b"LOAD", source) for source in sources]
        packed += [_packed(command) for command in commands]
        self._awaited.append(_Awaited(batch, len(packed), [], unknown))
        self._write(packed)

    def abort(self, error: BaseException) -> None:
        """Ends the connection and what is under way on it."""
        self._writer.transport.abort()
        lost = [awaited.batch for awaited in self._awaited]
        self._awaited.clear()
        self._on_lost(self, lost, error)

    def connection_lost(self, error: Exception | None) -> None:
        """The server has ended it, or we have."""
        self.abort(error or ConnectionResetError("the server has closed the connection"))


def _packed(command: Command) -> bytes:
    if command.script is None:
        return _pack(*command.words)
    return _pack(b"EVALSHA", command.script.sha, *command.words)


def _pack(*words: Word) -> bytes:
    packed: bytes = pack_command(words)  # type: ignore[arg-type]  # its stub has a tuple of one word
    return packed
