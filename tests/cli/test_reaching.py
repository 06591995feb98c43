"""The operators' commands reach a gateway behind a name of which addresses are dead."""

from __future__ import annotations

import asyncio
import http.client

import pytest

from gateway.cli import reaching
from gateway.cli.reaching import http_connection
from gateway.core.addresses import Resolver
from tests.black_hole import black_hole
from tests.named_upstream import HOST, Names, servers


def status(port: int) -> int:
    connection = http_connection(HOST, port, 5.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("dead", [["::1"], ["127.0.0.2", "::1"]], ids=str)
async def test_dead_addresses_are_passed(monkeypatch: pytest.MonkeyPatch, dead: list[str]) -> None:
    monkeypatch.setattr(reaching, "Resolver", lambda: Resolver(Names([*dead, "127.0.0.1"])))
    async with servers("127.0.0.1") as found:
        with black_hole(dead[0], found.port):
            assert await asyncio.to_thread(status, found.port) == 200


async def test_all_dead_is_refused_at_once_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "Resolver", lambda: Resolver(Names(["::1", "127.0.0.1"])))
    async with servers() as found:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.to_thread(status, found.port)


def test_a_name_that_is_none_is_said_to_be_none() -> None:
    with pytest.raises(OSError, match=r"resolve|known"):
        http_connection("nowhere.invalid", 9, 5.0).request("GET", "/")
    assert isinstance(http_connection("127.0.0.1", 9, 5.0), http.client.HTTPConnection)
