"""Notes of what the stages of a route say."""

from pathlib import Path

from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.review.dry_run.clock import DryClock
from gateway.review.dry_run.trace import REMEMBERED, Trace
from gateway.state.memory.store import MemoryStore
from tests.review.dry_run.configs import made


async def test_a_traced_route_has_the_hooks_of_the_real_one_at_their_depths(tmp_path: Path) -> None:
    runtime = Runtime(made(tmp_path), Tools(MemoryStore()))
    trace = Trace(DryClock(0.0))
    for route in runtime.compiled:
        traced = trace.of(route)
        assert trace.of(route) is traced
        for real, noted in zip(
            (*route.request_hooks, *route.portions), (*traced.request_hooks, *traced.portions), strict=True
        ):
            assert [depth for _, depth in real] == [depth for _, depth in noted]
        assert (traced.response_hooks, traced.done_hooks) == (route.response_hooks, route.done_hooks)
        assert len(route.stages) == route.depth
    await runtime.close()


async def test_routes_that_requests_make_up_are_forgotten(tmp_path: Path) -> None:
    runtime = Runtime(made(tmp_path), Tools(MemoryStore()))
    trace = Trace(DryClock(0.0))
    from dataclasses import replace

    for _ in range(REMEMBERED + 10):
        trace.of(replace(runtime.compiled[0]))
    assert len(trace._traced) <= REMEMBERED
    await runtime.close()
