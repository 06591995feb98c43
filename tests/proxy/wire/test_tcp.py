"""What the kernel says about bytes that a client has not taken."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import select
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.proxy.wire.tcp import (
    UNREAD_MOST,
    UNSENT_MOST,
    begin_no_handshakes,
    bound_sending,
    has_unread,
    send_state,
    unread,
)
from tests.eventually import eventually


@contextlib.contextmanager
def pair(seconds: float = 60.0) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Both ends of a connection, the accepted one first; the client has little room."""
    with socket.socket() as listening, socket.socket() as client:
        listening.bind(("127.0.0.1", 0))
        bound_sending(listening, seconds)
        listening.listen()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()
        with accepted:
            accepted.setblocking(False)
            yield accepted, client


def fill(sock: socket.socket) -> int:
    """Send until the kernel takes no more; how many bytes it took."""
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += sock.send(b"x" * 65536)
    return sent


async def test_what_was_taken_and_what_waits_adds_up() -> None:
    with pair() as (accepted, client):
        before = send_state(accepted)
        assert before is not None and not before.waiting
        sent = fill(accepted)

        def settled() -> bool:
            state = send_state(accepted)
            assert state is not None and state.waiting
            return state.taken - before.taken + state.unsent == sent

        await eventually(settled)
        client.settimeout(5)
        found = 0
        while found < sent:
            found += len(await asyncio.to_thread(client.recv, 65536))
        after = send_state(accepted)
        assert after is not None
        assert (after.taken - before.taken, after.unsent) == (sent, 0)


def test_the_kernel_holds_little_of_what_it_cannot_send() -> None:
    with pair() as (accepted, _):
        assert fill(accepted) < 2 * UNSENT_MOST + 65536  # it takes one piece more than it holds by then


def test_the_kernel_ends_what_is_not_acknowledged() -> None:
    with pair(seconds=2.5) as (accepted, _):
        assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 2500


def test_a_socket_that_is_closed_or_of_another_kind_has_no_state() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert send_state(one) is None
        bound_sending(one, 1.0)
    assert send_state(one) is None


@contextlib.asynccontextmanager
async def failing(sent: bytes) -> AsyncIterator[asyncio.Transport]:
    """A transport whose other side has sent ``sent`` and reset the connection, which its loop has not seen yet."""
    with pair() as (accepted, client):
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=accepted.dup())
        transport.pause_reading()
        transport.write(b"unread")
        client.sendall(sent)
        client.close()
        yield transport
        transport.abort()


async def test_what_came_before_a_reset_is_there_still() -> None:
    async with failing(b"413") as transport:
        assert unread(transport) == b"413"
    async with failing(b"x" * (UNREAD_MOST + 1)) as transport:
        assert len(unread(transport)) == UNREAD_MOST
    async with failing(b"") as transport:
        assert unread(transport) == b""


def test_bytes_that_nobody_has_read_are_seen() -> None:
    with pair() as (accepted, client):
        assert not has_unread(accepted)
        client.send(b"G")
        assert select.select([accepted], [], [], 5)[0]
        assert has_unread(accepted)
        accepted.recv(1)
        assert not has_unread(accepted)
    assert not has_unread(accepted), "a socket that is closed has none"


async def test_no_handshake_begins_on_a_socket_that_is_about_to_end_and_none_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as late:
        waiting = socket.create_connection(listening.getsockname())
        begin_no_handshakes(listening)
        late.setblocking(False)
        with pytest.raises(BlockingIOError):
            late.connect(listening.getsockname())
        waiting.send(b"as before")
        accepted, _ = listening.accept()
        with waiting, accepted:
            assert accepted.recv(99) == b"as before"
            accepted.send(b"and back")
            assert waiting.recv(99) == b"and back"
            listening.setblocking(False)
            with pytest.raises(BlockingIOError):
                listening.accept()
        listening.close()
        assert await asyncio.to_thread(select.select, [], [late], [], 5) == ([], [late], [])
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED, "when it tried again"


def test_a_socket_without_filters_ends_as_it_can() -> None:
    with socket.socket() as sock:
        pass
    begin_no_handshakes(sock)
