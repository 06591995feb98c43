"""The ends of a client's connection: behind the last response, with what the client still sends, and at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from gateway.proxy.message.parser import RequestParser
from gateway.proxy.server.half_closed import HalfClosedWatch
from gateway.proxy.server.linger import IN_STEP, MOST_SECONDS, Linger
from gateway.proxy.server.output import ClientOutput
from gateway.proxy.wire.tcp import end_writing, has_unread
from gateway.proxy.wire.tls import keep_open_at_close_notify
from gateway.proxy.wire.write_batch import WriteBatch


class ClientEnds(ClientOutput):
    """A client's connection that can be ended. ``parser`` reads from it. ``idle_since`` is the loop's time since when it has
    no request in progress, 0.0 while there is one. ``joining`` is the task of the listener that makes the connection.
    ``ended`` counts the connections that the listener has ended, by why.
    """

    __slots__ = (
        "_ended",
        "_ended_here",
        "_half_closed",
        "_lingering",
        "data_received",
        "idle_since",
        "joining",
        "parser",
    )

    parser: RequestParser
    data_received: Callable[[bytes], None]  # type: ignore[assignment]  # a slot: the parser's own, until ``linger``

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        write_batch: WriteBatch,
        on_paused: Callable[[], None],
        ended: Counter[str],
    ) -> None:
        super().__init__(loop, write_batch, on_paused)
        self.idle_since = 0.0
        self.joining: asyncio.Task[None] | None = None
        self._ended = ended
        self._lingering: Linger | None = None  # the last response was sent, and the client may still send
        self._half_closed: HalfClosedWatch | None = None  # the client sends no more, and has responses to come
        self._ended_here = False  # and not by the client

    def end(self, more_may_come: bool = False) -> None:
        """Close behind the last response, in two steps where the client has sent more than was read, or may have."""
        if self._half_closed is None and self.parser.behind:
            self.linger()
        elif self._half_closed is None and more_may_come and not self.secure:
            self.linger(IN_STEP)
        else:
            self.force_close()

    def end_idle(self) -> None:
        """End a connection that waits for a request, unless one is here that was not read yet."""
        transport = self.transport
        if self._lingering is not None or transport is None:
            return
        self._write_batch.flush()
        sock = transport.get_extra_info("socket")
        if has_unread(sock):
            return
        if not self.secure and not transport.get_write_buffer_size():
            end_writing(sock)
        self.end(True)

    def linger(self, still: float = MOST_SECONDS) -> None:
        """Have the client see that nothing more comes, and take what it still sends, until it is silent for ``still`` seconds:
        see ``linger``.

        Under TLS it does not see that, so the end of what is arriving ends the connection.
        """
        transport = self.transport
        if transport is None or transport.is_closing():
            self.force_close()
            return
        self._write_batch.flush()
        self.idle_since = self._loop.time()
        self.parser.head_since = 0.0
        self._lingering = Linger(self._loop, self.force_close, still)
        self.data_received = self._take_rest
        transport.set_protocol(self)  # uvloop reads the callback here only
        if not self.secure or self.parser.current is None or self.parser.current.whole:
            self.parser.drop()
        if not self.secure:
            with contextlib.suppress(OSError):  # the client has reset it
                transport.write_eof()

    def _take_rest(self, data: bytes) -> None:
        if self._lingering is not None:
            self._lingering.took(len(data))
        self.parser.feed(data)

    def force_close(self) -> None:
        """Close behind what has been sent."""
        self.parser.discarding = self._ended_here = True
        if not self.closing:  # the transport of asyncio's TLS that is closed twice never ends
            self._write_batch.flush()
            self.transport.close()  # type: ignore[union-attr]  # see ``closing``

    def close_when_taken(self) -> None:
        """Close behind what has been sent, unless the client may still send what is refused: then that ends it."""
        if self._lingering is None:
            self.force_close()

    def detach(self, protocol: asyncio.Protocol) -> asyncio.Transport:
        """Hand the transport to ``protocol`` for good, which calls ``connection_lost``: nothing is parsed any more.

        Raises ConnectionResetError when the client has left.
        """
        if self._half_closed is not None:
            self.abort()  # it could send nothing, and nothing would ever end it
        transport = self.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.parser.discarding = True
        keep_open_at_close_notify(transport, None)
        self._write_batch.flush()
        transport.set_protocol(protocol)
        return transport

    def abort(self) -> None:
        """End at once, whatever is in progress."""
        self.parser.discarding = self._ended_here = True
        if self.transport is not None:
            self.transport.abort()
        elif self.joining is not None:
            self.joining.cancel()

    def make_room(self) -> None:
        """End at once, so that another connection has room."""
        self._ended["made_room"] += 1
        self.abort()
