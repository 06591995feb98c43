"""TLS whose close_notify ends one direction: what both loops make of it is in ``tests.wire.loops.test_half_closed``."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest

from gateway.proxy.wire.tls import HalfCloseTls, keep_open_at_close_notify, undecrypted
from tests.certificate_files import issue


class Transport(asyncio.Transport):
    """A transport over ``tls``, of which nothing else is asked."""

    def __init__(self, tls: ssl.SSLObject | None) -> None:
        super().__init__({"ssl_object": tls})


def connected(folder: Path) -> tuple[HalfCloseTls, ssl.SSLObject]:
    """The server's side of a connection and the client's, without a network."""
    issue(folder, "gateway")
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    serving.sslobject_class = HalfCloseTls
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname, asking.verify_mode = False, ssl.CERT_NONE
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = asking.wrap_bio(to_client, to_server)
    for side in (client, server, client, server):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
    assert isinstance(server, HalfCloseTls)
    return server, client


def end(client: ssl.SSLObject) -> None:
    with contextlib.suppress(ssl.SSLWantReadError):
        client.unwrap()


async def test_the_end_is_announced_once_behind_what_came_before(tmp_path: Path):
    server, client = connected(tmp_path)
    ended: list[str] = []
    keep_open_at_close_notify(Transport(server), lambda: ended.append("end"))
    client.write(b"all of it")
    end(client)
    assert server.read(100) == b"all of it"
    for _ in range(3):
        with pytest.raises(ssl.SSLWantReadError):
            server.read(100)
    assert ended == [], "who reads takes what came before it first"
    await asyncio.sleep(0)
    assert ended == ["end"]
    assert server.write(b"response") == 8 and client.read(100) == b"response"


async def test_who_does_not_ask_sees_the_end_as_ever(tmp_path: Path):
    server, client = connected(tmp_path)
    keep_open_at_close_notify(Transport(server), lambda: None)
    keep_open_at_close_notify(Transport(server), None)
    keep_open_at_close_notify(Transport(None), lambda: None)
    keep_open_at_close_notify(None, lambda: None)
    end(client)
    assert server.read(100) == b""


async def test_what_was_not_decrypted_is_there_at_the_end(tmp_path: Path):
    server, client = connected(tmp_path)
    client.write(b"a" * 20_000)
    client.write(b"b" * 20_000)
    assert undecrypted(Transport(server)) == b"a" * 20_000 + b"b" * 20_000
    end(client)
    assert undecrypted(Transport(server)) == undecrypted(Transport(None)) == undecrypted(None) == b""
