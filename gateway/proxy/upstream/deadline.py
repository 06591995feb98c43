"""The longest that a call may take, from asking for a connection to the last byte of the response."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from gateway.core.failure import CallFailure
from gateway.core.verdict import Refusal
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import Pool


class Deadline:
    """Ends the calls to ``pool`` after ``total`` seconds, however well they go: connecting, sending, further attempts and
    the response's body together."""

    def __init__(self, total: float, pool: Pool) -> None:
        self._total = total
        self._pool = pool

    async def hold(self, response: Coroutine[Any, Any, UpstreamConnection | Refusal]) -> UpstreamConnection | Refusal:
        """What ``response`` gives. The pool's clock ends what is under way when this has returned.

        Raises UpstreamError when there is none in time.
        """
        moment = self._pool.loop.time() + self._total
        try:
            async with asyncio.timeout_at(moment):
                found = await response
        except TimeoutError:
            raise UpstreamError(CallFailure.TOTAL_TIMEOUT, f"no answer within {self._total:g} s in all") from None
        if isinstance(found, UpstreamConnection):
            self._pool.timeouts.end(found, moment)
        return found
