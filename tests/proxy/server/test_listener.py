"""Clients that come together are taken together."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from gateway.core.shortage import Shortage
from gateway.proxy.server.listener import AT_ONCE, Listener, ListenerTls
from tests.eventually import eventually
from tests.no_descriptors import no_descriptors


class Joined(asyncio.Protocol):
    """A connection that was admitted."""

    joining: asyncio.Task[None] | None = None

    def __init__(self, admission: Everybody) -> None:
        self._admission = admission

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._admission.made += 1

    def not_made(self) -> None:
        self._admission.not_made += 1


class Everybody:
    """Admits every connection, and counts those made, those that never were, and those refused for a shortage. ``idle`` can
    be ended for another one."""

    def __init__(self) -> None:
        self.made = self.not_made = 0
        self.idle: list[Callable[[], None]] = []
        self.shortages: list[Shortage] = []
        self.refused: list[str] = []
        self.admitted: list[Joined] = []

    def admit(self, accepted: socket.socket, address: str) -> Joined:
        assert address == "127.0.0.1"
        self.admitted.append(Joined(self))
        return self.admitted[-1]

    def relieve(self, kind: Shortage) -> bool:
        self.shortages.append(kind)
        if not self.idle:
            return False
        asyncio.get_running_loop().call_soon(self.idle.pop())  # as a transport closes
        return True

    def refuse(self, accepted: socket.socket, address: str, detail: str) -> None:
        self.refused.append(detail)
        accepted.close()


class Nobody(Everybody):
    """Admits no connection, and closes it."""

    def admit(self, accepted: socket.socket, address: str) -> Joined | None:  # type: ignore[override]  # None: as a Server
        accepted.close()
        return None


def bound() -> socket.socket:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


async def test_a_crowd_is_taken_in_a_few_iterations_of_the_loop() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody)
    crowd = [socket.create_connection(sock.getsockname()) for _ in range(2 * AT_ONCE)]  # the kernel takes their calls
    iterations = 0
    while everybody.made < len(crowd):
        await asyncio.sleep(0)
        iterations += 1
        assert iterations < 50, everybody.made
    for one in crowd:
        one.close()
    listener.stop()


async def test_nobody_is_taken_after_the_end() -> None:
    sock = bound()
    where = sock.getsockname()
    listener = Listener(asyncio.get_running_loop(), sock, Everybody())
    listener.stop()
    listener.stop()  # twice is once
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)


async def test_without_memory_for_one_more_it_waits_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.server.listener.PAUSE", 0.0)

    class Short(socket.socket):
        refused = 0

        def accept(self) -> Any:
            if self.refused < 3:
                self.refused += 1
                raise OSError(errno.ENOBUFS, "no buffer space")
            return super().accept()

    sock = Short()
    sock.bind(("127.0.0.1", 0))
    later = Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, later)
    with socket.create_connection(sock.getsockname()):
        await eventually(lambda: later.made)
    assert sock.refused == 3
    assert later.shortages == [Shortage.MEMORY] * 3
    listener.stop()


async def test_out_of_descriptors_it_refuses_whoever_connects_and_nobody_waits() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody)
    crowd = [socket.socket() for _ in range(300)]
    with no_descriptors() as held:
        for one in crowd:
            one.settimeout(5)
            one.connect(sock.getsockname())
        await eventually(lambda: len(everybody.refused) == len(crowd))
        for one in crowd:
            assert one.recv(1) == b""
        assert set(everybody.refused) == {"the gateway is out of descriptors"}
        assert everybody.made == 0
        everybody.idle.append(partial(os.close, held.pop()))
        crowd[0].close()
        crowd[0] = socket.socket()
        crowd[0].connect(sock.getsockname())
        await eventually(lambda: everybody.made == 1)
    for one in crowd:
        one.close()
    with socket.create_connection(sock.getsockname()):
        await eventually(lambda: everybody.made == 2)
    listener.stop()


async def test_an_idle_connection_makes_room_when_descriptors_run_out() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody)
    crowd = [socket.socket() for _ in range(20)]
    with no_descriptors() as held:
        everybody.idle += [partial(os.close, held.pop()) for _ in crowd]
        for one in crowd:
            one.connect(sock.getsockname())
        await eventually(lambda: everybody.made == len(crowd))
        assert (everybody.refused, everybody.idle) == ([], [])
        assert set(everybody.shortages) == {Shortage.DESCRIPTORS}
    for one in crowd:
        one.close()
    listener.stop()


async def test_the_spare_descriptor_is_given_back() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        listener = Listener(asyncio.get_running_loop(), bound(), Everybody())
        listener.stop()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_stopping_ends_no_connection_that_was_accepted() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody, SECURED)
    with socket.create_connection(sock.getsockname()):
        await eventually(lambda: everybody.admitted)
        listener.stop()
        await asyncio.sleep(0)
        assert everybody.not_made == 0
    await eventually(lambda: everybody.not_made)


SECURED = ListenerTls(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), handshake=5.0, shutdown=5.0)


async def test_a_handshake_that_fails_is_the_end_of_that_connection_only() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody, SECURED)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    async with asyncio.timeout(5):
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await reader.readexactly(1000)
    await eventually(lambda: everybody.not_made == 1)
    writer.close()
    listener.stop()


async def test_a_handshake_that_takes_too_long_is_ended() -> None:
    sock, everybody = bound(), Everybody()
    listener = Listener(asyncio.get_running_loop(), sock, everybody, SECURED._replace(handshake=0.1))
    with socket.create_connection(sock.getsockname()) as silent:
        await eventually(lambda: everybody.not_made == 1)
        silent.settimeout(5)
        assert silent.recv(1) == b""
    listener.stop()


class Fickle(Everybody):
    """Ends each connection before its task has run."""

    def admit(self, accepted: socket.socket, address: str) -> Joined:
        admitted = super().admit(accepted, address)
        asyncio.get_running_loop().call_soon(lambda: admitted.joining and admitted.joining.cancel())
        return admitted


@pytest.mark.parametrize("secured", [None, SECURED])
async def test_a_connection_that_is_ended_before_it_is_made_is_closed(secured: ListenerTls | None) -> None:
    sock, fickle = bound(), Fickle()
    listener = Listener(asyncio.get_running_loop(), sock, fickle, secured)
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    assert (fickle.made, fickle.not_made) == (0, 1)
    writer.close()
    listener.stop()


async def test_a_connection_that_is_not_admitted_is_not_made() -> None:
    sock = bound()
    listener = Listener(asyncio.get_running_loop(), sock, Nobody())
    reader, writer = await asyncio.open_connection(*sock.getsockname())
    assert await reader.read() == b""
    writer.close()
    listener.stop()


async def test_what_waits_at_the_end_is_taken_and_nothing_begins_any_more() -> None:
    sock, everybody = bound(), Everybody()
    where = sock.getsockname()
    listener = Listener(asyncio.get_running_loop(), sock, everybody)
    listener.begin_end()
    listener.take_rest()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(where)
    listener.take_rest()  # twice is once

    sock = bound()
    listener = Listener(asyncio.get_running_loop(), sock, everybody)
    crowd = [socket.create_connection(sock.getsockname()) for _ in range(2 * AT_ONCE + 1)]
    listener.begin_end()
    listener.take_rest()
    assert len(everybody.admitted) == len(crowd), "before the socket ended"
    await eventually(lambda: everybody.made == len(crowd))
    for one in crowd:
        one.close()
