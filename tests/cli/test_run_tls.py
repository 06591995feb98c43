"""TLS on the public listener, and certificates that change while it runs."""

from __future__ import annotations

import asyncio
import datetime
import signal
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config.model import Tls
from gateway.process.worker import tls_context
from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, Run

SECURE = ENTRY.replace("drain: DRAIN", "drain: DRAIN, tls: {cert: cert.pem, key: key.pem}")


def issue(folder: Path, name: str) -> None:
    """Write a self-signed certificate for localhost whose subject is ``name``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    cert = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


async def served(run: Run) -> str:
    """The subject of the certificate that a client is shown, once it has verified it."""
    context = ssl.create_default_context(cafile=str(run.folder / "cert.pem"))
    port = int(run.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(b"GET /api/info HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 ")
    shown = writer.get_extra_info("peercert")
    writer.close()
    await writer.wait_closed()
    return str(shown["subject"][0][0][1])


async def test_a_reload_shows_the_new_certificate_and_a_bad_one_changes_nothing(runs: Maker, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    run = await runs(entry=SECURE)
    assert run.url.startswith("https://")
    assert await served(run) == "first"
    issue(tmp_path, "second")
    run.send(signal.SIGHUP)
    await eventually(lambda: len(run.events("reloaded")) == 1)
    assert await served(run) == "second"
    good = (tmp_path / "key.pem").read_bytes()
    (tmp_path / "key.pem").write_text("no key")
    run.send(signal.SIGHUP)
    await eventually(lambda: bool(run.events("reload_failed") + run.events("reload_refused")))
    (tmp_path / "key.pem").write_bytes(good)
    assert await served(run) == "second"


async def test_a_certificate_that_cannot_be_read_ends_the_start(runs: Maker, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    (tmp_path / "key.pem").write_text("no key")
    run = await runs(entry=SECURE, serving=False)
    assert await run.ended() == 2


def test_old_protocols_are_not_spoken(tmp_path: Path) -> None:
    issue(tmp_path, "first")
    context = tls_context(Tls(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem"))
    assert context is not None
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert tls_context(None) is None
    (tmp_path / "key.pem").write_text("no key")
    with pytest.raises(ssl.SSLError):
        tls_context(Tls(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem"))
