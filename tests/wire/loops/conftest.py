"""Tests of what the transports of a loop do, on both loops: asyncio's, and the one that the gateway runs on."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.certificate_files import issue


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """The TLS of a gateway with a certificate of its own."""
    folder = tmp_path_factory.mktemp("certificate")
    issue(folder, "gateway")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, certificate: ssl.SSLContext) -> ssl.SSLContext | None:
    """None for a listener without TLS."""
    return None if request.param == "plain" else certificate
