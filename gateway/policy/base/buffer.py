"""Reads a body whole, for the stages after it that look inside; the policies of ``bodies`` bound it."""

from __future__ import annotations

import math
from collections.abc import Awaitable

from gateway.core.exchange import Exchange, RequestContent, read_to_end
from gateway.core.verdict import Refusal
from gateway.policy.base.inputs import LONGEST_CHECKED
from gateway.policy.base.stage import Stage


class ReadLimit(Stage):
    """Bounds what ``Buffer`` reads, where every policy of ``bodies`` only reports: a trial lets through what it would refuse, and
    memory has a bound all the same. Forms that are judged while they arrive are not read whole."""

    __slots__ = ()

    def on_request(self, exchange: Exchange) -> None:
        stream = exchange.stream
        if stream is not None and not hasattr(exchange, "form") and (stream.limit or math.inf) > LONGEST_CHECKED:
            stream.limit = LONGEST_CHECKED


class Buffer(Stage):
    """Reads the whole body into ``exchange.body``, for the stages after it that look inside.

    May refuse with the reader's ``body_too_large`` and ``body_timeout``.
    """

    __slots__ = ()

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        stream = exchange.stream
        if stream is None or exchange.body is not None:
            return None
        data = stream.whole()  # of a small body all is here with its head, mostly: no task is needed for it
        if data is None:
            return self._read_all(exchange, stream)
        return self._take(exchange, data)

    async def _read_all(self, exchange: Exchange, stream: RequestContent) -> Refusal | None:
        return self._take(exchange, await read_to_end(stream))

    @staticmethod
    def _take(exchange: Exchange, data: bytes | Refusal) -> Refusal | None:
        if isinstance(data, Refusal):
            return data
        exchange.body = data
        return None


class BufferWithoutForms(Buffer):
    """The same behind a stage that judges forms while they are read: those stay unread."""

    __slots__ = ()

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        return None if hasattr(exchange, "form") else super().on_request(exchange)
