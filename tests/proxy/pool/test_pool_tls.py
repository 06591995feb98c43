"""TLS to the upstream: only a certificate that a trusted authority gave for that very name will do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from tests.authority import Authority
from tests.data_plane_fixture import ENTRY, POLICIES_MORE
from tests.eventually import eventually
from tests.gateway_fixture import POLICIES, running_gateway
from tests.proxy.requests import get
from tests.upstream_fixture import OK, Response, wire


@contextlib.asynccontextmanager
async def secure_upstream(context: ssl.SSLContext, heads: list[bytes]) -> AsyncIterator[int]:
    """Answers every request with OK and notes its head; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(OK)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def asked(context: ssl.SSLContext, heads: list[bytes], host: str) -> list[tuple[Response, str]]:
    """Two answers of a gateway before ``https://host``, each with the detail of its log line."""
    async with secure_upstream(context, heads) as port:
        url = f"https://{host}:{port}"
        entry = ENTRY.format(url=url, response="2s", header_timeout="10s", body_timeout="10s")
        policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
        async with running_gateway(entry, policies=policies) as gateway, wire(gateway.port) as client:
            responses = [await client.ask(get("/api/info")) for _ in range(2)]
        return [(response, one.detail) for response, one in zip(responses, gateway.seen.exchanges, strict=True)]


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    authority = Authority(tmp_path, "trusted")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.root))
    return authority


async def test_a_certificate_of_a_trusted_authority_for_the_name_passes(trusted: Authority):
    heads: list[bytes] = []
    responses = await asked(trusted.server(x509.DNSName("localhost")), heads, "localhost")
    assert [response.status for response, _ in responses] == [200, 200]
    assert all(b"\r\nhost: localhost:" in head for head in heads)


async def test_an_address_is_verified_like_a_name(trusted: Authority):
    heads: list[bytes] = []
    context = trusted.server(x509.IPAddress(ip_address("127.0.0.1")))
    assert [response.status for response, _ in await asked(context, heads, "127.0.0.1")] == [200, 200]
    assert [response.status for response, _ in await asked(context, heads, "localhost")] == [502, 502]


@pytest.mark.parametrize("fault", ["untrusted", "other-name", "run-out"])
async def test_any_other_certificate_is_refused_before_a_byte_is_sent(trusted: Authority, tmp_path: Path, fault: str):
    authority = Authority(tmp_path, "nobody") if fault == "untrusted" else trusted
    name = "elsewhere.example" if fault == "other-name" else "localhost"
    heads: list[bytes] = []
    responses = await asked(authority.server(x509.DNSName(name), -1 if fault == "run-out" else 1), heads, "localhost")
    for response, detail in responses:
        assert response.status == 502
        assert json.loads(response.body)["reason"] == "upstream_unreachable"
        assert "certificate" in detail.lower()
        assert b"certificate" not in response.body.lower()
    assert heads == []


@pytest.mark.parametrize(("name", "status"), [("localhost", 200), ("elsewhere.example", 502)])
async def test_an_address_that_was_looked_up_must_have_the_names_certificate(
    trusted: Authority, name: str, status: int
):
    heads: list[bytes] = []
    async with secure_upstream(trusted.server(x509.DNSName(name)), heads) as port:
        url = f"https://localhost:{port}"
        entry = ENTRY.format(url=url, response="2s", header_timeout="10s", body_timeout="10s")
        entry = entry.replace("    timeouts:", "    resolve: 1h\n    timeouts:")
        policies = POLICIES.replace("response_headers:\n", POLICIES_MORE + "response_headers:\n")
        async with running_gateway(entry, policies=policies) as gateway, wire(gateway.port) as client:
            runtime = gateway.runtime
            await eventually(lambda: runtime.upstreams["tutor"].endpoints[0].address)
            assert (await client.ask(get("/api/info"))).status == status
    assert len(heads) == (status == 200)
