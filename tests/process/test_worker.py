"""A worker in this process: what it serves, what it reports, and what a reload and a drain do to it."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.process import report_end
from gateway.process import worker as worker_module
from gateway.process.channel import Drain, Reload
from gateway.proxy.compile.limits import limits_of
from tests.eventually import eventually
from tests.no_descriptors import no_descriptors
from tests.process.configs import written
from tests.process.running_worker import Serve


async def test_it_reports_status_and_metrics_from_the_beginning(serve: Serve, tmp_path: Path) -> None:
    config = written(tmp_path)
    async with serve(config) as running:
        report = running.reports[0]
        assert report["ready"] is True
        assert report["status"]["config"]["digest"] == config.digest
        assert set(report["status"]["upstreams"]) == {"tutor", "stt"}
        assert running.counted("gateway_breaker_state") == {("tutor",): 0}
        assert running.counted("gateway_endpoint_healthy") == {("tutor", "127.0.0.1:9"): 1, ("stt", "127.0.0.1:9"): 1}
        assert running.counted("gateway_state_ok") == {(): 1}
        assert running.counted("gateway_log_lines_dropped_total") == {(): 0}


async def test_requests_and_connections_are_in_the_next_report(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        assert await running.get("/api/info") == b"HTTP/1.1 502 Bad Gateway"
        assert await running.get("/nothing") == b"HTTP/1.1 404 Not Found"
        _, writer = await asyncio.open_connection("127.0.0.1", running.ports[0])
        await eventually(lambda: running.counted("gateway_connections") == {("public",): 1})
        assert running.counted("gateway_requests_total") == {
            ("info", "502", "upstream_unreachable"): 1,
            ("unmatched", "404", "no_route"): 1,
        }
        assert running.counted("gateway_requests_in_flight") == {("public",): 0}
        writer.close()


async def test_the_socket_decides_whether_there_is_an_egress_listener(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path), egress=True) as running:
        assert await running.get("/api/info", port=1) == b"HTTP/1.1 404 Not Found", "routes of its own"
        await eventually(lambda: running.counted("gateway_connections") == {("public",): 0, ("egress",): 0})
        assert running.counted("gateway_requests_total") == {("egress-unmatched", "404", "no_route"): 1}


async def test_a_reload_is_served_at_once_and_reported(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        other = written(tmp_path, **{"/api/info": "/api/other", "drain: 5s": "drain: 6s, limits: {connections: 7}"})
        await running.worker.prepare(Reload(other, 6.0))
        assert running.reports[-1] == {"reload": other.digest, "why": ""}
        assert await running.get("/api/info") == b"HTTP/1.1 502 Bad Gateway", "nobody serves it yet"
        running.worker.swap(True)
        assert {"reload": other.digest, "why": ""} in running.reports
        assert await running.get("/api/info") == b"HTTP/1.1 404 Not Found"
        assert await running.get("/api/other") == b"HTTP/1.1 502 Bad Gateway"
        assert running.worker.server.dispatcher.limits == limits_of(other)
        assert running.worker.health.status()["config"]["digest"] == other.digest


async def test_a_reload_that_fails_changes_nothing_and_says_why(serve: Serve, tmp_path: Path) -> None:
    config = written(tmp_path)
    async with serve(config) as running:
        broken = written(tmp_path, info="chat")
        object.__setattr__(broken, "upstreams", {})  # what no check would let through
        await running.worker.prepare(Reload(broken, 6.0))
        assert running.reports[-1]["reload"] == broken.digest
        assert running.reports[-1]["why"].startswith("KeyError")
        assert await running.get("/api/info") == b"HTTP/1.1 502 Bad Gateway"
        assert running.worker.config is config


async def test_what_was_built_and_is_not_to_be_served_is_dropped(serve: Serve, tmp_path: Path) -> None:
    config = written(tmp_path)
    async with serve(config) as running:
        runtime = running.worker._runtime
        assert runtime is not None
        await running.worker.prepare(Reload(written(tmp_path, **{"/api/info": "/api/other"}), 6.0))
        running.worker.swap(False)
        assert running.reports[-1] == {"reload": config.digest, "why": ""}
        running.worker.swap(True)
        assert (running.reports[-2] if "status" in running.reports[-1] else running.reports[-1])[
            "why"
        ] == "nothing was built"
        assert running.worker._runtime is runtime
        assert not any(upstream.pool.closed for upstream in runtime.upstreams.values())
        assert await running.get("/api/info") == b"HTTP/1.1 502 Bad Gateway"


async def test_a_swap_keeps_the_upstreams_that_are_the_same_and_closes_the_others(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        before = running.worker._runtime
        assert before is not None
        await running.worker.prepare(
            Reload(
                written(
                    tmp_path,
                    **{
                        'stt: {endpoints: [{url: "http://127.0.0.1:9"}]}': 'stt: {endpoints: [{url: "http://127.0.0.1:8"}]}'
                    },
                ),
                6.0,
            )
        )
        running.worker.swap(True)
        after = running.worker._runtime
        assert after is not None and after is not before
        assert after.upstreams["tutor"] is before.upstreams["tutor"]
        assert after.upstreams["stt"] is not before.upstreams["stt"]
        await eventually(lambda: before.upstreams["stt"].pool.closed)
        assert not before.upstreams["tutor"].pool.closed and not after.upstreams["stt"].pool.closed


async def test_what_was_built_beside_a_runtime_that_has_gone_since_is_built_anew(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        worker = running.worker
        await worker.prepare(Reload(written(tmp_path, info="chat"), 6.0))
        worker.show(written(tmp_path, **{"http://127.0.0.1:9": "http://127.0.0.1:8"}), 5.5)  # as when a trial ends
        worker.swap(True)
        await eventually(lambda: not worker._closing)
        assert worker._runtime is not None
        assert not any(upstream.pool.closed for upstream in worker._runtime.upstreams.values())


async def test_another_workers_connections_are_taken_while_they_are_its_to_take(serve: Serve, tmp_path: Path) -> None:
    other, egress = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    async with serve(written(tmp_path), egress=True) as running:
        running.ports += [other.getsockname()[1], egress.getsockname()[1]]
        running.worker._others[4] = other, egress
        waiting = asyncio.create_task(running.get("/health/live", port=2))
        await asyncio.sleep(0)
        running.worker.cover(frozenset((4, 5)))
        assert await waiting == b"HTTP/1.1 200 OK"
        assert await running.get("/api/info", port=3) == b"HTTP/1.1 404 Not Found"
        running.worker.cover(frozenset((4,)))
        running.worker.cover(frozenset())
        later = asyncio.create_task(running.get("/health/live", port=2))
        done, _ = await asyncio.wait([later], timeout=0.05)
        assert not done, "it is the other worker's again"
        with no_descriptors():
            running.worker.cover(frozenset((4,)))
        assert running.counted("gateway_shortages_total") == {("descriptors",): 1}
        async with asyncio.timeout(5):
            assert await later == b"HTTP/1.1 200 OK", "it is tried again, though the order comes once"
    assert other.fileno() == egress.fileno() == -1, "or the port would still listen"


async def test_a_log_without_room_is_a_shortage_in_health_and_metrics(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        running.sink._fd = os.open("/dev/full", os.O_WRONLY)
        assert await running.get("/health/live") == b"HTTP/1.1 200 OK"
        running.sink.flush()
        await eventually(lambda: running.counted("gateway_shortages_total") == {("disk",): 1})
        status = running.worker.health.status()
        assert (status["status"], status["shortages"][0]["where"]) == ("degraded", "writing the log")


async def test_a_store_that_is_away_for_want_of_a_descriptor_says_what_it_is(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        running.worker.state.on_shared_change(
            False, "ConnectionError: Error 24 connecting to h:1. Too many open files."
        )
        running.worker.state.on_shared_change(False, "no answer in time")
        assert running.counted("gateway_shortages_total") == {("descriptors",): 1}


async def test_a_store_that_fails_is_reported_until_it_works_again(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:

        def broken(now: float, budget: int) -> int:
            raise OSError("no space left")

        running.store.sweep = broken  # type: ignore[method-assign]  # a disk that is full
        for _ in range(2):
            list(running.worker.check_and_report())
        assert running.reports[-1]["status"]["state"]["ok"] is False
        assert running.counted("gateway_state_ok") == {(): 0}
        assert running.counted("gateway_events_total") == {("state_failing",): 1}, "once"
        del running.store.sweep
        list(running.worker.check_and_report())
        assert running.counted("gateway_state_ok") == {(): 1}
        assert running.counted("gateway_events_total") == {("state_failing",): 1, ("state_well",): 1}


async def test_the_last_report_of_a_drain_has_everything(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        await running.get("/nothing")
    assert running.reports[-1]["ready"] is False
    assert running.reports[-1]["status"]["status"] == "draining"
    assert running.reports[-1]["metrics"]["counters"]["gateway_requests_total"] == [
        (("unmatched", "404", "no_route"), 1)
    ]


async def test_an_announcement_shows_on_the_health_paths_and_everything_is_served(serve: Serve, tmp_path: Path) -> None:
    async with serve(written(tmp_path)) as running:
        running.worker.announce()
        assert await running.get("/health/ready") == b"HTTP/1.1 503 Service Unavailable"
        assert await running.get("/health") == b"HTTP/1.1 503 Service Unavailable"
        assert await running.get("/health/live") == b"HTTP/1.1 200 OK"
        assert await running.get("/api/info") == b"HTTP/1.1 502 Bad Gateway"
        running.worker.report()
        assert running.reports[-1]["ready"] is True, "it takes connections"
        assert running.reports[-1]["status"]["status"] == "draining"


async def test_a_signal_of_its_own_ends_it_unless_the_supervisor_orders_something(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.process.worker.ORDER_WAIT", 0.01)
    async with serve(written(tmp_path)) as running:
        running.worker.announce()
        running.worker.end_alone()
        await asyncio.sleep(0.05)
        assert not running.worker.stopping.is_set(), "the run ends as a whole"
    async with serve(written(tmp_path)) as running:
        running.worker.end_alone()
        assert not running.worker.stopping.is_set()
        await eventually(running.worker.stopping.is_set)
        first = running.worker._drain
        running.worker.drain(Drain(99.0, 99.0, 99.0))
        assert running.worker._drain is first, "a second order changes nothing"


async def test_an_ending_worker_takes_what_waits_in_its_socket_where_nobody_else_will(
    serve: Serve, tmp_path: Path
) -> None:
    async with serve(written(tmp_path)) as running:
        sock = socket.create_connection(("127.0.0.1", running.ports[0]))
        sock.sendall(b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n")
        running.worker.drain(Drain(5.0, 0.0, 0.05))
        with sock:
            head = await asyncio.to_thread(sock.recv, 4096)
    assert head.startswith(b"HTTP/1.1 200 ") and b"\r\nconnection: close\r\n" in head


async def test_a_policy_whose_last_day_of_reporting_ends_in_the_run_is_enforced(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [datetime(2027, 1, 31, 23, 59, 59, tzinfo=UTC).timestamp()]
    clock = SimpleNamespace(time=lambda: now[0], monotonic=time.monotonic)
    for module in (worker_module, report_end):
        monkeypatch.setattr(module, "time", clock)
    secret = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"
    policy = (
        f"auth: {{a: {{mode: report, until: 2027-01-31, kind: jwt, algorithms: [HS256], secret: {secret}}}}}\nroutes:"
    )
    config = written(tmp_path, **{"routes:": policy, "auth: public": "auth: a"})
    async with serve(config) as running:
        seen: list[tuple[str, dict[str, object]]] = []
        monkeypatch.setattr(running.worker.observer, "event", lambda name, **fields: seen.append((name, fields)))
        path = config.routes[0].paths[0]
        list(running.worker.check_and_report())
        assert b" 401 " not in await running.get(path)
        now[0] += 1
        list(running.worker.check_and_report())
        assert b" 401 " in await running.get(path)
        list(running.worker.check_and_report())
        assert seen == [("report_ended", {"policies": ["auth.a until 2027-01-31"]})]
