"""The listening sockets of a run."""

from __future__ import annotations

import contextlib
import socket

import pytest

from gateway.process.sockets import bind, url


def test_all_share_one_free_port_and_listen() -> None:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(sock) for sock in bind("127.0.0.1", 0, 3)]
        ports = {sock.getsockname()[1] for sock in made}
        assert len(ports) == 1
        with socket.create_connection(("127.0.0.1", ports.pop()), timeout=5):
            pass


def test_a_port_in_use_is_not_shared() -> None:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(sock) for sock in bind("127.0.0.1", 0, 1)]
        with pytest.raises(OSError, match="in use"):
            bind("127.0.0.1", made[0].getsockname()[1], 1)


def test_ipv6() -> None:
    with contextlib.ExitStack() as stack:
        (made,) = (stack.enter_context(sock) for sock in bind("::1", 0, 1))
        assert made.family is socket.AF_INET6


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(OSError):
        bind("192.0.2.1", 0, 1)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("2001:db8::1", "http://[2001:db8::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_the_url_can_be_opened_from_here(host: str, expected: str) -> None:
    assert url("http", host, 80) == expected
