"""TLS on the public listener, and certificates that change while it runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
from pathlib import Path

from aiohttp import ClientSession

from tests.certificate_files import issue
from tests.eventually import eventually
from tests.gateway_run import ENTRY, Maker, Run, health, worker_pids

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


async def test_a_worker_is_replaced_with_the_certificate_that_was_read_whatever_became_of_the_files(
    runs: Maker, http: ClientSession, tmp_path: Path
) -> None:
    issue(tmp_path, "first")
    run = await runs(entry=SECURE, workers=2)
    good = (tmp_path / "cert.pem").read_bytes()
    (tmp_path / "key.pem").write_text("no key")
    (tmp_path / "cert.pem").unlink()
    before = await worker_pids(run, http)
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return workers["ready"] == 2 and not set(before) & set(workers["pids"])

    await eventually(replaced)
    (tmp_path / "cert.pem").write_bytes(good)
    assert {await served(run) for _ in range(10)} == {"first"}
    run.send(signal.SIGHUP)
    (refused,) = [await run.event("reload_refused")]
    assert "  listen.tls.key  holds no private key  " in refused["problems"][0]
    shown = await health(run, http)
    assert (shown["status"], shown["workers"]["ready"]) == ("ok", 2)
    (reason,) = shown["reasons"]
    assert refused["problems"][0] in reason
    issue(tmp_path, "second")
    run.send(signal.SIGHUP)

    async def well() -> bool:
        return not (await health(run, http))["reasons"]

    await eventually(well)
    assert {await served(run) for _ in range(10)} == {"second"}


async def test_a_certificate_that_cannot_be_read_ends_the_start(runs: Maker, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    (tmp_path / "key.pem").write_text("no key")
    run = await runs(entry=SECURE, serving=False)
    assert await run.ended() == 2
    (problem,) = json.loads(run.err.read_text())["problems"]
    assert (problem["line"], problem["path"], problem["sentence"]) == (2, "listen.tls.key", "holds no private key")


async def test_a_run_shows_what_the_check_warns_of(runs: Maker, tmp_path: Path) -> None:
    issue(tmp_path, "short-lived")
    run = await runs(entry=SECURE)
    (warning,) = [each for each in json.loads(run.err.read_text())["warnings"] if each["path"] == "listen.tls.cert"]
    assert warning["sentence"] == "the certificate expires in less than a day" and warning["line"] == 2
    await run.stop()
    run.err.unlink()
    await run.start(json=False)
    await eventually(lambda: b"gateway https://" in run.err.read_bytes())
    assert "  listen.tls.cert  the certificate expires in less than a day  " in run.err.read_text()
