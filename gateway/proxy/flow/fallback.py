"""What happens when an upstream's call comes to nothing: its fallbacks, one after the other, until one has an answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.methods import IDEMPOTENT
from gateway.core.response_fields import ResponseFields
from gateway.core.verdict import Refusal, Reply
from gateway.policy.base.report import reporting
from gateway.policy.base.stage import Stage, hook
from gateway.policy.fallback.fallback import COVERS, StaticFallback, replacement_fields
from gateway.policy.fallback.stale import StoredResponses
from gateway.proxy.flow import respond as pipeline
from gateway.proxy.flow.writer import ResponseWriter
from gateway.proxy.pool.connection import SMALL, UpstreamConnection
from gateway.proxy.pool.phase import DONE
from gateway.proxy.routing.route import CompiledRoute
from gateway.proxy.upstream.call import LATER, Progress, UpstreamCall
from gateway.proxy.upstream.upstream import Upstream


class StaleFallback:
    """The last good answer to the same question, out of ``memory``."""

    def __init__(self, name: str, report: bool, memory: StoredResponses) -> None:
        self.name = name
        self.report = report
        self.memory = memory

    def find(self, exchange: Exchange, plan: CompiledRoute) -> Reply | None:
        """The answer, marked; None when there is none."""
        kept = self.memory.find(exchange, plan.upstream.name, plan.target(exchange))
        return None if kept is None else Reply(kept.status, (*kept.headers, *replacement_fields(self.name)), kept.body)


class UpstreamFallback:
    """The same call to another upstream. ``guards`` are that upstream's own stages, each with whether it only reports.

    One hop: what the other one has as a fallback of its own is not asked.
    """

    def __init__(self, name: str, report: bool, upstream: Upstream, guards: Sequence[tuple[Stage, bool]]) -> None:
        self.name = name
        self.report = report
        self.upstream = upstream
        self._guards = [(stage, reporting(stage.on_request) if only else stage.on_request) for stage, only in guards]

    @staticmethod
    def may(exchange: Exchange) -> bool:
        """Whether the call can be made a second time without anything being done twice (RFC 9110 9.2.2)."""
        if exchange.sent and exchange.method not in IDEMPOTENT:
            return False
        return exchange.stream is None or exchange.body is not None or not exchange.stream.received

    async def take(self, exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, slug: str) -> bool | None:
        """Answer the client with what the other upstream says; None when that comes to nothing too."""
        side = exchange.for_second_call()
        entered: list[Stage] = []
        try:
            for stage, decide in self._guards:
                entered.append(stage)
                verdict = decide(side)
                if verdict is not None and not isinstance(verdict, (Refusal, Reply)):
                    verdict = await verdict
                if verdict is not None:
                    side.reason = verdict.reason.slug if isinstance(verdict, Refusal) else ""
                    return None
            answer = await self.upstream.response(UpstreamCall(side, plan.target(exchange), client.interim))
            exchange.bytes_in = side.bytes_in
            if isinstance(answer, Refusal):
                side.reason = answer.reason.slug
                return None
            side.status = answer.status
            exchange.endpoint, exchange.upstream_time = side.endpoint, side.upstream_time
            return await self._pass_on(exchange, side, plan, client, answer, slug)
        finally:
            for stage in reversed(entered):
                done = hook(stage, "on_done")
                if done is not None:
                    done(side)

    async def _pass_on(
        self,
        exchange: Exchange,
        side: Exchange,
        plan: CompiledRoute,
        client: ResponseWriter,
        answer: UpstreamConnection,
        slug: str,
    ) -> bool:
        own = replacement_fields(self.name)
        names = {name for name, _ in own} | {b"expires", b"age"}
        answer.fields = ResponseFields.of([*(pair for pair in answer.fields.pairs if pair[0] not in names), *own])
        failure = exchange.failure
        try:
            return await pipeline.pass_on(exchange, plan, client, answer)
        finally:
            if exchange.reason != slug:  # it broke off, which is this upstream's failure and not the first one's
                side.reason, exchange.reason = exchange.reason, slug
                side.failure, exchange.failure = exchange.failure, failure


Choice = StaticFallback | StaleFallback | UpstreamFallback


class FallbackChain:
    """The fallbacks of one upstream, in the order in which they are tried."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = tuple(choices)

    @property
    def memories(self) -> list[StoredResponses]:
        """What has to be told of good answers."""
        return [choice.memory for choice in self._choices if isinstance(choice, StaleFallback)]

    @property
    def calls_again(self) -> bool:
        """Whether a call may be made a second time, for which a body that was read must still be there."""
        return any(isinstance(choice, UpstreamFallback) for choice in self._choices)

    async def answer(
        self, exchange: Exchange, plan: CompiledRoute, client: ResponseWriter, refusal: Refusal, depth: int
    ) -> bool:
        """Answer in place of ``refusal``, or with it where this is none of a fallback's business."""
        slug = refusal.reason.slug
        if slug not in COVERS or client.began:
            return pipeline.reply(exchange, plan, client, refusal, depth)
        for choice in self._choices:
            if choice.report:
                if slug not in exchange.reported and self._would(choice, exchange, plan):
                    exchange.reported.append(slug)
                continue
            if isinstance(choice, UpstreamFallback):
                if not choice.may(exchange):
                    continue
                self._say(exchange, choice, refusal)
                finished = await choice.take(exchange, plan, client, slug)
                if finished is not None:
                    return finished
                continue
            found = self._found(choice, exchange, plan, refusal)
            if found is not None:
                self._say(exchange, choice, refusal)
                return pipeline.reply(exchange, plan, client, found, depth)
        exchange.fallback = ""
        return pipeline.reply(exchange, plan, client, refusal, depth)

    @staticmethod
    def _say(exchange: Exchange, choice: Choice, refusal: Refusal) -> None:
        """For the log and the figures, and for stages whose fields would call it the real thing."""
        exchange.fallback = choice.name
        exchange.reason, exchange.detail = refusal.reason.slug, refusal.detail

    @staticmethod
    def _found(
        choice: StaticFallback | StaleFallback, exchange: Exchange, plan: CompiledRoute, refusal: Refusal
    ) -> Reply | None:
        if isinstance(choice, StaticFallback):
            return choice.reply(exchange, refusal, plan.error_format)
        return choice.find(exchange, plan)

    @staticmethod
    def _would(choice: Choice, exchange: Exchange, plan: CompiledRoute) -> bool:
        if isinstance(choice, UpstreamFallback):
            return choice.may(exchange)
        return isinstance(choice, StaticFallback) or choice.find(exchange, plan) is not None


class Watched:
    """An upstream whose calls leave behind what its fallbacks need. Routes without such fallbacks call it directly."""

    __slots__ = ("_again", "_memories", "_upstream", "name")

    def __init__(self, upstream: Upstream, stand_in: FallbackChain) -> None:
        self.name = upstream.name
        self._upstream = upstream
        self._memories = stand_in.memories
        self._again = stand_in.calls_again

    def start(self, call: UpstreamCall) -> Progress:
        """See ``Upstream.start``: never at once, since there is something to do with the response."""
        return LATER

    async def response(self, call: UpstreamCall) -> UpstreamConnection | Refusal:
        """See ``Upstream.response``; a whole response is stored, and small content of the request kept."""
        exchange = call.exchange
        stream: Any = exchange.stream
        small = stream is not None and (stream.complete or (stream.length is not None and stream.length <= SMALL))
        if self._again and small and exchange.body is None:
            received = await stream.read_all()
            if isinstance(received, Refusal):
                return received
            exchange.body = received
        answer = await self._upstream.response(call)
        if not isinstance(answer, Refusal) and answer.phase is DONE and not answer.streaming:
            for memory in self._memories:
                memory.store(exchange, self.name, call.path, answer.status, answer.fields.pairs, answer.arrived)
        return answer
