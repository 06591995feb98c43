"""A call to the backend: the head as the gateway means it, the body as it arrives, a retry where one is safe."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from time import monotonic

from gateway.core.exchange import Exchange
from gateway.core.methods import IDEMPOTENT, WITH_CONTENT
from gateway.core.reason import REASONS
from gateway.core.request_fields import forwardable
from gateway.core.verdict import Refusal
from gateway.policy.identity import correlation
from gateway.proxy.message.request import RequestBody
from gateway.proxy.pool.connection import DONE, SMALL, UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.pool import OnInformational, Pool
from gateway.proxy.upstream.attempts import Attempts

Send = Callable[[Exchange, str, bytes, RequestBody | None, OnInformational], Awaitable[UpstreamConnection | Refusal]]

# Set by the gateway, whatever the client sent.
_OWN = frozenset({b"x-request-id", b"x-correlation-id"})


def _again(exchange: Exchange, error: UpstreamError) -> bool:
    """Whether a call on a kept connection may be made again (RFC 9110 9.2.2): it was closed before any byte of an answer,
    and a POST is never sent twice."""
    return error.untouched and error.slug == "upstream_unreachable" and exchange.method in IDEMPOTENT


class Upstream:
    """One upstream of the configuration, ready to be called.

    ``fields`` are set on every request in place of the client's; ``removed`` names are dropped (lower case). ``calls``
    makes its calls where there is more to one than asking the only endpoint once; None where there is not.
    """

    def __init__(
        self,
        name: str,
        pool: Pool,
        fields: Iterable[tuple[bytes, bytes]] = (),
        removed: Iterable[bytes] = (),
    ) -> None:
        pairs = list(fields)
        self.name = name
        self.pool = pool
        self.attempts: Attempts | None = None
        self.send: Send = self.attempt
        if len(pool.endpoints) > 1:
            self.use_attempts(Attempts(self))
        self._set = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
        self._dropped = frozenset(removed) | {field for field, _ in pairs} | _OWN

    @property
    def endpoints(self) -> list[Endpoint]:
        return self.pool.endpoints

    def use_attempts(self, calls: Attempts) -> None:
        """Have ``calls`` make the calls from now on."""
        self.attempts = calls
        self.send = calls.send

    def spare_while(self, resting: Callable[[], bool]) -> None:
        """Have no call made twice while ``resting`` says that the breaker is not closed."""
        if self.attempts is not None:
            self.attempts.resting = resting

    def head(self, exchange: Exchange, framing: bytes) -> bytes:
        """Everything after the request line and Host, up to and with the empty line."""
        seen = exchange.head
        if seen is None:
            lines = self._lines(exchange.fields)
        else:
            if seen.upstream is not self:
                seen.upstream, seen.lines = self, self._lines(exchange.fields)
            lines = seen.lines
        proto = b"https" if exchange.secure else b"http"
        own = b"x-forwarded-for: %b\r\nx-forwarded-proto: %b\r\nx-request-id: %b\r\nx-correlation-id: %b\r\n" % (
            exchange.client.encode(),
            proto,
            exchange.id.encode(),
            correlation(exchange),
        )
        return b"".join((own, self._set, framing, *lines.values(), b"\r\n"))

    def _lines(self, fields: dict[bytes, bytes]) -> dict[bytes, bytes]:
        return {pair[0]: b"%b: %b\r\n" % pair for pair in forwardable(fields, self._dropped)}

    def begin(
        self, exchange: Exchange, path: str, interim: OnInformational, told: Callable[[], None]
    ) -> UpstreamConnection | Refusal | None:
        """Send the request on if nothing has to be waited for first, or give None and leave it to ``call``.

        ``told`` is called when there is an answer or a failure, which ``ended`` is then to be asked for. A refusal is the
        body's.
        """
        if self.attempts is not None:
            return None
        framing, body = b"", exchange.body
        if exchange.stream is not None:
            if body is None:
                body = exchange.stream.whole()
                if body is None or isinstance(body, Refusal):
                    return body
                exchange.body = body  # for ``call``, should it come to that
            framing = b"content-length: %d\r\n" % len(body)
            exchange.bytes_in = len(body)
        elif exchange.method in WITH_CONTENT:
            framing = b"content-length: 0\r\n"
        pool = self.pool
        endpoint = pool.endpoints[0]
        target = f"{exchange.method} {path}?{exchange.query}" if exchange.query else f"{exchange.method} {path}"
        data = b"%b HTTP/1.1\r\nhost: %b\r\n%b%b" % (
            target.encode(),
            endpoint.host_field,
            self.head(exchange, framing),
            body or b"",
        )
        connection = pool.take_idle(endpoint)
        if connection is None:
            return None
        endpoint.in_flight += 1
        exchange.sent = monotonic()  # the loop's own clock moves in whole milliseconds under uvloop
        deadline = pool.loop.time() + pool.response_timeout
        connection.send(data, exchange.method == "HEAD", deadline, interim, False, told)
        return connection

    def ended(self, exchange: Exchange, connection: UpstreamConnection) -> UpstreamError | None:
        """What became of the call on ``connection``: None, the answer is there; or how it failed."""
        endpoint = connection.owner.endpoint
        endpoint.in_flight -= 1
        error = connection.error
        if error is not None and connection.phase is not DONE and not connection.streaming:
            connection.close()
            return error
        exchange.upstream_time = monotonic() - exchange.sent
        exchange.endpoint = endpoint.authority
        return None

    def given_up(self, connection: UpstreamConnection) -> None:
        """Nobody waits any more for the call that was begun on ``connection``."""
        connection.owner.endpoint.in_flight -= 1
        connection.close()

    def refusal(self, error: UpstreamError) -> Refusal:
        """What ``error`` means to the client."""
        return Refusal(REASONS[error.slug], f"{self.name}: {error.detail}")

    async def call(
        self, exchange: Exchange, path: str, interim: OnInformational, after: UpstreamError | None = None
    ) -> UpstreamConnection | Refusal:
        """Send the request on. The answer's head (a small answer's whole body too) has arrived when this returns.

        The caller ends the returned call with ``finish``. A refusal means that nothing of an answer is usable. ``after``
        is how a call that was begun failed: it is made again where that is safe, on a fresh connection.
        """
        if after is not None and not _again(exchange, after):
            return self.refusal(after)
        body: bytes | None = exchange.body
        stream: RequestBody | None = exchange.stream
        if stream is None:
            framing = b"content-length: 0\r\n" if exchange.method in WITH_CONTENT else b""
        elif body is None and not stream.complete and (stream.length is None or stream.length > SMALL):
            framing = (
                b"transfer-encoding: chunked\r\n"
                if stream.length is None
                else b"content-length: %d\r\n" % stream.length
            )
        else:
            if body is None:
                received = await stream.read_all()  # before a connection is taken: a slow client must not hold one
                if isinstance(received, Refusal):
                    return received
                body = received
            framing, stream = b"content-length: %d\r\n" % len(body), None
            exchange.bytes_in = len(body)
        target = f"{exchange.method} {path}?{exchange.query}" if exchange.query else f"{exchange.method} {path}"
        rest = self.head(exchange, framing)
        if body:
            rest += body
        try:
            if after is not None:
                return await self.attempt(exchange, target, rest, stream, interim, fresh=True)
            return await self.send(exchange, target, rest, stream, interim)
        except UpstreamError as error:
            return self.refusal(error)

    async def attempt(
        self,
        exchange: Exchange,
        target: str,
        rest: bytes,
        stream: RequestBody | None,
        interim: OnInformational,
        endpoint: Endpoint | None = None,
        until: float = math.inf,
        fresh: bool = False,
    ) -> UpstreamConnection | Refusal:
        """Ask one endpoint, the first unless another is given, for an answer that begins by the loop's time ``until``.

        A kept connection that was closed meanwhile is replaced once; ``fresh``: none is used. Raises UpstreamError,
        Unsent if nothing was sent.
        """
        pool = self.pool
        if endpoint is None:
            endpoint = pool.endpoints[0]
        connection = None if fresh else pool.take_idle(endpoint)
        while True:
            if connection is None:
                connection = await pool.connect(endpoint, until)
            endpoint.in_flight += 1
            try:
                data = b"%b HTTP/1.1\r\nhost: %b\r\n%b" % (target.encode(), endpoint.host_field, rest)
                exchange.sent = monotonic()  # the loop's own clock moves in whole milliseconds under uvloop
                if stream is None:
                    deadline = pool.loop.time() + pool.response_timeout
                    connection.send(data, exchange.method == "HEAD", min(deadline, until), interim, False)
                    await connection.head()
                else:
                    refusal = await self._stream(exchange, connection, data, stream, interim)
                    if refusal is not None:
                        connection.close()
                        return refusal
                exchange.upstream_time = monotonic() - exchange.sent
                exchange.endpoint = endpoint.authority
                return connection
            except UpstreamError as error:
                connection.close()
                if stream is not None or not connection.used or not _again(exchange, error):
                    raise
                connection = None
            except BaseException:
                connection.close()
                raise
            finally:
                endpoint.in_flight -= 1

    async def _stream(
        self,
        exchange: Exchange,
        connection: UpstreamConnection,
        data: bytes,
        stream: RequestBody,
        interim: OnInformational,
    ) -> Refusal | None:
        """Send a body as it arrives; a refusal when the client does not send it as it should."""
        connection.send(data, exchange.method == "HEAD", math.inf, interim, True)
        pump = self.pool.loop.create_task(self._pump(exchange, connection, stream))
        try:
            return await self._head_while_pumping(connection, pump)
        finally:
            pump.cancel()

    async def _head_while_pumping(
        self, connection: UpstreamConnection, pump: asyncio.Task[Refusal | None]
    ) -> Refusal | None:
        """The answer may come before the body is through (a 413, say): the first of both decides."""
        head = self.pool.loop.create_task(connection.head())
        try:
            await asyncio.wait((head, pump), return_when=asyncio.FIRST_COMPLETED)
            if pump.done() and not head.done():
                refusal = pump.result()
                if refusal is not None:
                    return refusal
                await head
            elif head.done():
                head.result()
            return None
        finally:
            head.cancel()

    async def _pump(self, exchange: Exchange, connection: UpstreamConnection, stream: RequestBody) -> Refusal | None:
        chunked = stream.length is None
        loop = self.pool.loop
        while True:
            connection.deadline = math.inf  # waiting for the client, whose own clock runs
            piece = await stream.read()
            if isinstance(piece, Refusal):
                return piece
            exchange.bytes_in += len(piece)
            exchange.sent = monotonic()  # a client that uploads slowly does not make the upstream slow
            connection.deadline = loop.time() + self.pool.response_timeout
            if not piece:
                if chunked:
                    await connection.write(b"0\r\n\r\n")
                connection.sent()
                return None
            if not await connection.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece):
                return None
