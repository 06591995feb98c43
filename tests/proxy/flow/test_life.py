"""The life of a request, step by step: what is left behind when the client leaves in it, or when something raises."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Verdict
from gateway.policy.base.stage import Stage
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.life import ENDS
from gateway.proxy.flow.step import Step
from gateway.proxy.flow.tunnel import Tunnel
from gateway.proxy.server.connection import ClientConnection
from tests.data_plane_fixture import serving
from tests.eventually import eventually
from tests.gateway_fixture import Running
from tests.proxy.own_route import use_stages
from tests.proxy.requests import get
from tests.upstream_fixture import OK, Upstream, Wire, wire

RESPONSES = {
    Step.STREAMING: b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\nx",
    Step.TUNNEL: b"HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: chat\r\n\r\n",
}
# Steps between two iterations of the loop, in which a client really leaves; in the others a phase runs.
WAITING = (Step.WAITING, Step.CALLING, Step.RUNNING, Step.STREAMING, Step.TUNNEL)
# Steps in which the kept connection to the upstream serves this request, so that it must not be used again.
HOLDING = (Step.CALLING, Step.ANSWERED, Step.STREAMING, Step.TUNNEL)
UNANSWERED = (Step.DECIDING, Step.WAITING, Step.CALLING, Step.ANSWERED, Step.RUNNING)


class Slot(Stage):
    """A stage that brings a request to ``step``, and counts how often it was entered and left.

    ``during`` is called by the phase of a step in which one runs.
    """

    def __init__(self, step: Step) -> None:
        self.step = step
        self.during: Callable[[], None] = lambda: None
        self.entered = self.left = 0
        self.waited: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    def on_request(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        self.entered += 1
        if self.step is Step.DECIDING:
            self.during()
        if self.step is Step.WAITING:
            return self.waited
        return self._later() if self.step is Step.RUNNING else None

    async def _later(self) -> Verdict:
        return await self.waited

    def on_response(self, exchange: Exchange) -> None:
        if self.step is Step.ANSWERED:
            self.during()

    def on_done(self, exchange: Exchange) -> None:
        self.left += 1


@dataclass
class Life:
    """A request on a connection that has answered one before, as has the connection to the upstream."""

    gateway: Running
    upstream: Upstream
    client: Wire
    slot: Slot
    connection: ClientConnection

    @property
    def flow(self) -> Flow:
        assert self.connection.flow is not None
        return self.connection.flow

    def send(self) -> None:
        upgrade = ("connection: upgrade", "upgrade: chat") if self.slot.step is Step.TUNNEL else ()
        self.client.send(get("/second", *upgrade))

    async def reached(self) -> None:
        """Wait until the request is in its step, which is one that lasts."""
        await eventually(lambda: self.gateway.seen.begun == 2 and self.flow.step is self.slot.step)
        if self.slot.step is Step.CALLING:
            await eventually(lambda: len(self.upstream.requests) == 2)

    async def nothing_left(self) -> None:
        """Wait until the request is over, and see that it holds nothing any more."""
        await eventually(lambda: self.gateway.seen.exchanges[1:] and not self.gateway.server.dispatcher.in_flight)
        assert (self.slot.entered, self.slot.left) == (1, 1), "done hooks run exactly once"
        assert len(self.gateway.seen.exchanges) == self.gateway.seen.begun == 2, "each is logged once"
        pool = self.gateway.runtime.upstreams["tutor"].pool
        (endpoint,) = pool.endpoints
        kept = 0 if self.slot.step in HOLDING else 1
        await eventually(lambda: (endpoint.in_flight, len(pool.open), len(endpoint.idle)) == (0, kept, kept))


@contextlib.asynccontextmanager
async def life(step: Step) -> AsyncIterator[Life]:
    async def script(fake: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first = (await fake.read(reader)).line.split()[1] == b"/first"
            if first or step is not Step.CALLING:
                writer.write(OK if first else RESPONSES.get(step, OK))

    async with serving(script=script) as (gateway, upstream), wire(gateway.port) as client:
        use_stages(gateway, [])
        assert (await client.ask(get("/first"))).status == 200
        slot = Slot(step)
        use_stages(gateway, [slot], upgrade=b"chat" if step is Step.TUNNEL else b"")
        (connection,) = gateway.server.clients
        yield Life(gateway, upstream, client, slot, connection)


def during(here: Life, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``act`` called by a phase that runs in the step."""

    def acting() -> None:
        assert here.flow.step is here.slot.step
        act()

    here.slot.during = acting
    observer, send = here.gateway.server.dispatcher.observer, ClientConnection.send
    if here.slot.step is Step.RESPONDING:

        def sending(self: ClientConnection, data: bytes, alone: bool) -> None:
            send(self, data, alone)
            acting()

        monkeypatch.setattr(ClientConnection, "send", sending)
    elif here.slot.step is Step.OVER:
        done = observer.done

        def finished(exchange: Exchange, elapsed: float) -> None:
            done(exchange, elapsed)
            acting()

        monkeypatch.setattr(observer, "done", finished)


def test_every_step_has_its_line() -> None:
    assert set(ENDS) == set(Step)


@pytest.mark.parametrize("step", Step)
async def test_a_client_that_leaves_in_a_step_leaves_nothing_behind(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(step) as here:

        def leave() -> None:
            assert here.connection.transport is not None
            here.connection.transport.abort()
            if step not in WAITING:  # the loop would report it only after the phase, which finds the transport closed
                here.gateway.server.dispatcher.client_left(here.flow)
                raise ConnectionResetError

        if step in WAITING:
            here.send()
            await here.reached()
            leave()
        else:
            during(here, leave, monkeypatch)
            here.send()
        await here.nothing_left()
        assert here.gateway.seen.events == [], "a client that leaves is no bug"
        await eventually(lambda: not here.gateway.server.clients)


def break_in_step(here: Life, monkeypatch: pytest.MonkeyPatch) -> Awaitable[None] | None:
    """Have something raise in the step; what has to be awaited for that once the request was sent."""

    def fail(*_: object) -> Any:
        assert here.flow.step is here.slot.step
        raise ZeroDivisionError

    async def fail_later(*_: object) -> None:
        fail()

    async def fail_the_stage() -> None:
        await here.reached()
        here.slot.waited.set_exception(ZeroDivisionError())

    step = here.slot.step
    if step in (Step.WAITING, Step.RUNNING):
        return fail_the_stage()
    if step is Step.CALLING:
        monkeypatch.setattr(here.gateway.runtime.upstreams["tutor"], "take", fail)

        async def answer() -> None:
            await here.reached()
            (connection,) = here.gateway.runtime.upstreams["tutor"].pool.open
            connection.data_received(OK)

        return answer()
    if step is Step.STREAMING:
        monkeypatch.setattr(ClientConnection, "drain", fail_later)
    elif step is Step.TUNNEL:
        until_closed = Tunnel.until_closed

        async def fail_when_closed(tunnel: Tunnel) -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(until_closed(tunnel), 0)
            fail()

        monkeypatch.setattr(Tunnel, "until_closed", fail_when_closed)
    else:
        during(here, fail, monkeypatch)
    return None


@pytest.mark.parametrize("step", Step)
async def test_what_raises_in_a_step_is_reported_once_and_leaves_nothing_behind(
    step: Step, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with life(step) as here:
        breaking = break_in_step(here, monkeypatch)
        here.send()
        if breaking is not None:
            await breaking
        if step in UNANSWERED:
            assert (await here.client.response()).status == 500
        else:  # the response has begun, or is sent: nothing may be added to it
            async with asyncio.timeout(5):
                with contextlib.suppress(ConnectionError):
                    assert b"500" not in await here.client.reader.read()
        assert await here.client.ended()
        await here.nothing_left()
        assert [name for name, _ in here.gateway.seen.events] == ["bug"]
        await eventually(lambda: not here.gateway.server.clients)
