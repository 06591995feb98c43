"""What the kernel says about bytes that a client has not taken."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from gateway.proxy.wire.tcp import UNSENT_MOST, bound_sending, send_state
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
