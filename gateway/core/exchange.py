"""The one mutable record of a request on its way through the gateway. Everything else is frozen."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

from gateway.core.failure import CallFailure
from gateway.core.fields import Pair


class Call:
    """One tRPC procedure call of a request: its resolved name and the route it matched (``proxy.routing.table``)."""

    __slots__ = ("procedure", "route")

    def __init__(self, procedure: str, route: Any = None) -> None:
        self.procedure = procedure
        self.route = route


class WholeResponse(NamedTuple):
    """An upstream's response, all of which has arrived, as stages and caches see it.

    ``fields`` are those that go on to the client, with lower-case names. ``body`` is None for a response that was to be
    collected and is too large for that, or broke off.
    """

    status: int
    fields: Sequence[Pair]
    body: bytes | None


class Exchange:
    """One request and what the stages found out about it. Each slot is set by the one stage named beside it."""

    __slots__ = (
        "attempts",
        "body",
        "bytes_in",
        "bytes_out",
        "calls",
        "claims",
        "client",
        "detail",
        "endpoint",
        "failure",
        "fallback",
        "fields",
        "head",
        "id",
        "limits",
        "method",
        "origin",
        "path",
        "peer",
        "principal",
        "query",
        "reason",
        "reported",
        "response_headers",
        "route",
        "secure",
        "sent",
        "slot",
        "started",
        "status",
        "stream",
        "target",
        "upstream_time",
    )

    def __init__(self, method: str, target: str, fields: dict[bytes, bytes], peer: str, started: float) -> None:
        self.method = method  # proxy/server/server: upper case as sent
        self.target = target  # proxy/server/server: the raw request target, never routed on
        self.fields = fields  # core/fields: lower-case name -> value, repeated fields joined
        self.head: Any = None  # proxy/server/server: what ``fields`` were read as (proxy.message.head.Head); None once they are changed
        self.peer = peer  # proxy/server/server: address of the TCP peer, no port
        self.started = started  # proxy/server/server: time.monotonic() seconds
        self.secure = False  # proxy/server/server: the client came over TLS
        self.id = ""  # policy/identity: request id
        self.path = ""  # core/path: canonical, percent-encoded
        self.query = ""  # core/path: canonical, without "?"
        self.route: Any = None  # proxy/routing/table: the compiled plan this request runs under
        self.calls: list[Call] = []  # core/trpc: empty for a route that is not tRPC
        self.origin = ""  # policy/cors: the Origin that was allowed
        self.client = peer  # policy/client: the one client address
        self.principal = ""  # policy/auth/auth: the token's sub
        self.claims: dict[str, Any] | None = None  # policy/auth/auth
        self.limits: list[Any] = []  # policy/rate_limit/rate_limit: state of each limit taken, for the answer's headers
        self.stream: Any = (
            None  # proxy/server/server: the request body as it arrives (proxy.message.request.Body), None without one
        )
        self.body: bytes | None = None  # policy/body: the whole body once a stage asked for it
        self.response_headers: list[
            Any
        ] = []  # any on_response: fields to add to the answer (core.field_lines.FieldLines)
        self.reported: list[str] = []  # policy/report: slugs that report mode let pass
        self.attempts: list[Any] = []  # policy/lockout: what is reserved and waits for a verdict
        self.slot: int | None = None  # policy/breaker: the turn of the slot held, None without one
        self.fallback = ""  # policy/fallback/fallback: what stood in for the upstream, empty when nothing did
        self.sent = 0.0  # proxy/upstream/upstream: time.monotonic() when the last of the request so far went out, 0.0 if nothing
        self.endpoint = ""  # proxy/upstream/upstream: host:port that answered
        self.upstream_time = 0.0  # proxy/upstream/upstream: seconds from sending to the head of the answer
        self.status = 0  # proxy/flow/respond: status sent
        self.failure: CallFailure | None = (
            None  # proxy/upstream/upstream: how the call came to nothing, None when it did not
        )
        self.reason = ""  # proxy/flow/respond: slug of the refusal, empty when none
        self.detail = ""  # proxy/flow/respond: what the log says beyond the slug, never sent
        self.bytes_in = 0  # proxy/upstream/upstream: request body bytes
        self.bytes_out = 0  # proxy/flow/respond: answer body bytes

    def for_second_call(self) -> Exchange:
        """The same request for the stages of a second upstream, without anything that is about the first call.

        Both are needed at once: the first upstream's stages see how its own call ended while the second one responds.
        """
        second = copy.copy(self)
        second.slot, second.reason, second.failure, second.status = None, "", None, 0
        second.endpoint, second.sent, second.upstream_time = "", 0.0, 0.0
        return second
