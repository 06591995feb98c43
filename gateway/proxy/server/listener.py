"""Accepting connections: all that wait at once, where uvloop takes one in each iteration of the loop.

Under load an iteration takes milliseconds, and the last of 256 clients that came together waited for more than a second
(libuv since 1.45 accepts one connection per event).
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from typing import NamedTuple, Protocol

from gateway.core.shortage import Shortage, shortage_of
from gateway.proxy.wire.tcp import begin_no_handshakes, bound_sending

AT_ONCE = 128  # connections taken in one iteration, so that the requests in progress go on
BACKLOG = 4096  # connections that the kernel holds until they are taken
PAUSE = 0.1  # seconds without accepting when there is no descriptor or memory for one more


class ListenerTls(NamedTuple):
    """How connections are secured. A handshake ends after ``handshake`` seconds, the exchange of close_notify (RFC 8446
    6.1) and what is to be sent before it after ``shutdown`` seconds."""

    context: ssl.SSLContext
    handshake: float
    shutdown: float


class AcceptedConnection(Protocol):
    """The protocol of a connection that was accepted. ``joining`` is the task that makes it, its handshake included: whoever
    cancels it ends the connection."""

    joining: asyncio.Task[None] | None

    def not_made(self) -> None:
        """The connection has ended before ``connection_made``."""


class Admission(Protocol):
    """Counts connections from here on."""

    def admit(self, accepted: socket.socket, address: str) -> AcceptedConnection | None:
        """The protocol of a connection from ``address``; None when there is one too many, which is closed then."""

    def relieve(self, kind: Shortage) -> bool:
        """The gateway is out of ``kind`` for one more connection. Returns whether another one was ended for it, whose
        descriptor is free in the next iteration."""

    def refuse(self, accepted: socket.socket, address: str, detail: str) -> None:
        """Close a connection from ``address`` that there is nothing for; ``detail`` says why, for the log."""


class Listener:
    """Accepts on ``sock``, which is bound, what ``admission`` admits.

    It holds a spare descriptor: without one, a process that is out of them could not even refuse those who connect, and they
    would wait for ever.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, admission: Admission, tls: ListenerTls | None = None
    ) -> None:
        self.tls = tls
        self._loop = loop
        self._sock = sock
        self._admission = admission
        self._joining: set[asyncio.Task[None]] = set()
        self._pause: asyncio.TimerHandle | None = None
        self._spare = -1
        self._renew_spare()
        sock.setblocking(False)
        sock.listen(BACKLOG)
        loop.add_reader(sock, self._accept)

    def bound_sending(self, seconds: float) -> None:
        """Bound what the kernel holds for each connection from now on, and for how many seconds without an acknowledgement."""
        bound_sending(self._sock, seconds)

    def begin_end(self) -> None:
        """Have no more handshakes begin on the socket, in whichever process. Those under way are taken until ``take_rest``."""
        begin_no_handshakes(self._sock)

    def take_rest(self) -> None:
        """Take all connections that wait, and no more."""
        while self._sock.fileno() >= 0 and self._accept():
            pass
        self.stop()

    def stop(self) -> None:
        """Take no more connections; those that were accepted go on, as do their TLS handshakes."""
        if self._sock.fileno() < 0:
            return
        self._loop.remove_reader(self._sock)
        self._sock.close()
        if self._spare >= 0:
            os.close(self._spare)
            self._spare = -1
        if self._pause is not None:
            self._pause.cancel()

    def _accept(self) -> bool:
        """Take what waits, ``AT_ONCE`` connections at most; whether more may wait."""
        for _ in range(AT_ONCE):
            try:
                accepted, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return False
            except (OSError, MemoryError) as error:
                kind = shortage_of(error)
                if kind is None:
                    raise
                if not self._accept_without(kind):
                    return False
                continue
            accepted.setblocking(False)
            admitted = self._admission.admit(accepted, address[0])
            if admitted is not None:
                self._join(accepted, admitted)
        return True

    def _accept_without(self, kind: Shortage) -> bool:
        """Take one connection although the gateway is out of ``kind``; whether to go on with the next at once."""
        relieved = self._admission.relieve(kind)
        if kind is not Shortage.DESCRIPTORS or not (self._spare >= 0 or self._renew_spare()):
            self._rest()
            return False
        os.close(self._spare)
        self._spare = -1
        try:
            accepted, address = self._sock.accept()
        except (OSError, MemoryError):  # another process has taken it (ENFILE), or the client has left
            self._rest()
            return False
        if relieved:
            accepted.setblocking(False)
            admitted = self._admission.admit(accepted, address[0])
            if admitted is not None:
                self._join(accepted, admitted)
            self._loop.call_soon(self._renew_spare)
            return False  # the next one when the descriptor is free
        self._admission.refuse(accepted, address[0], f"the gateway is out of {kind}")
        return self._renew_spare()

    def _rest(self) -> None:
        # The client stays in the kernel's queue; asking again at once would be a loop without end.
        self._loop.remove_reader(self._sock)
        self._pause = self._loop.call_later(PAUSE, self._go_on)

    def _go_on(self) -> None:
        self._renew_spare()
        self._loop.add_reader(self._sock, self._accept)

    def _renew_spare(self) -> bool:
        """Whether there is a spare descriptor, opened anew where it was used."""
        if self._spare < 0 <= self._sock.fileno():
            try:
                self._spare = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                return False
        return self._spare >= 0

    def _join(self, accepted: socket.socket, admitted: AcceptedConnection) -> None:
        admitted.joining = task = self._loop.create_task(self._make(accepted, admitted))
        self._joining.add(task)

        def made(task: asyncio.Task[None]) -> None:  # a callback: a task that is cancelled at once never runs
            self._joining.discard(task)
            admitted.joining = None
            if task.cancelled() or task.exception() is not None:
                accepted.close()
                admitted.not_made()

        task.add_done_callback(made)

    async def _make(self, accepted: socket.socket, admitted: AcceptedConnection) -> None:
        """Make the connection. Raises OSError (ssl.SSLError is one) where the client has left, or its handshake fails or
        takes too long: there is nobody to respond to."""
        tls = self.tls
        await self._loop.connect_accepted_socket(  # type: ignore[type-var]  # BaseProtocol is a class, which no Protocol extends
            lambda: admitted,
            accepted,
            ssl=tls and tls.context,
            ssl_handshake_timeout=tls and tls.handshake,
            ssl_shutdown_timeout=tls and tls.shutdown,
        )
