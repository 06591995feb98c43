"""One attempt at one endpoint: the head as the gateway means it, the content as it arrives, the response's head."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from time import monotonic

from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.fields import Pair
from gateway.core.methods import IDEMPOTENT, WITH_CONTENT
from gateway.core.request_fields import ORDINARY_FIELDS, apart, forwardable
from gateway.core.verdict import Refusal
from gateway.core.via import Via
from gateway.proxy.message.request import over_limit
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import ContentRefused, UpstreamError
from gateway.proxy.pool.pool import Pool
from gateway.proxy.pool.response import OnInformational
from gateway.proxy.upstream.call import HeadRefused, UpstreamCall
from gateway.proxy.upstream.sending import note_end, send_content

# Fields that the gateway writes on every request, or where a trusted proxy says them, whatever the client sent.
_OWN = frozenset(
    b"x-request-id x-correlation-id x-forwarded-for x-forwarded-proto x-forwarded-host x-forwarded-port forwarded via".split()
)

NO_VIA = Via()


def repeatable(exchange: Exchange, error: UpstreamError) -> bool:
    """Whether a call may be made again because the idle connection that it took was being closed just then.

    RFC 9110 9.2.2: no byte of a response had come, and the method is idempotent, so a POST is never sent twice.
    """
    return error.kind is CallFailure.RESET_REUSED and exchange.method in IDEMPOTENT


class UpstreamAttempt:
    """Makes single attempts at the endpoints of the upstream ``name``.

    ``fields`` are set on every request in place of the client's and of the gateway's own; ``removed`` names are dropped (lower
    case), as are those that ``passes`` has not. Each field is sent once. ``most`` bounds a request's head as it is sent, in bytes;
    ``via`` is added to it.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        fields: Iterable[tuple[bytes, bytes]] = (),
        removed: Iterable[bytes] = (),
        passes: Mapping[bytes, bool] = ORDINARY_FIELDS,
        most: float = math.inf,
        via: Via = NO_VIA,
    ) -> None:
        pairs = list(fields)
        self.name = name
        self.pool = pool
        self._set = b"\r\n" + b"".join(b"%b: %b\r\n" % pair for pair in pairs)
        edited = frozenset(removed) | {field for field, _ in pairs}
        self._dropped = edited | _OWN
        self._edited = edited & _OWN  # of the gateway's own, what is set otherwise or removed
        self._passes = passes
        self._most = most
        self._via = via

    def compose(self, call: UpstreamCall, endpoint: Endpoint, body: bytes | None) -> bytes:
        """The request that ``endpoint`` gets. ``body`` is its content where all of it is here; else it follows in pieces.

        Raises HeadRefused. A head that the client sent within its limit may grow beyond it: by fields that the gateway
        sets, by another path, and threefold where a query holds characters that must be encoded.
        """
        exchange = call.exchange
        if body:
            exchange.bytes_in = len(body)
            framing = b"content-length: %d\r\n" % len(body)
        elif exchange.stream is not None and body is None:
            length = exchange.stream.length
            framing = b"transfer-encoding: chunked\r\n" if length is None else b"content-length: %d\r\n" % length
        else:
            framing = b"content-length: 0\r\n" if exchange.method in WITH_CONTENT else b""
        head = exchange.head
        if head is None:
            lines = self._lines(exchange, "1.1", ())
        else:
            if head.upstream is not self:
                head.upstream, head.lines = self, self._lines(exchange, head.version, head.raw)
            lines = head.lines
        if exchange.query:
            target = f"{call.path}?{exchange.query}"
        else:
            target = call.path + "?" if exchange.target[-1:] == "?" else call.path
        line = f"{exchange.method} {target} HTTP/1.1\r\nhost: ".encode()
        if self._edited:
            own, correlated, forwarded = self._own_lines(exchange), b"", b""
        else:
            own = (
                f"\r\nx-forwarded-for: {exchange.client}\r\nx-request-id: {exchange.id}\r\nx-correlation-id: ".encode()
            )
            correlated, forwarded = exchange.correlation, exchange.forwarded.raw
        end = body or b""
        data = b"".join(
            [line, endpoint.host_field, own, correlated, self._set, forwarded, framing, *lines.values(), b"\r\n", end]
        )
        if len(data) > self._most and len(data) - len(end) > self._most:
            raise HeadRefused(over_limit(len(target), len(data) - len(end) - len(target)))
        return data

    def _own_lines(self, exchange: Exchange) -> bytes:
        """The gateway's own lines that are not edited, each behind a line end."""
        pairs = [
            (b"x-forwarded-for", exchange.client.encode()),
            *exchange.forwarded.pairs,
            (b"x-request-id", exchange.id.encode()),
            (b"x-correlation-id", exchange.correlation),
        ]
        return b"".join([b"\r\n%b: %b" % pair for pair in pairs if pair[0] not in self._edited])

    def _lines(self, exchange: Exchange, version: str, raw: tuple[Pair, ...]) -> dict[bytes, bytes]:
        """The client's lines and Via, which is in them because both are the same for the requests of a connection. ``raw``
        are the lines that came. Raises HeadRefused for a request that has come round."""
        fields, internal = exchange.fields, exchange.route.internal
        lines = {pair[0]: b"%b: %b\r\n" % pair for pair in forwardable(fields, self._dropped, self._passes)}
        if len(raw) > len(fields):
            for name, values in apart(raw).items():
                if name in lines:
                    lines[name] = b"".join([b"%b: %b\r\n" % (name, value) for value in values])
        via = fields.get(b"via")
        if via is not None and self._via.looped(via, internal):
            raise HeadRefused("loop_detected")
        lines[b"via"] = self._via.line(via, version, internal)
        return lines

    async def make(
        self,
        call: UpstreamCall,
        endpoint: Endpoint,
        on_informational: OnInformational,
        until: float = math.inf,
        *,
        fresh: bool = False,
        tried: Collection[Endpoint] = (),
    ) -> UpstreamConnection | Refusal:
        """Send ``call`` to ``endpoint`` for a response that begins by the loop's time ``until``.

        A reused connection that was closed meanwhile is replaced once; ``fresh``: none is reused. Where a connection is made,
        another address of the endpoint's name that was not ``tried`` may stand in for it (``Pool.connect``). A refusal is about the
        content that the client sends. Raises UpstreamError, NotSent if nothing was sent, and HeadRefused.
        """
        data = self.compose(call, endpoint, call.body)
        connection = None if fresh else self.pool.take_idle(endpoint)
        if connection is not None:
            try:
                return await self._send(data, call, connection, on_informational, until)
            except UpstreamError as error:
                if call.streamed is not None or not repeatable(call.exchange, error):
                    raise
        try:
            connection = await self.pool.connect(endpoint, until, tried)
        except UpstreamError as error:
            endpoint.note_failure(error)
            raise
        return await self._send(data, call, connection, on_informational, until)

    async def _send(
        self,
        data: bytes,
        call: UpstreamCall,
        connection: UpstreamConnection,
        on_informational: OnInformational,
        until: float,
    ) -> UpstreamConnection | Refusal:
        """Send ``call``, which is ``data``, on ``connection``, which is closed unless it comes back with a response.

        Raises UpstreamError.
        """
        exchange, stream = call.exchange, call.streamed
        endpoint = connection.owner.endpoint
        endpoint.in_flight += 1
        try:
            if call.upgrade:
                line, _, rest = data.partition(b"\r\n")
                data = b"%b\r\nconnection: upgrade\r\nupgrade: %b\r\n%b" % (line, call.upgrade, rest)
            exchange.sent = monotonic()  # the loop's own clock moves in whole milliseconds under uvloop
            if stream is None:
                deadline = min(self.pool.loop.time() + self.pool.response_timeout, until)
                connection.send(data, exchange.method == "HEAD", deadline, on_informational)
                if call.upgrade:
                    connection.expect_switch()
                await connection.head()
            else:
                connection.send(data, exchange.method == "HEAD", math.inf, on_informational, more=True)
                send_content(exchange, connection, stream, self.pool)
                try:
                    await connection.head()
                finally:
                    note_end(connection, stream)
        except ContentRefused as error:
            return error.refusal
        except BaseException as error:
            if isinstance(error, UpstreamError):
                error.endpoint = endpoint
                endpoint.note_failure(error, connection.owner.address)
            connection.close()
            raise
        finally:
            endpoint.in_flight -= 1
        exchange.upstream_time = monotonic() - exchange.sent
        exchange.endpoint = endpoint.authority
        exchange.upstream_ids = connection.fields.ids
        return connection
