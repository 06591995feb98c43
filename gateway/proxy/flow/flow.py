"""One request on its way: through the stages of its plan, to the upstream and back to the client.

The order of events, and nothing of what the stages decide. What can be done at once is done in phases (``proxy.flow.phases``),
each a method that gives the passage back when it is to go on; a passage that has to wait for something becomes a task,
or goes on when it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply, Verdict
from gateway.proxy.flow import respond as pipeline
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.upstream.call import LATER, STARTED, UpstreamCall

if TYPE_CHECKING:
    from gateway.policy.base.report import Decide
    from gateway.proxy.server.connection import ClientConnection

# A coded body or a part of one says nothing to a reader, so neither is asked for.
_STEERING = (b"accept-encoding", b"range")


class Flow(ResponseWriter):
    """``depth`` is how many stages were entered: their hooks run as ``policy.base.stage.Stage`` promises."""

    __slots__ = (
        "_deciders",
        "_task",
        "_told",
        "_waiting",
        "call",
        "depth",
        "exchange",
        "goes_on",
        "over",
        "plan",
        "verdict",
    )

    _deciders: Iterator[tuple[Decide, int]]

    def __init__(self, connection: ClientConnection, exchange: Exchange, http10: bool, keep_alive: bool) -> None:
        self.connection = connection
        self.transport = connection.transport
        self.http10 = http10
        self.keep_alive = keep_alive
        self.began = False
        self.exchange = exchange
        self.plan = connection.gateway.bare
        self.depth = 0
        self.verdict: Verdict = None
        self.call: UpstreamCall | None = None
        self.goes_on = False  # the client's connection does
        self.over = False
        self._told = False  # the stages have been, that it is over
        self._task: asyncio.Task[None] | None = None
        self._waiting: asyncio.Future[Verdict] | None = None

    def follow(self, plan: CompiledRoute) -> None:
        """Go the way of ``plan``."""
        self.plan = plan
        self._deciders = iter(plan.request_hooks)

    # the way in

    def ask(self) -> Flow | None:
        """Ask the stages before the first limit."""
        exchange = self.exchange
        for decide, self.depth in islice(self._deciders, self.plan.before_limit):  # noqa: B020  # as in ``decide``
            found = decide(exchange)
            if found is not None:
                return self._found(found)
        return self

    def meter(self) -> Flow | None:
        """Ask the first limit, while those of the other requests of the turn are asked."""
        if self.verdict is None and self.plan.grouped:
            decide, self.depth = next(self._deciders)
            found = decide(self.exchange)
            if found is not None:
                return self._found(found)
        return self

    def decide(self) -> Flow | None:
        """Ask the stages not asked yet."""
        if self.verdict is not None:
            return self
        exchange = self.exchange
        for decide, self.depth in self._deciders:  # noqa: B020  # the attribute, and the object stays
            found = decide(exchange)
            if found is not None:
                return self._found(found)
        self.depth = self.plan.depth
        self.verdict = self.plan.fixed
        return self

    def _found(self, found: Refusal | Reply | Awaitable[Verdict]) -> Flow | None:
        """Take a stage's verdict, or wait for it."""
        if isinstance(found, (Refusal, Reply)):
            self.verdict = found
            return self
        if isinstance(found, asyncio.Future):
            self._waiting = found
            found.add_done_callback(self._told_verdict)
        else:
            self._become(self._decide_and_answer(found))
        return None

    def _told_verdict(self, waited: asyncio.Future[Verdict]) -> None:
        if not self.over:
            self.connection.gateway.decided.add(self)

    def settle(self) -> Flow | None:
        """Take the verdict that was waited for."""
        waited, self._waiting = self._waiting, None
        if self.over or waited is None:
            return None
        if waited.cancelled():
            raise RuntimeError("a stage gave its verdict up")
        self.verdict = waited.result()
        return self.decide() if self.verdict is None else self

    def forward(self) -> None:
        """Send the request on, or refuse it."""
        verdict, plan = self.verdict, self.plan
        if verdict is None and not plan.response_readers:
            exchange = self.exchange
            call = UpstreamCall(exchange, plan.rewrite or exchange.path, self.interim, self.on_ready)
            started = plan.upstream.start(call)
            if started is STARTED:
                self.call = call
                return
            if started is not LATER:
                self.verdict = verdict = started
        if verdict is None or (plan.fallback is not None and isinstance(verdict, Refusal)):
            self._become(self._answer())
            return
        self.goes_on = pipeline.reply(self.exchange, plan, self, verdict, self.depth)
        self.connection.gateway.over.add(self)

    # the way back

    def on_ready(self) -> None:
        """Have the upstream's response taken with those of other requests."""
        self.connection.gateway.answered.add(self)

    def hear(self) -> Flow | None:
        """Take the upstream's answer."""
        call, exchange = self.call, self.exchange
        if self.over or call is None:
            return None
        self.call = None
        response = self.plan.upstream.take(call)
        if response is None:
            self._become(self._answer(call))
            return None
        if response.streaming:
            self._become(pipeline.pass_on(exchange, self.plan, self, response))
            return None
        self.call = call
        exchange.status = response.status
        pipeline.respond(exchange, self.plan, self)
        return self

    def answer_whole(self) -> None:
        """Pass on an answer all of which is here."""
        call = self.call
        assert call is not None, "heard before"
        response = call.connection
        self.goes_on = pipeline.pass_on_whole(self.exchange, self.plan, self, response, response.take())
        self.call = None
        self.connection.gateway.over.add(self)

    # where something has to be waited for

    def _become(self, rest: Coroutine[Any, Any, bool]) -> None:
        """Go on as a task."""
        self._task = self.connection.gateway.loop.create_task(self._to_the_end(rest))

    async def _to_the_end(self, rest: Coroutine[Any, Any, bool]) -> None:
        try:
            self.goes_on = await rest
            self.end()
            self.leave()
        except asyncio.CancelledError:
            if not self.over:
                self.end()
            raise
        except Exception as error:
            self.failed(error)

    async def _decide_and_answer(self, waiting: Awaitable[Verdict]) -> bool:
        self.verdict = await waiting
        while self.verdict is None:
            decide, self.depth = next(self._deciders, (None, self.plan.depth))
            if decide is None:
                self.verdict = self.plan.fixed
                break
            found = decide(self.exchange)
            self.verdict = found if found is None or isinstance(found, (Refusal, Reply)) else await found
        return await self._answer()

    async def _answer(self, call: UpstreamCall | None = None) -> bool:
        """Ask the upstream, unless there is a verdict, and answer the client. ``call`` is one that was started and failed."""
        exchange, plan, verdict = self.exchange, self.plan, self.verdict
        if verdict is None:
            if plan.response_readers:
                exchange.fields = {name: value for name, value in exchange.fields.items() if name not in _STEERING}
                exchange.head = None
            if call is None:
                call = UpstreamCall(exchange, plan.target(exchange), self.interim, self.on_ready)
            answer = await plan.upstream.response(call)
            if not isinstance(answer, Refusal):
                return await pipeline.pass_on(exchange, plan, self, answer)
            verdict = answer
        if plan.fallback is not None and isinstance(verdict, Refusal):
            finished: bool = await plan.fallback.answer(exchange, plan, self, verdict, self.depth)
            return finished
        return pipeline.reply(exchange, plan, self, verdict, self.depth)

    # the end

    def answer(self, data: bytes) -> bool:
        """As ``ResponseWriter.answer``. The stages are told first that it is over, so that who has the answer finds what it
        changed on every worker: a breaker that is open now, a place that is free."""
        self._tell_stages()
        return super().answer(data)

    def _tell_stages(self) -> None:
        if self._told:
            return
        self._told = True
        exchange = self.exchange
        for done in self.plan.done_hooks[self.depth]:
            done(exchange)

    def end(self) -> Flow | None:
        """Tell the stages and whoever watches that the request is over, answered or not."""
        if self.over:  # the client left when it had its answer
            return None
        self.over = True
        try:
            self._tell_stages()
        finally:
            self.connection.gateway.finished(self.exchange)
        return self

    def leave(self) -> None:
        """Let the client's connection go on."""
        self.connection.answered(self.goes_on)

    def abandon(self) -> None:
        """The client has left."""
        if self.over:
            return
        if self._task is not None:
            # Not at once: a task that is cancelled before its first step never comes to its end.
            self.connection.gateway.loop.call_soon(self._task.cancel)
            return
        if self._waiting is not None:
            self._waiting.cancel()
        if self.call is not None:
            self.call.abandon()
        self.end()

    def failed(self, error: Exception) -> None:
        """A phase raised: the client has left, or the gateway is broken."""
        over, self.goes_on = self.over, False
        if self.call is not None:
            self.call.connection.close()
        try:
            if not (isinstance(error, ConnectionError) and self.connection.closing):
                if not over:
                    self._apologise()
                self.connection.gateway.broke(error, self.exchange.id)
        finally:
            try:
                self.end()
            finally:
                if not self.connection.closing and not over:
                    self.leave()
                else:
                    self.connection.force_close()

    def _apologise(self) -> None:
        if not self.began and not self.connection.closing:
            pipeline.bug(self.exchange, self)
        else:
            self.cut()
