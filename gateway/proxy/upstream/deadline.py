"""An upstream whose calls may take so long and no longer, from asking for a connection to the last byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import OnInformational
from gateway.proxy.upstream.upstream import Upstream


class Timed(Upstream):
    """An upstream whose calls end after ``total`` seconds, however well they go: connecting, sending, attempts beyond the
    first and the answer's body together."""

    total: float = 0.0

    def begin(self, exchange: Exchange, path: str, interim: OnInformational, told: Callable[[], None]) -> None:
        """Nothing: ``call`` is always the way, since there is a clock to it."""

    async def call(
        self, exchange: Exchange, path: str, interim: OnInformational, after: UpstreamError | None = None
    ) -> UpstreamConnection | Refusal:
        """See ``Upstream.call``. The pool's clock ends what is under way when this has returned."""
        moment = self.pool.loop.time() + self.total
        try:
            async with asyncio.timeout_at(moment):
                answer = await super().call(exchange, path, interim, after)
        except TimeoutError:
            return refuse("upstream_total_timeout", f"{self.name}: no answer within {self.total:g} s in all")
        if isinstance(answer, UpstreamConnection):
            self.pool.timeouts.end(answer, moment)
        return answer
