"""The way to a Redis Cluster: redis-py's own pipeline, which knows which server has which key and asks all at once.

It takes a task for each round trip, which is dearer than one connection (``state.redis.connection``); but where keys are
moved to is redis-py's to follow, and not written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from redis.asyncio import RedisCluster
from redis.exceptions import NoScriptError

from gateway.state.redis.pipeline import (
    AT_ONCE,
    Batch,
    Command,
    OnFailure,
    OnReplies,
    Reply,
    Unreachable,
    unreachable,
)


class ClusterTransport:
    """``client`` is redis-py's; ``seconds`` is how long a ping may take. See ``pipeline.Transport``."""

    def __init__(self, client: RedisCluster, seconds: float, on_replies: OnReplies, on_failure: OnFailure) -> None:
        self._client = client
        self._seconds = seconds
        self._on_replies = on_replies
        self._on_failure = on_failure
        self._tasks: dict[Batch, asyncio.Task[None]] = {}

    def send(self, batch: Batch) -> None:
        """See ``Transport.send``."""
        self._tasks[batch] = asyncio.get_running_loop().create_task(self._round_trip(batch))

    async def _round_trip(self, batch: Batch) -> None:
        try:
            replies = await self._execute(batch.commands, "EVALSHA")
            unknown = [index for index, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if unknown:  # a server that has just started
                again = await self._execute([batch.commands[index] for index in unknown], "EVAL")
                for index, reply in zip(unknown, again, strict=True):
                    replies[index] = reply
        except BaseException as error:
            if self._tasks.pop(batch, None) is not None:  # else it was given up before
                self._on_failure([batch], error if isinstance(error, Exception) else Unreachable("closed"))
            if not isinstance(error, Exception):
                raise
            return
        if self._tasks.pop(batch, None) is not None:
            batch.replies = replies
            self._on_replies(batch)

    async def _execute(self, commands: Sequence[Command], how: str) -> list[Reply]:
        pipeline = self._client.pipeline(transaction=False)
        for script, words, _ in commands:
            assert script is not None
            pipeline.execute_command(how, script.sha if how == "EVALSHA" else script.source, *words)
        return list(await pipeline.execute(raise_on_error=False))

    def give_up(self, batch: Batch) -> None:
        """See ``Transport.give_up``. Closing the connections takes its time."""
        task = self._tasks.pop(batch, None)
        if task is not None:
            task.cancel()
            self._on_failure([batch], TimeoutError())

    async def ping(self) -> None:
        """See ``Transport.ping``. Opens all connections that requests will share, so that none of them waits for one."""
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*(self._client.ping() for _ in range(AT_ONCE)))
        except Exception as error:
            raise unreachable(error) from None

    async def close(self) -> None:
        """See ``Transport.close``."""
        for task in tuple(self._tasks.values()):
            task.cancel()
