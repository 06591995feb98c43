"""No request is lost while a gateway is replaced: it is told to end under load, reloads, and replaces its workers."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientConnectionError, ClientSession

from tests.certificate_files import issue
from tests.cli.rolling_load import Load
from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPERATOR, Maker, Run, health, status, worker_pids
from tests.held_backend import HeldBackend

OPEN = ENTRY.replace("upstream: tutor, auth: public", "upstream: tutor, auth: public, methods: [GET, POST]")
SECURE = OPEN.replace("drain: DRAIN", "drain: DRAIN, tls: {cert: cert.pem, key: key.pem}")
ROLLING = "{announce: 300ms, finish: 4s}"
QUICK = "{announce: 50ms, finish: 4s}"
GET = b"GET /api/info HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


def address(run: Run) -> tuple[str, int]:
    parts = urlsplit(run.url)
    return parts.hostname or "", parts.port or 0


def trusting(folder: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(folder / "cert.pem"))


class Client:
    """One connection of a client that sends what a test gives it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self) -> tuple[int, bool]:
        """The status of a response, and whether it is the last one of the connection."""
        async with asyncio.timeout(10):
            head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
            await self.reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))
        return int(head.split()[1]), b"\r\nconnection: close\r\n" in head

    async def ended(self) -> bool:
        """Whether the gateway has ended the connection without another byte, and without a reset."""
        async with asyncio.timeout(10):
            return await self.reader.read() == b""


@asynccontextmanager
async def client(run: Run) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(*address(run))
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


async def closed(run: Run) -> None:
    """Wait until the port of a run refuses."""

    def refused() -> bool:
        with socket.socket() as sock:
            sock.settimeout(0.02)  # the first segment is dropped before the port refuses
            try:
                sock.connect(address(run))
            except ConnectionRefusedError:
                return True
            except TimeoutError:
                return False
        return False

    await eventually(refused)


async def test_while_it_announces_its_end_it_takes_and_serves_connections(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2, drain=ROLLING)
    async with client(run) as kept:
        kept.send(GET)
        assert await kept.response() == (200, False)
        run.send(signal.SIGTERM)

        async def unready() -> bool:
            return await status(http, run.url + "/health/ready") == 503

        await eventually(unready)
        assert [await status(http, run.url + "/health/ready") for _ in range(8)] == [503] * 8, "every worker says so"
        assert [await status(http, run.url + "/api/info") for _ in range(8)] == [200] * 8
        async with http.get(run.ops + "/health", headers=OPERATOR) as response:
            assert (response.status, (await response.json())["status"]) == (503, "draining")
        kept.send(GET)
        assert await kept.response() == (200, False), "not yet: balancers have not heard of it"
        await closed(run)
        kept.send(GET)
        assert await kept.response() == (200, True)
        assert await kept.ended()
    assert await run.ended() == 0
    assert run.events("draining")[0]["announce"] == 0.3
    assert run.events("stopped")[0]["clean"] is True
    assert not run.events("drain_cut")


@pytest.mark.parametrize("secure", [False, True])
async def test_no_request_is_lost_when_a_run_ends_under_load(runs: Maker, tmp_path: Path, secure: bool) -> None:
    issue(tmp_path, "any")
    run = await runs(workers=2, drain=ROLLING, entry=SECURE if secure else OPEN)
    load = Load(run.url, trusting(tmp_path) if secure else None)
    load.begin(kept=8, new=4 if secure else 8)
    await eventually(lambda: load.answered[200] > 100)
    run.send(signal.SIGTERM)
    await load.refused()
    assert load.lost == []
    assert set(load.answered) == {200}
    assert load.closes >= 8
    assert await run.ended() == 0
    assert not run.events("drain_cut")


async def test_what_is_on_its_way_when_the_listeners_close_is_answered(
    runs: Maker, http: ClientSession, backend: HeldBackend
) -> None:
    run = await runs(workers=2, drain=QUICK, entry=OPEN)
    async with (
        client(run) as head,
        client(run) as upload,
        client(run) as held,
        client(run) as silent,
        client(run) as idle,
    ):
        head.send(GET[:20])
        upload.send(b"POST /api/info HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 6\r\n\r\nabc")
        held.send(GET.replace(b"/api/info", b"/api/wait/a"))
        idle.send(GET)
        assert await idle.response() == (200, False)
        await eventually(lambda: backend.waiting == 1)
        run.send(signal.SIGTERM)
        await closed(run)
        head.send(GET[20:])
        upload.send(b"def")
        silent.send(GET)
        idle.send(GET + GET + GET)
        backend.release.set()
        for one in (head, upload, held, silent):
            assert await one.response() == (200, True)
            assert await one.ended()
        assert [await idle.response() for _ in range(3)] == [(200, False), (200, False), (200, True)]
        assert await idle.ended()
    assert await run.ended() == 0
    assert not run.events("drain_cut")


async def test_a_tls_handshake_that_is_half_done_ends_and_its_request_is_answered(runs: Maker, tmp_path: Path) -> None:
    issue(tmp_path, "any")
    run = await runs(drain=QUICK, entry=SECURE)
    with socket.create_connection(address(run)) as sock, socket.create_connection(address(run)) as plain:
        run.send(signal.SIGTERM)
        await closed(run)
        context = trusting(tmp_path)

        def ask() -> bytes:
            with context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=False) as secured:
                secured.sendall(GET)
                data = b""
                while piece := secured.recv(65536):
                    data += piece
                return data  # and not a reset or an end without close_notify (RFC 8446 6.1)

        head = (await asyncio.to_thread(ask)).lower()
        assert head.startswith(b"http/1.1 200") and b"\r\nconnection: close\r\n" in head
        plain.close()
    assert await run.ended() == 0


async def test_connections_that_wait_in_the_kernel_are_taken_before_the_sockets_end(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs(workers=2, drain=QUICK, entry=OPEN)
    pids = await worker_pids(run, http)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    waiting = [socket.create_connection(address(run)) for _ in range(40)]
    for one in waiting:
        one.sendall(GET)
    run.send(signal.SIGTERM)
    await run.event("draining")
    await asyncio.sleep(0.1)  # the announcement is over, and the workers are to close their sockets
    for pid in pids:
        os.kill(pid, signal.SIGCONT)

    def responses() -> list[bytes]:
        found = []
        for one in waiting:
            one.settimeout(5)
            found.append(one.recv(65536)[:12])
            one.close()
        return found

    assert await asyncio.to_thread(responses) == [b"HTTP/1.1 200"] * 40
    assert await run.ended() == 0


async def test_no_request_is_lost_in_reloads_under_load(runs: Maker) -> None:
    run = await runs(workers=2, entry=OPEN)
    load = Load(run.url)
    load.begin(kept=8, new=8)
    for number in range(1, 4):
        await eventually(lambda number=number: sum(load.answered.values()) > 50 * number)
        run.send(signal.SIGHUP)
        await eventually(lambda number=number: len(run.events("reloaded")) == number)
    await load.stop()
    assert load.lost == []
    assert set(load.answered) == {200}


async def test_no_request_is_lost_when_a_worker_is_asked_to_end_under_load(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2, entry=OPEN)
    before = await worker_pids(run, http)
    load = Load(run.url)
    load.begin(kept=8, new=8)
    await eventually(lambda: load.answered[200] > 100)
    os.kill(before[0], signal.SIGTERM)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 2 and workers["pids"][0] != before[0])

    await eventually(replaced)
    assert await worker_pids(run, http) != before
    await load.stop()
    assert load.lost == []
    assert set(load.answered) == {200}


async def test_a_worker_that_is_killed_takes_no_connection_of_another_with_it(runs: Maker, http: ClientSession) -> None:
    run = await runs(workers=2, entry=OPEN)
    pids = await worker_pids(run, http)
    load = Load(run.url)
    load.begin(kept=12, new=0)
    await eventually(lambda: load.answered[200] > 100)
    new = Load(run.url)
    os.kill(pids[0], signal.SIGSTOP)  # so that nothing of what comes from now on is its own
    os.kill(pids[0], signal.SIGKILL)
    await eventually(lambda: not Path(f"/proc/{pids[0]}/fd").exists() or not os.listdir(f"/proc/{pids[0]}/fd"))
    new.begin(kept=4, new=8)
    await eventually(lambda: new.answered[200] > 100)
    await asyncio.gather(load.stop(), new.stop())
    assert new.lost == []
    assert 0 < len(load.lost) < 12, "those of the killed one, each once"
    assert all(why.startswith("kept") for why in load.lost)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_announcement_and_a_third_one_the_requests(
    runs: Maker, http: ClientSession, backend: HeldBackend, number: signal.Signals
) -> None:
    run = await runs(drain="{announce: 1h, finish: 1h}")
    waiting = asyncio.create_task(status(http, run.url + "/api/wait/a"))
    await eventually(lambda: backend.waiting == 1)
    run.send(signal.SIGTERM)
    await run.event("draining")
    assert await status(http, run.url + "/api/info") == 200
    run.send(number)
    await closed(run)
    assert not waiting.done()
    run.send(number)
    with pytest.raises(ClientConnectionError):
        await waiting
    await run.ended()


async def test_ctrl_c_announces_nothing_and_waits_for_nobody(runs: Maker) -> None:
    run = await runs(drain="{announce: 1h, finish: 1h}")
    async with client(run) as idle:
        idle.send(GET)
        await idle.response()
        began = time.monotonic()
        run.send(signal.SIGINT)
        assert await idle.ended()
    assert await run.ended() == 0
    assert time.monotonic() - began < 5.0
    assert run.events("draining")[0]["announce"] == 0.0


async def test_a_signal_to_all_processes_is_the_supervisors(runs: Maker, http: ClientSession) -> None:
    """As systemd sends it to a service, and ``kill`` to a group."""
    run = await runs(workers=2, drain="{announce: 900ms, finish: 4s}", entry=OPEN)
    os.killpg(run.process.pid, signal.SIGTERM)
    await run.event("draining")
    load = Load(run.url)
    load.begin(kept=4, new=4)
    await load.refused()
    assert load.lost == []
    assert load.answered[200] > 100
    assert await run.ended() == 0


async def test_a_worker_that_dies_during_the_announcement_is_replaced_by_one_that_announces(
    runs: Maker, http: ClientSession
) -> None:
    run = await runs(workers=1, drain="{announce: 1h, finish: 4s}")
    (before,) = await worker_pids(run, http)
    run.send(signal.SIGTERM)
    await run.event("draining")
    os.kill(before, signal.SIGKILL)

    async def replaced() -> bool:
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 1 and workers["pids"] != [before])

    async def unready() -> bool:
        return await status(http, run.url + "/health/ready") == 503

    await eventually(replaced)
    await eventually(unready)
    assert await status(http, run.url + "/api/info") == 200
    run.send(signal.SIGTERM)
    assert await run.ended() == 0
