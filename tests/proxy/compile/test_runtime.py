"""One compiled configuration: its routes by listener, its mounts, and what runs beside the requests."""

from __future__ import annotations

import asyncio

from gateway.core.exchange import Exchange
from tests.eventually import eventually
from tests.proxy.compile.building import Build

MOUNTS = """\
upstreams:
  short: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api}}
  long: {endpoints: [{url: "http://127.0.0.1:2"}], trpc: {prefix: /api/trpc}}
routes:
  - {name: short, procedures: ["trpc.*", a.b], upstream: short, auth: public}
  - {name: long, procedures: [a.b], upstream: long, auth: public}
"""
EGRESS = """\
listen: {egress: {port: 0}}
upstreams: {service: {endpoints: [{url: "http://127.0.0.1:1"}]}}
routes:
  - {name: outer, paths: [/same], upstream: service, auth: public}
  - {name: inner, listener: egress, paths: [/same, /own], methods: [POST], upstream: service}
"""
CHECKED = """\
upstreams:
  plain: {endpoints: [{url: "http://127.0.0.1:1"}]}
  checked: {endpoints: [{url: "http://127.0.0.1:2"}], health_check: {path: /health, interval: 1h}}
  named: {endpoints: [{url: "http://localhost:2"}], resolve: 1h}
routes:
  - {name: any, paths: [/any], upstream: plain, auth: public}
"""


def asked(path: str, method: str = "POST") -> Exchange:
    exchange = Exchange(method, path, {b"host": b"127.0.0.1"}, "127.0.0.1", 0.0)
    exchange.path = path
    return exchange


async def test_the_longest_prefix_takes_the_request(build: Build) -> None:
    runtime = build(MOUNTS)
    assert runtime.routes.find(asked("/api/trpc/a.b"), "POST").name == "long"
    assert runtime.routes.find(asked("/api/a.b"), "POST").name == "short"


async def test_each_listener_has_its_own_routes(build: Build) -> None:
    runtime = build(EGRESS)
    assert runtime.routes.find(asked("/same"), "GET").name == "outer"
    assert runtime.routes.find(asked("/own"), "POST").name == "unmatched"
    assert runtime.egress.routes.find(asked("/same"), "POST").name == "inner"
    assert runtime.egress.routes.find(asked("/own"), "POST").name == "inner"
    assert runtime.egress.group is runtime.group
    assert runtime.egress.routes.find(asked("/own"), "POST").internal
    assert not runtime.routes.find(asked("/same"), "GET").internal


async def test_the_routes_are_kept_in_the_order_of_the_file(build: Build) -> None:
    assert [route.name for route in build(EGRESS).compiled] == ["outer", "inner"]


async def test_only_what_is_written_runs_beside_the_requests(build: Build) -> None:
    runtime = build(CHECKED)
    assert {name: len(tasks) for name, tasks in runtime.background.items()} == {"plain": 0, "checked": 1, "named": 1}
    before = asyncio.all_tasks()
    runtime.start()
    assert len(asyncio.all_tasks() - before) >= 2
    await runtime.close()
    await eventually(lambda: asyncio.all_tasks() <= before)  # a lookup that has begun ends by itself


async def test_a_closed_runtime_keeps_no_connection(build: Build) -> None:
    runtime = build(CHECKED)
    await runtime.close()
    assert all(upstream.pool.closed for upstream in runtime.upstreams.values())
