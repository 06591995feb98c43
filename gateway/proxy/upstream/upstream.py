"""The one door to an upstream: a call is started at once where nothing has to be waited for, and awaited otherwise."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from gateway.core.exchange import HEAD_START, Exchange
from gateway.core.reason import REASONS
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.pool.connection import UpstreamConnection
from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.errors import UpstreamError
from gateway.proxy.pool.phase import DONE
from gateway.proxy.upstream.attempt import UpstreamAttempt, repeatable
from gateway.proxy.upstream.attempts import Attempts
from gateway.proxy.upstream.call import LATER, STARTED, HeadRefused, Progress, UpstreamCall
from gateway.proxy.upstream.deadline import Deadline
from gateway.proxy.upstream.upload import Upload


class Upstream:
    """One upstream of the configuration, ready to be called.

    ``attempts`` makes its calls where a call is more than one attempt at the only endpoint; None where it is not.
    ``deadline`` bounds the whole of each call, if there is one.
    """

    def __init__(
        self, attempt: UpstreamAttempt, attempts: Attempts | None = None, deadline: Deadline | None = None
    ) -> None:
        self.name = attempt.name
        self.pool = attempt.pool
        self.attempts = Attempts(attempt) if attempts is None and len(self.pool.endpoints) > 1 else attempts
        self._attempt = attempt
        self._deadline = deadline
        self._starts = self.attempts is None and deadline is None

    @property
    def endpoints(self) -> list[Endpoint]:
        return self.pool.endpoints

    def single_attempts_while(self, condition: Callable[[], bool]) -> None:
        """Make no second attempt at any call while ``condition`` holds."""
        if self.attempts is not None:
            self.attempts.single_while = condition

    def start(self, call: UpstreamCall) -> Progress | Refusal:
        """Send the request on if nothing has to be waited for first.

        STARTED: ``take`` gives the response once the call's ``on_ready`` was called. LATER: ``response`` is to be awaited.
        A refusal is about what the client sent.
        """
        if not self._starts:
            return LATER
        exchange = call.exchange
        body = exchange.body
        if body is None and exchange.stream is not None:
            received = exchange.stream.whole()
            if received is None:
                return LATER
            if isinstance(received, Refusal):
                return received
            exchange.body = body = received  # for ``response``, should it come to that
        pool = self.pool
        endpoint = pool.endpoints[0]
        try:
            data = self._attempt.compose(call, endpoint, body)
        except HeadRefused as error:
            return self._head_refused(error)
        connection = pool.take_idle(endpoint)
        if connection is None:
            return LATER
        call.connection = connection
        endpoint.in_flight += 1
        exchange.sent = monotonic()  # the loop's own clock moves in whole milliseconds under uvloop
        connection.send(
            data,
            exchange.method == "HEAD",
            pool.loop.time() + pool.response_timeout,
            call.on_informational,
            call.on_ready,
        )
        return STARTED

    def take(self, call: UpstreamCall) -> UpstreamConnection | None:
        """The response to a started ``call`` that is ready, whole or its head. The caller ends it with ``finish``.

        None: the call has failed, and ``response`` gives what the client gets.
        """
        connection, exchange = call.connection, call.exchange
        endpoint = connection.owner.endpoint
        endpoint.in_flight -= 1
        error = connection.error
        if error is not None and connection.phase is not DONE and not connection.streaming:
            assert isinstance(error, UpstreamError), "all of the content was sent at once"
            call.failed = error
            endpoint.note_failure(error, connection.owner.address)
            connection.close()
            return None
        exchange.upstream_time = monotonic() - exchange.sent
        exchange.endpoint = endpoint.authority
        exchange.upstream_ids = connection.fields.ids
        return connection

    async def response(self, call: UpstreamCall) -> UpstreamConnection | Refusal:
        """The response to ``call``, whole or its head, which the caller ends with ``finish``.

        A call that was started and failed is made again where that is safe. A refusal means that there is no response.
        """
        refusal = await self._await_content(call)
        if refusal is not None:
            return refusal
        try:
            if self._deadline is None:
                return await self._response(call)
            return await self._deadline.hold(self._response(call))
        except UpstreamError as error:
            return self._refusal(call.exchange, error)
        except HeadRefused as error:
            return self._head_refused(error)

    async def _await_content(self, call: UpstreamCall) -> Refusal | None:
        """Wait for the content of ``call``, or a good part of it, before anything is taken that other clients need."""
        exchange = call.exchange
        call.streamed = None
        stream = exchange.stream
        if exchange.body is None and stream is not None:
            refusal = await stream.gather(HEAD_START)
            if refusal is None and not stream.complete and self.attempts is not None:
                exchange.stream = Upload(stream, self.pool.loop)  # a permit may be held while it is read
                refusal = await self.attempts.await_probe(exchange)
            if refusal is not None:
                return refusal
            if exchange.body is None:
                received = stream.whole()
                if isinstance(received, Refusal):
                    return received
                exchange.body = received  # for a fallback that calls another upstream, too
                if received is None:
                    exchange.stream = call.streamed = Upload(stream, self.pool.loop)
        call.body = exchange.body
        return None

    async def _response(self, call: UpstreamCall) -> UpstreamConnection | Refusal:
        exchange, failed = call.exchange, call.failed
        if failed is not None and not repeatable(exchange, failed):
            raise failed
        if self.attempts is not None:
            return await self.attempts.make(call)
        return await self._attempt.make(call, self.pool.endpoints[0], call.on_informational, fresh=failed is not None)

    def _head_refused(self, error: HeadRefused) -> Refusal:
        return refuse(error.slug, f"on the way to {self.name}")

    def _refusal(self, exchange: Exchange, error: UpstreamError) -> Refusal:
        """What ``error`` means to the client."""
        exchange.failure = error.kind
        exchange.failed_at = error.address
        return Refusal(REASONS[error.kind.slug], f"{self.name}: {error.detail}")
