"""A whole run: ports that cannot be had, pages of other origins over the real listener, and counters that never go back."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession, DummyCookieJar, TCPConnector

from gateway.config.model import Config
from gateway.ops.log import Log
from gateway.ops.sink import Sink
from gateway.process.listeners import Addresses, CannotStart
from gateway.process.reload import ReloadAttempt, ReloadOutcome, Trigger
from gateway.process.run_directory import RunDirectory, log_lock
from gateway.process.supervisor import Supervisor
from tests.eventually import eventually
from tests.gateway_run import JWT_SECRET, OPERATOR, OPS_TOKEN, Run, health, samples, status
from tests.process.configs import written

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: 2, drain: 1s}
ops: {host: 127.0.0.1, port: 0, token: "${GATEWAY_OPS_TOKEN}", origins: [https://dash.example]}
state: {path: state}
upstreams: {}
routes: []
"""
NO_ROUTE = "gateway_requests_total|reason=no_route,|route=unmatched,|status=404"


@pytest.fixture
def root_logger() -> Iterator[None]:
    """The root logger, as it was: a supervisor takes it over."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


def supervisor(config: Config) -> Supervisor:
    def never(_: Addresses) -> None:
        raise AssertionError("it must not serve")

    return Supervisor(config, lambda _: config, "1", never)


async def test_a_port_in_use_ends_the_run_before_it_begins(tmp_path: Path, root_logger: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = written(tmp_path, **{"port: 0, token": f"port: {port}, token"})
        with pytest.raises(CannotStart, match=f"^ops: cannot listen on 127.0.0.1:{port}: Address already in use"):
            await supervisor(config).run()
    assert [path.name for path in (tmp_path / "state").iterdir()] == [], "the directory of the run is gone"


async def test_a_state_folder_that_is_none_ends_the_run_before_it_begins(tmp_path: Path, root_logger: None) -> None:
    config = written(tmp_path)
    (tmp_path / "state").write_text("a file")
    with pytest.raises(CannotStart, match=r"the state folder .*state cannot be used"):
        await supervisor(config).run()


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Run]:
    made = Run(tmp_path, {**os.environ, "JWT_SECRET": JWT_SECRET, "GATEWAY_OPS_TOKEN": OPS_TOKEN})
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    await made.start()
    await made.serving()
    yield made
    await made.stop()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    async with ClientSession(connector=TCPConnector(force_close=True), cookie_jar=DummyCookieJar()) as session:
        yield session


async def test_pages_of_an_allowed_origin_read_the_listener_and_no_others(run: Run, http: ClientSession) -> None:
    ask = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    for origin, preflight, get in (("https://dash.example", 200, 200), ("https://evil.example", 401, 403)):
        async with http.options(run.ops + "/metrics", headers={**ask, "origin": origin}) as response:
            assert response.status == preflight
            allowed = [response.headers.get("access-control-allow-origin")]
        async with http.get(run.ops + "/metrics", headers={**OPERATOR, "origin": origin}) as response:
            assert response.status == get
            allowed.append(response.headers.get("access-control-allow-origin"))
        assert allowed == ([origin] * 2 if get == 200 else [None] * 2)


async def test_no_counter_goes_back_when_workers_die_or_reload(run: Run, http: ClientSession) -> None:
    async def counted(least: int) -> float:
        return float((await samples(run, http)).get(NO_ROUTE, 0) >= least)

    for _ in range(20):
        assert await status(http, run.url + "/none") == 404
    await eventually(lambda: counted(20))
    pids = (await health(run, http))["workers"]["pids"]
    lowest = 20.0
    os.kill(pids[0], signal.SIGKILL)
    (run.folder / "upstreams.yaml").write_text(ENTRY.replace("drain: 1s", "drain: 2s"))

    async def replaced() -> bool:
        nonlocal lowest
        lowest = min(lowest, (await samples(run, http)).get(NO_ROUTE, 0.0))
        workers = (await health(run, http))["workers"]
        return bool(workers["ready"] == 2 and workers["pids"][0] != pids[0])

    await eventually(replaced)
    run.send(signal.SIGHUP)
    await run.event("reloaded")
    os.kill((await health(run, http))["workers"]["pids"][1], signal.SIGTERM)
    await eventually(lambda: len(run.events("worker_died")) == 2)
    await asyncio.gather(*(status(http, run.url + "/none") for _ in range(20)))
    await eventually(lambda: counted(40))
    assert lowest == 20.0
    assert (await samples(run, http))[NO_ROUTE] == 40


async def test_after_two_young_workers_that_crash_the_next_one_distrusts_the_state_file(tmp_path: Path) -> None:
    """Once: the one after it finds a new file."""
    run = supervisor(written(tmp_path))
    run._directory = RunDirectory(tmp_path / "state")
    run._log = Log(Sink(1, log_lock(run._directory.path)), b"key")
    with socket.socket() as listener:
        child = SimpleNamespace(number=0, listener=listener, egress=None)
        orders = []
        for code in (-signal.SIGBUS, 1, -signal.SIGKILL, -signal.SIGSEGV, -signal.SIGSEGV):
            run._on_death(child, code, 0)  # type: ignore[arg-type]  # what is read of a child
            orders.append(run._start_order(child).distrust)  # type: ignore[arg-type]  # the same
    assert orders == [False, False, False, True, False]
    run._on_death(child, -signal.SIGSEGV, 3600)  # type: ignore[arg-type]  # the same
    assert not run._start_order(child).distrust, "an old worker has not died of what it found at its start"
    run._directory.remove()


async def test_signals_that_come_while_it_reloads_are_one_more_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = supervisor(written(tmp_path))
    begun, served = [], asyncio.Event()

    async def reload(trigger: Trigger) -> ReloadAttempt:
        begun.append(trigger)
        await served.wait()
        return ReloadAttempt(ReloadOutcome.SERVED)

    monkeypatch.setattr(run, "_reload", reload)
    monkeypatch.setattr(run, "_log", None, raising=False)
    for _ in range(3):
        run._on_hangup()
    await eventually(lambda: begun)
    for _ in range(100):
        run._on_hangup()
        await asyncio.sleep(0)
    assert len(run._tasks) == 2, "one reloads, and one waits for all the others"
    served.set()
    await eventually(lambda: not run._tasks)
    assert begun == [Trigger.SIGNAL] * 2
    run._on_hangup()
    await eventually(lambda: len(begun) == 3)
