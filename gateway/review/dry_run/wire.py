"""The two ends of a dry run in place of sockets: a client that has sent its request, and upstreams that follow a script."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from gateway.core.failure import CallFailure
from gateway.core.fields import Pair
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.connector import Connector
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import NotSent
from gateway.proxy.pool.pool import Pool
from gateway.proxy.server.connection import ClientConnection
from gateway.proxy.wire.http import HttpParserError, HttpParserUpgrade, HttpRequestParser
from gateway.proxy.wire.write_batch import WriteBatch
from gateway.review.dry_run.response import ScriptedResponse

PIECE = 64 * 1024  # bytes of a request that arrive at once

_NOT_CONNECTED = frozenset((CallFailure.CONNECT, CallFailure.CONNECT_TIMEOUT, CallFailure.BUSY))
_SILENT = frozenset((CallFailure.TIMEOUT, CallFailure.TOTAL_TIMEOUT))


class DryTransport(asyncio.Transport):
    """A connection that keeps what is ``written`` to it, and gives ``feed`` what has arrived, as fast as that reads."""

    def __init__(self, loop: asyncio.AbstractEventLoop, feed: Callable[[bytes], None]) -> None:
        super().__init__()
        self._loop = loop
        self._feed = feed
        self._arrived = b""
        self._paused = self._closing = False
        self.written = bytearray()

    def arrive(self, data: bytes) -> None:
        """Have ``data`` arrive."""
        self._arrived += data
        self._read()

    def _read(self) -> None:
        while self._arrived and not self._paused and not self._closing:
            piece, self._arrived = self._arrived[:PIECE], self._arrived[PIECE:]
            self._feed(piece)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self.written += data

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._read)

    def is_closing(self) -> bool:
        return self._closing

    def close(self) -> None:
        self._closing = True

    def abort(self) -> None:
        self._closing = True

    def write_eof(self) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        received = getattr(protocol, "data_received", None)
        if received is not None:
            self._feed = received


class DryClients:
    """What a listener is to the connections of dry runs (``proxy.server.connection.Registry``)."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.write_batch = WriteBatch(loop)
        self.ended: Counter[str] = Counter()

    def disconnected(self, connection: ClientConnection) -> None:
        pass

    def paused(self) -> None:
        pass


class Forwarded(NamedTuple):
    """A request that reached an upstream: its name, and the method, target and fields that it got. The fields may hold secrets,
    those of an upstream among them."""

    upstream: str
    method: str
    target: str
    fields: tuple[Pair, ...] = ()


class _Scripted:
    """One connection to an upstream, from its other side: reads the request, and responds by the script."""

    def __init__(self, name: str, upstreams: ScriptedUpstreams, pool: Pool) -> None:
        self._name = name
        self._upstreams = upstreams
        self._loop = pool.loop
        self._parser = HttpRequestParser(self)
        self._target = b""
        self._fields: list[Pair] = []
        self.connection: UpstreamConnection

    def feed(self, data: bytes) -> None:
        """Take what the gateway has written."""
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            pass
        except HttpParserError as error:
            raise RuntimeError(f"{self._name} would get a request that cannot be read: {error}") from error

    def on_url(self, target: bytes) -> None:
        self._target += target

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        method, target = self._parser.get_method().decode("latin-1"), self._target.decode("latin-1")
        self._upstreams.forwarded.append(Forwarded(self._name, method, target, tuple(self._fields)))
        self._target, self._fields = b"", []

    def on_message_complete(self) -> None:
        script = self._upstreams.script(self._name)
        if script.failure not in _SILENT:
            self._loop.call_later(script.after, self._respond, script)

    def _respond(self, script: ScriptedResponse) -> None:
        connection = self.connection
        transport = connection.transport
        if transport is None or transport.is_closing():
            return
        if script.failure is None:
            connection.data_received(script.octets())
        elif script.failure is CallFailure.BROKEN:
            connection.data_received(b"no HTTP\r\n\r\n")
        elif script.failure is CallFailure.STALLED:
            connection.data_received(b"HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\n{")
        else:
            connection.connection_lost(None)


class _UpstreamTransport(DryTransport):
    """The gateway's side of a connection to an upstream; what is written to it is the other side's to read."""

    def __init__(self, loop: asyncio.AbstractEventLoop, other: _Scripted) -> None:
        super().__init__(loop, lambda data: None)
        self._other = other

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if not self._closing:
            self._other.feed(bytes(data))

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lost)

    close = abort

    def _lost(self) -> None:
        connection = self._other.connection
        if connection.transport is not None:
            connection.connection_lost(None)


class ScriptedUpstreams:
    """The upstreams of a configuration. ``own`` gives the name of the one that the request's route calls; ``forwarded`` is what
    upstreams got of it."""

    def __init__(self, own: Callable[[], str]) -> None:
        self._own = own
        self._response = _OK
        self._others: Mapping[str, ScriptedResponse] = {}
        self.forwarded: list[Forwarded] = []

    def begin(self, response: ScriptedResponse, others: Mapping[str, ScriptedResponse]) -> None:
        """Have the upstream of the route say ``response``, and those of ``others`` what is theirs; all else say 200 and ``{}``."""
        self._response, self._others = response, others
        self.forwarded = []

    def script(self, name: str) -> ScriptedResponse:
        """What the upstream ``name`` says."""
        return self._others.get(name) or (self._response if name == self._own() else _OK)

    @property
    def dated(self) -> bool:
        """Whether a response that was sent may have the Date of an upstream."""
        return any("date" in map(str.lower, each.fields) for each in (self._response, *self._others.values()))

    def replace_wire(self, name: str, pool: Pool) -> None:
        """Have the connections of ``pool`` lead to the upstream ``name`` in here."""
        pool.connector = ScriptedConnector(self, name, pool)


class ScriptedConnector(Connector):
    """Makes the connections of ``pool`` in place of ``proxy.pool.connector.Connector``: no name is looked up, and no socket
    opened."""

    def __init__(self, upstreams: ScriptedUpstreams, name: str, pool: Pool) -> None:
        self.opening = 0
        self._upstreams = upstreams
        self._name = name
        self._pool = pool

    async def connect(
        self, endpoint: Endpoint, until: float, tried: Collection[Endpoint], alone: bool
    ) -> UpstreamConnection:
        """See ``Pool.connect``. Raises NotSent."""
        script = self._upstreams.script(self._name)
        if script.failure in _NOT_CONNECTED and script.failure is not None:
            endpoint.failures += 1
            raise NotSent(script.failure, "by the script")
        other = _Scripted(self._name, self._upstreams, self._pool)
        other.connection = connection = self._pool.made(endpoint, endpoint.address or endpoint.host)
        connection.connection_made(_UpstreamTransport(self._pool.loop, other))
        return connection


_OK = ScriptedResponse()
