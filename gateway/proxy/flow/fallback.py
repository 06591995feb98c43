"""When a call to an upstream fails: its fallbacks, one after the other, until one has a response."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.methods import IDEMPOTENT
from gateway.core.response_fields import ResponseFields
from gateway.core.verdict import Refusal, Reply
from gateway.policy.fallback.fallback import COVERS, StaticFallback, replacement_fields
from gateway.policy.fallback.stale import StoredResponses
from gateway.proxy.flow.decide import Decision, leave, settle
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.response import OnInformational
from gateway.proxy.routing.route import Built, CompiledRoute, PassOn, WholeHook, bind
from gateway.proxy.upstream.call import UpstreamCall
from gateway.proxy.upstream.upstream import Upstream


class StaleFallback:
    """The last good response to the same request, out of ``memory``."""

    def __init__(self, name: str, report: bool, memory: StoredResponses) -> None:
        self.name = name
        self.report = report
        self.memory = memory

    def find(self, exchange: Exchange, route: CompiledRoute) -> Reply | None:
        """The response, marked as a replacement; None when there is none."""
        kept = self.memory.find(exchange, route.upstream.name, route.target(exchange))
        return None if kept is None else Reply(kept.status, (*kept.headers, *replacement_fields(self.name)), kept.body)

    def store(self, upstream: str, rewrite: str, exchange: Exchange, response: WholeResponse) -> None:
        """Store a response of the first upstream; that of another one in its place is no good response."""
        if response.body is not None and not exchange.fallback:
            path = rewrite or exchange.path
            self.memory.store(exchange, upstream, path, response.status, response.fields, response.body)


class UpstreamFallback:
    """The same call to another upstream. ``guards`` are that upstream's own stages, each with whether it only reports.

    One hop: the fallbacks of the other upstream are not asked.
    """

    def __init__(self, name: str, report: bool, upstream: Upstream, guards: Sequence[Built]) -> None:
        self.name = name
        self.report = report
        self.upstream = upstream
        self._guards = bind(name, guards)

    @staticmethod
    def may(exchange: Exchange) -> bool:
        """Whether the call can be made a second time without anything being done twice (RFC 9110 9.2.2)."""
        if exchange.sent and exchange.method not in IDEMPOTENT:
            return False
        return exchange.stream is None or exchange.body is not None or not exchange.stream.received

    async def respond(
        self, exchange: Exchange, route: CompiledRoute, slug: str, on_informational: OnInformational, pass_on: PassOn
    ) -> bool:
        """Pass on the response of the other upstream; False when its stages refuse the call, or the call fails too.

        ``slug`` is why the first upstream gave no response.
        """
        side = exchange.for_second_call()
        decision = Decision(side, self._guards)
        try:
            verdict = await settle(decision)
            if verdict is not None:
                side.reason = verdict.reason.slug if isinstance(verdict, Refusal) else ""
                return False
            response = await self.upstream.response(UpstreamCall(side, route.target(exchange), on_informational))
            exchange.bytes_in = side.bytes_in
            if isinstance(response, Refusal):
                side.reason = response.reason.slug
                return False
            side.status = response.status
            for hook in self._guards.response_hooks[self._guards.depth]:
                hook(side)
            exchange.endpoint, exchange.upstream_time = side.endpoint, side.upstream_time
            self._mark(response)
            failure = exchange.failure
            try:
                await pass_on(response)
            finally:
                if isinstance(
                    response.error, UpstreamError
                ):  # it broke off, which is this upstream's failure and not the first one's
                    kind = response.error.kind
                    side.reason, side.failure = kind.slug, kind if exchange.failure is kind else None
                    exchange.reason, exchange.failure = slug, failure
            return True
        finally:
            leave(decision)

    def _mark(self, response: UpstreamConnection) -> None:
        own = replacement_fields(self.name)
        names = {name for name, _ in own} | {b"expires", b"age"}
        theirs = response.fields
        response.fields = ResponseFields.of(
            [*(pair for pair in theirs.pairs if pair[0] not in names), *own], theirs.via
        )


Choice = StaticFallback | StaleFallback | UpstreamFallback


class FallbackChain:
    """The fallbacks of one upstream, in the order in which they are tried."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        self._choices = tuple(choices)

    def whole_hooks(self, upstream: str, rewrite: str) -> list[WholeHook]:
        """What has to see the whole responses of ``upstream`` to a route that sends its requests to the path ``rewrite``
        ("": to their own)."""
        return [
            partial(choice.store, upstream, rewrite) for choice in self._choices if isinstance(choice, StaleFallback)
        ]

    async def respond(
        self,
        refusal: Refusal,
        exchange: Exchange,
        route: CompiledRoute,
        on_informational: OnInformational,
        pass_on: PassOn,
    ) -> Refusal | Reply | None:
        """The response in place of ``refusal``, or that where no fallback has one.

        None: another upstream had one, which ``pass_on`` has passed on.
        """
        slug = refusal.reason.slug
        if slug not in COVERS:
            return refusal
        for choice in self._choices:
            if choice.report:
                noted = Refusal(refusal.reason)  # its detail is in the line as that of the response
                if noted not in exchange.reported and self._would(choice, exchange, route):
                    exchange.reported.append(noted)
                continue
            if isinstance(choice, UpstreamFallback):
                if choice.may(exchange):
                    self._note(exchange, choice, refusal)
                    if await choice.respond(exchange, route, slug, on_informational, pass_on):
                        exchange.refused_by += refusal.limits
                        return None
                continue
            reply = self._reply(choice, exchange, route, refusal)
            if reply is not None:
                self._note(exchange, choice, refusal)
                exchange.refused_by += refusal.limits
                return reply
        exchange.fallback = ""
        return refusal

    @staticmethod
    def _note(exchange: Exchange, choice: Choice, refusal: Refusal) -> None:
        """Note the fallback for the log and the metrics, and for stages whose fields would call it a real response."""
        exchange.fallback = choice.name
        exchange.reason, exchange.detail = refusal.reason.slug, refusal.detail

    @staticmethod
    def _reply(
        choice: StaticFallback | StaleFallback, exchange: Exchange, route: CompiledRoute, refusal: Refusal
    ) -> Reply | None:
        if isinstance(choice, StaticFallback):
            return choice.reply(exchange, refusal, route.error_format)
        return choice.find(exchange, route)

    @staticmethod
    def _would(choice: Choice, exchange: Exchange, route: CompiledRoute) -> bool:
        if isinstance(choice, UpstreamFallback):
            return choice.may(exchange)
        return isinstance(choice, StaticFallback) or choice.find(exchange, route) is not None
