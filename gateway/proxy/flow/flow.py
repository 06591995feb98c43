"""One request on its way: through the stages of its route, to the upstream and back to the client.

A flow is in one ``Step`` at a time. Its phases are methods that take it from one step to the next, and each returns the flow
when it goes on to the next phase; ``proxy.flow.life`` has their order, and a table of what ends a flow in each step. Phases
never wait. A flow that waits for one thing only goes on in a later batch (``Scheduler``); one that has more to wait for
becomes a task.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Protocol

from gateway.core.date import DATE
from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.failure import CallFailure
from gateway.core.reason import REASONS
from gateway.core.verdict import Refusal, Reply, Verdict, refuse
from gateway.proxy.flow.decide import leave, settle
from gateway.proxy.flow.lasting import LastingResponses
from gateway.proxy.flow.phases import PhaseBatch
from gateway.proxy.flow.render import CLOSED, render_own_fault, render_response, render_switching
from gateway.proxy.flow.respond import collect, respond_with, run_response_hooks
from gateway.proxy.flow.steering import steer
from gateway.proxy.flow.step import ANSWERED, CALLING, DECIDING, OVER, RESPONDING, RUNNING, STREAMING, TUNNEL, WAITING
from gateway.proxy.flow.stream import stream_response
from gateway.proxy.flow.tunnel import Tunnel, run_tunnel
from gateway.proxy.flow.writer import Downstream, ResponseWriter
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.phase import DONE
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.upstream.call import LATER, STARTED, SwitchingCall, UpstreamCall


class Scheduler(Protocol):
    """Brings flows to their next phases, side by side with those that are due in the same iteration of the loop."""

    loop: asyncio.AbstractEventLoop
    in_flight: int
    decided: PhaseBatch
    answered: PhaseBatch
    over: PhaseBatch
    lasting: LastingResponses

    def limited(self, exchange: Exchange, verdict: Refusal | Reply) -> Refusal | Reply:
        """``verdict`` on a request that no rate limit has counted, or the refusal when its client has too many of them."""

    def finished(self, exchange: Exchange) -> None:
        """A request is over, answered or not."""

    def failed(self, flow: Flow, error: Exception) -> None:
        """A phase or the task of ``flow`` raised ``error``."""


class Flow:
    """``depth`` is how many stages were entered and not left: their hooks run as ``policy.base.stage.Stage`` promises.

    ``verdict`` is as in ``decide.Undecided``. ``call`` is set while the flow waits for the response to it, ``response`` is
    the upstream's connection while the response is taken off it, and ``streamed`` while it is streamed.
    """

    __slots__ = (
        "_task",
        "call",
        "client",
        "depth",
        "exchange",
        "response",
        "route",
        "scheduler",
        "step",
        "streamed",
        "verdict",
        "writer",
    )

    call: UpstreamCall
    _task: asyncio.Task[None]
    streamed: UpstreamConnection

    def __init__(
        self, scheduler: Scheduler, client: Downstream, writer: ResponseWriter, exchange: Exchange, route: CompiledRoute
    ) -> None:
        """``route`` is the one of requests that have none, until theirs is found."""
        self.scheduler = scheduler
        self.client = client
        self.writer = writer
        self.exchange = exchange
        self.route = route
        self.depth = 0
        self.step = DECIDING
        self.verdict: Verdict | Awaitable[Verdict] = None
        self.response: UpstreamConnection | None = None

    # phases of the way in; the stages decide in ``decide.decide``

    def send(self) -> None:
        """Send the request to its upstream, or the response that the verdict is."""
        verdict, route = self.verdict, self.route
        if verdict is None:  # every stage was asked
            self.depth = route.depth
            verdict = route.fixed
        if verdict is None and not route.collects and not route.upgrade:
            exchange = self.exchange
            path = route.rewrite or exchange.path
            call = UpstreamCall(exchange, path, self.writer.send_informational, self._on_ready)
            started = route.upstream.start(call)
            if started is STARTED:
                self.call = call
                self.step = CALLING
                return
            if started is not LATER:
                self.verdict = verdict = started
        if isinstance(verdict, asyncio.Future):
            self.step = WAITING
            verdict.add_done_callback(self._on_verdict)
        elif isinstance(verdict, (Refusal, Reply)) and (route.fallback is None or isinstance(verdict, Reply)):
            if not self.exchange.limits:
                verdict = self.scheduler.limited(self.exchange, verdict)
            self._write(respond_with(verdict, self.exchange, route, self.depth, self.writer))
        else:
            self._run_as_task(self._respond())

    def _on_verdict(self, _: asyncio.Future[Verdict]) -> None:
        if self.step is WAITING:
            self.scheduler.decided.add(self)

    def take_verdict(self) -> Flow | None:
        """Take the verdict that was waited for. Raises what the stage raised."""
        waited = self.verdict
        if self.step is not WAITING or not isinstance(waited, asyncio.Future):  # the client has left
            return None
        if waited.cancelled():
            raise RuntimeError("a stage gave its verdict up")
        self.verdict = waited.result()
        self.step = DECIDING
        return self

    # phases of the way back

    def _on_ready(self) -> None:
        self.scheduler.answered.add(self)

    def take_response(self) -> Flow | None:
        """Take the upstream's response, or how the call failed."""
        if self.step is not CALLING:  # the client has left
            return None
        call, exchange = self.call, self.exchange
        self.response = response = self.route.upstream.take(call)
        del self.call  # which holds this flow: the garbage collector would have to find both
        self.step = ANSWERED
        if response is None:
            self._run_as_task(self._respond(call))
            return None
        if response.streaming or self.route.whole_hooks:
            self._run_as_task(self._pass_on(response))
            return None
        exchange.status = response.status
        run_response_hooks(exchange, self.route, self.depth, self.writer)
        return self

    def write_response(self, body: bytes | None = None) -> None:
        """Pass on a response all of which has arrived. ``body`` is its content where that was taken off it before."""
        response, exchange, writer = self.response, self.exchange, self.writer
        assert response is not None, "taken before"
        if body is None:
            body = response.take()
        exchange.bytes_out = len(body)
        end = writer.kept if writer.keep_alive else CLOSED
        data = render_response(response, body, exchange, self.route, writer.http10, end)
        self.response = None
        response.finish()
        self._write(data)

    def _write(self, data: bytes) -> None:
        """Send ``data``, a whole response.

        The stages are left before, so that a client that has the response finds what they changed on every worker: a
        breaker that is open now, a slot that is free.
        """
        leave(self)
        self.step = RESPONDING
        if self.writer.keep_alive:
            self.client.send(data, self.scheduler.in_flight == 1)
        else:
            self.client.write(data)
        self.scheduler.over.add(self)

    # where more than one thing has to be waited for

    def _run_as_task(self, rest: Coroutine[None, None, None]) -> None:
        self.step = RUNNING
        self._task = self.scheduler.loop.create_task(self._run(rest))

    async def _run(self, rest: Coroutine[None, None, None]) -> None:
        try:
            await rest
        except asyncio.CancelledError:
            self.close_response()
            self.finish()
            raise
        except Exception as error:
            self.failed(error)

    async def _respond(self, call: UpstreamCall | None = None) -> None:
        """Decide, call the upstream and respond. ``call`` is one that was started and failed."""
        exchange, route = self.exchange, self.route
        verdict = await settle(self)
        if verdict is None:
            if route.collects:
                steer(exchange)
            path, on_informational = route.target(exchange), self.writer.send_informational
            if route.upgrade:
                call = SwitchingCall(exchange, path, on_informational, route.upgrade)
            elif call is None:
                call = UpstreamCall(exchange, path, on_informational)
            response = await route.upstream.response(call)
            if not isinstance(response, Refusal):
                return await self._pass_on(response)
            verdict = response
        elif not exchange.limits:
            verdict = self.scheduler.limited(exchange, verdict)
        if isinstance(verdict, Refusal) and route.fallback is not None:
            verdict = await route.fallback.respond(
                verdict, exchange, route, self.writer.send_informational, self._pass_on
            )
            if verdict is None:
                return
        self._write(respond_with(verdict, exchange, route, self.depth, self.writer))

    async def _pass_on(self, response: UpstreamConnection) -> None:
        """Pass on an upstream's response, whole or as it arrives, and end its call."""
        exchange, route = self.exchange, self.route
        self.response = response
        exchange.status = response.status
        whole = response.phase is DONE and not response.streaming
        body: bytes | None = None
        if route.collects or (whole and route.whole_hooks):
            try:
                body = await self._show(response, whole)
            except BaseException:
                exchange.status = 0  # nothing was sent
                raise
        if response.status == 101:
            await self._tunnel(response)
            return
        run_response_hooks(exchange, route, self.depth, self.writer)
        if whole:
            self.write_response(body)
            return
        self.response, self.streamed = None, response  # which ends in ``stream_response``
        self.step = STREAMING
        await stream_response(response, body or b"", exchange, route, self.writer, self.scheduler.lasting)
        del self.streamed
        self.step = RESPONDING
        self.scheduler.over.add(self)

    async def _tunnel(self, response: UpstreamConnection) -> None:
        """Send the 101 of ``response``, and pass bytes both ways until one side closes."""
        exchange = self.exchange
        if response.closed:
            exchange.failure = failure = CallFailure.BROKEN
            refusal = refuse(failure.slug, "closed as it switched protocols")
            self._write(respond_with(refusal, exchange, self.route, self.depth, self.writer))
            return
        run_response_hooks(exchange, self.route, self.depth, self.writer)
        head = render_switching(response, exchange, self.route)
        tunnel = Tunnel(self.scheduler.loop, self.client, response, head)
        self.response = None
        self.step = TUNNEL
        await run_tunnel(tunnel, exchange, self.route, self.scheduler.lasting)
        self.step = RESPONDING
        self.scheduler.over.add(self)

    async def _show(self, response: UpstreamConnection, whole: bool) -> bytes:
        """Have the stages see ``response``, which is collected unless it is ``whole``; the bytes still to be passed on."""
        body, complete = (response.take(), True) if whole else await collect(response)
        seen = WholeResponse(response.status, response.fields.pairs, body if complete else None)
        for see in self.route.whole_hooks:
            waiting = see(self.exchange, seen)
            if waiting is not None:
                await waiting
        return body

    # the end

    def finish(self) -> Flow | None:
        """Leave the stages, and have the request counted and logged, answered or not."""
        if self.step is OVER:  # the client left when it had its response
            return None
        self.step = OVER
        try:
            if self.depth:
                leave(self)
        finally:
            self.scheduler.finished(self.exchange)
        return self

    def release(self) -> None:
        """Let the client's connection go on."""
        self.client.release(self.writer.keep_alive)

    def failed(self, error: Exception) -> None:
        """A phase raised: ``proxy.flow.life.ENDS`` has what is done about it."""
        self.scheduler.failed(self, error)

    # what ends it early: the acts of the table in ``proxy.flow.life``

    def drop_verdict(self) -> None:
        """Give up what a stage would have to be waited for."""
        waited, self.verdict = self.verdict, None
        if isinstance(waited, asyncio.Future):
            waited.cancel()
        elif isinstance(waited, Coroutine):
            waited.close()

    def abandon_call(self) -> None:
        """Give up the call that was started: nobody waits any more for its response."""
        self.call.abandon()
        del self.call

    def close_response(self) -> None:
        """Close the connection that a response is being taken off: nobody reads the rest."""
        response, self.response = self.response, None
        if response is not None:
            response.close()

    def cancel_task(self) -> None:
        """End the task, which then finishes the request.

        Not at once: a task that is cancelled before its first step never comes to its end.
        """
        self.scheduler.loop.call_soon(self._task.cancel)

    def send_own_fault(self, slug: str) -> None:
        """Send the plainest response of the reason ``slug``, while nothing has been sent."""
        self.writer.keep_alive = False
        if self.client.closing:
            return self.client.reset()
        exchange = self.exchange
        exchange.reason, exchange.status = slug, REASONS[slug].status
        exchange.failure = None  # whatever the call came to: this is no failure of the upstream
        self.client.write(render_own_fault(slug, exchange.id, DATE.field()))

    def cut(self) -> None:
        """End a response in the middle."""
        self.writer.cut()
