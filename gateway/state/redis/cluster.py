"""The way to a Redis Cluster: redis-py's own pipeline, which knows who has which key and asks all of them at once.

A task for each round trip. That is dearer than one connection (``lane``), but who moves which keys where is nothing to
be written twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from gateway.state.redis.pipeline import AT_ONCE, Batch, Call, Script, Unreachable, unreachable


class Cluster:
    """``client`` is redis-py's, ``no_script`` its error for a script that a server does not know; ``seconds`` for a sign
    of life. ``ended`` and ``failed`` are told of rounds that are over (``rounds.Carrier``)."""

    def __init__(
        self,
        client: Any,
        no_script: type[Exception],
        seconds: float,
        ended: Callable[[Batch], None],
        failed: Callable[[Sequence[Batch], BaseException], None],
    ) -> None:
        self._client = client
        self._no_script = no_script
        self._seconds = seconds
        self._ended = ended
        self._failed = failed
        self._tasks: dict[Batch, asyncio.Task[None]] = {}

    def spell(self, script: Script, keys: Sequence[bytes], arguments: Sequence[Any]) -> Sequence[Any]:
        """See ``Carrier.spell``."""
        return (len(keys), *keys, *arguments)

    def carry(self, going: Batch) -> None:
        """See ``Carrier.carry``."""
        self._tasks[going] = asyncio.get_running_loop().create_task(self._round(going))

    async def _round(self, going: Batch) -> None:
        try:
            replies = await self._pipeline(going.calls, "EVALSHA")
            unknown = [place for place, reply in enumerate(replies) if isinstance(reply, self._no_script)]
            if unknown:  # a server that has just started
                again = await self._pipeline([going.calls[place] for place in unknown], "EVAL")
                for place, reply in zip(unknown, again, strict=True):
                    replies[place] = reply
        except BaseException as error:
            if self._tasks.pop(going, None) is not None:  # else it was given up before
                self._failed([going], error if isinstance(error, Exception) else Unreachable("closed"))
            if not isinstance(error, Exception):
                raise
            return
        if self._tasks.pop(going, None) is not None:
            going.replies = replies
            self._ended(going)

    async def _pipeline(self, calls: Sequence[Call], command: str) -> list[Any]:
        pipeline: Any = self._client.pipeline(transaction=False)
        for script, words, _ in calls:
            assert script is not None
            pipeline.execute_command(command, script.sha if command == "EVALSHA" else script.source, *words)
        return list(await pipeline.execute(raise_on_error=False))

    def give_up(self, slow: Batch) -> None:
        """See ``Carrier.give_up``. Closing the connections takes its time."""
        task = self._tasks.pop(slow, None)
        if task is not None:
            task.cancel()
            self._failed([slow], TimeoutError())

    async def ping(self) -> None:
        """See ``Carrier.ping``. Opens all connections that requests will share, so that none of them waits for one."""
        try:
            async with asyncio.timeout(self._seconds):
                await asyncio.gather(*(self._client.ping() for _ in range(AT_ONCE)))
        except Exception as error:
            raise unreachable(error) from None

    async def close(self) -> None:
        """See ``Carrier.close``."""
        for task in tuple(self._tasks.values()):
            task.cancel()
