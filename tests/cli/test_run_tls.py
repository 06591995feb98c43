"""TLS on the public listener, and certificates that change while it runs."""

from __future__ import annotations

import asyncio
import signal
import ssl
from pathlib import Path

from tests.certificate_files import issue
from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, Run

SECURE = ENTRY.replace("drain: DRAIN", "drain: DRAIN, tls: {cert: cert.pem, key: key.pem}")


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
