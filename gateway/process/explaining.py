"""Requests explained by the configuration that is served, in a process of its own (``process.apart``)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import orjson

from gateway.config.model import Config
from gateway.ops.api.admin import NotExplained
from gateway.process.apart import run_apart
from gateway.process.channel import dumped

SECONDS = 10.0
"""For one explanation. One of the shipped files takes less than one."""
FINDING = 2.0
"""Seconds that a worker has to say whether it has refused a request."""
LARGEST = 4 * 1024 * 1024
"""Bytes of an explanation."""


class KeepsRefusals(Protocol):
    """A worker that keeps the last requests that it has refused."""

    async def find(self, request_id: str, timeout: float) -> dict[str, Any] | None: ...


class Explaining:
    """Explains one request at a time. ``workers`` is the supervisor's own list."""

    def __init__(self, workers: Sequence[KeepsRefusals]) -> None:
        self._workers = workers
        self._lock = asyncio.Lock()

    async def explain(self, config: Config, order: Mapping[str, Any], now: float) -> dict[str, Any]:
        """The explanation of the request that ``order`` describes, or that has the ``request_id`` in it. Raises NotExplained."""
        if self._lock.locked():
            raise NotExplained(503, "Another request is being explained: try again")
        async with self._lock:
            line = await self._find(str(order["request_id"])) if "request_id" in order else None
            return await self._explained(config, order, line, now)

    async def _find(self, request_id: str) -> dict[str, Any]:
        found = await asyncio.gather(*(worker.find(request_id, FINDING) for worker in self._workers))
        line = next(filter(None, found), None)
        if line is None:
            raise NotExplained(404, "No worker keeps a refused request of that id: look in the log, with --log FILE")
        return line

    async def _explained(
        self, config: Config, order: Mapping[str, Any], line: Mapping[str, Any] | None, now: float
    ) -> dict[str, Any]:
        work = dumped((config, dict(order), line, now))
        try:
            async with asyncio.timeout(SECONDS):
                code, octets = await run_apart("gateway.process.explaining_main", work, SECONDS, LARGEST)
            if code:
                raise NotExplained(500, f"The explanation has failed (exit code {code})")
            found: dict[str, Any] = orjson.loads(octets)
        except TimeoutError:
            raise NotExplained(500, f"The explanation was not done within {SECONDS:g} s") from None
        except (OSError, MemoryError, orjson.JSONDecodeError) as error:
            raise NotExplained(500, f"The explanation has failed ({type(error).__name__})") from None
        if "error" in found:
            raise NotExplained(400, str(found["error"]))
        return found
