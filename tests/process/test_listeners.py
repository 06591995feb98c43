"""The listeners of a run: all bound or none, and addresses that people can open."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.process.listeners import CannotStart, Listeners
from tests.process.configs import written


def test_each_worker_has_a_socket_of_its_own_and_the_operators_one(tmp_path: Path) -> None:
    config = written(tmp_path, **{"drain: 5s": "workers: 3, egress: {port: 0}"})
    listeners = Listeners(config)
    try:
        assert [len(sockets) for sockets in (listeners.public, listeners.egress, listeners.ops)] == [3, 3, 1]
        addresses = listeners.addresses(config)
        assert (addresses.workers, addresses.digest) == (3, config.digest)
        for url, sockets in (
            (addresses.gateway, listeners.public),
            (addresses.egress, listeners.egress),
            (addresses.ops, listeners.ops),
        ):
            assert {url} == {f"http://127.0.0.1:{sock.getsockname()[1]}" for sock in sockets}
    finally:
        listeners.close()


def test_without_an_egress_listener_it_has_no_address(tmp_path: Path) -> None:
    config = written(tmp_path)
    listeners = Listeners(config)
    assert (listeners.egress, listeners.addresses(config).egress) == ([], "")
    listeners.close()


def test_the_sockets_that_workers_have_as_well_are_closed_first(tmp_path: Path) -> None:
    listeners = Listeners(written(tmp_path, **{"drain: 5s": "workers: 2, egress: {port: 0}"}))
    listeners.close_shared()
    assert [sock.fileno() for sock in (*listeners.public, *listeners.egress)] == [-1] * 4
    assert listeners.ops[0].fileno() != -1
    listeners.close()
    assert listeners.ops[0].fileno() == -1


def test_public_ports_refuse_whoever_still_has_the_sockets_and_egress_goes_on(tmp_path: Path) -> None:
    listeners = Listeners(written(tmp_path, **{"drain: 5s": "workers: 2, egress: {port: 0}"}))
    addresses = [sockets[0].getsockname() for sockets in (listeners.public, listeners.egress)]
    held = [sock.dup() for sock in (*listeners.public, *listeners.egress)]  # as a stopped worker has them
    listeners.close_shared()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(addresses[0])
    socket.create_connection(addresses[1]).close()
    for sock in held:
        sock.close()
    listeners.close()


@pytest.mark.parametrize(
    ("old", "setting"),
    [
        ("host: 127.0.0.1, port: 0, drain", "listen"),
        ("host: 127.0.0.1, port: 0, token", "ops"),
        ("drain: 5s", "listen.egress"),
    ],
)
def test_a_port_in_use_is_named_with_its_setting(tmp_path: Path, old: str, setting: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        new = f"egress: {{port: {port}}}" if setting == "listen.egress" else old.replace("port: 0", f"port: {port}")
        with pytest.raises(CannotStart, match=f"^{setting}: cannot listen on 127.0.0.1:{port}: Address already in use"):
            Listeners(written(tmp_path, **{old: new}))
