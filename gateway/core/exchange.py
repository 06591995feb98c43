"""The one mutable record of a request on its way through the gateway. Everything else is frozen."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from gateway.core.failure import CallFailure
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.forwarded import OVER_HTTP
from gateway.core.superjson import Input
from gateway.core.verdict import Refusal, RefusedBy


class MatchedRoute(Protocol):
    """What stages, metrics and the log need of a route; ``proxy.routing.route.CompiledRoute`` says what each means."""

    @property
    def name(self) -> str: ...
    @property
    def config(self) -> str: ...
    @property
    def error_format(self) -> str: ...
    @property
    def internal(self) -> bool: ...
    @property
    def named(self) -> Mapping[str, frozenset[str]]: ...


class _NoRoute:
    """The route of a request, or of a call, that has matched none."""

    name = ""
    config = ""
    error_format = "problem"
    internal = False
    named: Mapping[str, frozenset[str]] = {}


NO_ROUTE: MatchedRoute = _NoRoute()


HEAD_START = 64 * 1024
"""Bytes of a content that are here before anything is taken for its call that others need; all of a shorter content."""


class RequestContent(Protocol):
    """The content of a request while it arrives; ``proxy.message.body.RequestBody`` says what each part means."""

    length: int | None
    limit: int | None

    @property
    def received(self) -> int: ...
    @property
    def arrived(self) -> int: ...
    @property
    def complete(self) -> bool: ...
    @property
    def late(self) -> bool: ...
    def whole(self) -> bytes | Refusal | None: ...
    def put_back(self, data: bytes) -> None: ...
    async def gather(self, least: int) -> Refusal | None: ...
    async def read(self) -> bytes | Refusal: ...


async def read_to_end(content: RequestContent) -> bytes | Refusal:
    """All bytes of ``content`` that are left, or the refusal that ends the request."""
    parts: list[bytes] = []
    while data := await content.read():
        if isinstance(data, Refusal):
            return data
        parts.append(data)
    return b"".join(parts)


class ForwardedHead(Protocol):
    """A head that remembers the lines which one upstream gets of it; see ``proxy.message.head.RequestHead``. ``raw`` are its
    field lines as they came."""

    raw: tuple[Pair, ...]
    version: str
    upstream: object
    lines: dict[bytes, bytes]


class Slot(NamedTuple):
    """What an admitted call holds of a circuit (``state.rules.circuit``): its epoch, and whether the call is its probe.

    ``left``: the client of the probe has left, and the call goes on.
    """

    epoch: int
    probe: bool = False
    left: bool = False


class Call:
    """One tRPC procedure call of a request: its resolved name and the route it matched (``proxy.routing.table``)."""

    __slots__ = ("procedure", "route")
    alias = ""
    """By which name it was called where that is an alias."""

    def __init__(self, procedure: str, route: MatchedRoute = NO_ROUTE) -> None:
        self.procedure = procedure
        self.route = route


class AliasedCall(Call):
    """A call by another name than that of its procedure."""

    __slots__ = ("alias",)

    def __init__(self, procedure: str, route: MatchedRoute, alias: str) -> None:
        super().__init__(procedure, route)
        self.alias = alias


class WholeResponse(NamedTuple):
    """An upstream's response, all of which has arrived, as stages and caches see it.

    ``fields`` are those that go on to the client, with lower-case names. ``body`` is None for a response that was to be
    collected and is too large for that, or broke off.
    """

    status: int
    fields: Sequence[Pair]
    body: bytes | None


class Exchange:
    """One request and what the stages found out about it. Above or beside each slot is where it is set."""

    __slots__ = (
        "attempts",
        "body",
        "bytes_in",
        "bytes_out",
        "calls",
        "checked",
        "claims",
        "client",
        "correlation",
        "detail",
        "endpoint",
        "failed_at",
        "failure",
        "fallback",
        "fields",
        "form",
        "forwarded",
        "head",
        "id",
        "inputs",
        "limits",
        "method",
        "origin",
        "path",
        "peer",
        "principal",
        "query",
        "reason",
        "refused_by",
        "reported",
        "response_headers",
        "route",
        "sent",
        "slot",
        "started",
        "status",
        "stream",
        "target",
        "upstream_ids",
        "upstream_time",
    )

    # policy/base/inputs: what the content or the query holds; not there until a stage asks for it
    inputs: Sequence[object]
    checked: Sequence[Input]  # the same for a schema
    form: bool  # policy/upload: the content is a form, judged while it is read; not there for any other

    def __init__(self, method: str, target: str, fields: dict[bytes, bytes], peer: str, started: float) -> None:
        # proxy/flow/arrival, when the head is read
        self.method = method  # upper case as sent
        self.target = target  # the raw request target, never routed on
        self.fields = fields  # lower-case name -> value, repeated fields joined
        self.head: ForwardedHead | None = None  # what ``fields`` were read from; None once they are changed
        self.peer = peer  # address of the TCP peer, no port
        self.started = started  # time.monotonic() seconds
        self.forwarded = (
            OVER_HTTP  # how the client came, for the upstream; policy/client: what a trusted proxy says of it
        )
        self.stream: RequestContent | None = None  # the content as it arrives, None without any
        # proxy/flow/arrival, when the route is found
        self.path = ""  # canonical; once there is a route, as it goes upstream (core/path_sent)
        self.query = ""  # without "?", as it came; for tRPC in its canonical spelling
        self.route: MatchedRoute = NO_ROUTE  # the route this request runs under
        self.calls: list[Call] = []  # empty for a route that is not tRPC
        # policies on the way in
        self.id = ""  # policy/identity: request id
        self.correlation = b""  # policy/identity: the id that joins it to others, as the upstream gets it
        self.origin = ""  # policy/cors: the Origin that was allowed
        self.client = peer  # policy/client: the one client address
        self.principal = ""  # policy/auth: the token's sub
        self.claims: dict[str, Any] | None = None  # policy/auth
        self.limits: list[tuple[object, object]] = []  # policy/rate_limit: each limit taken, and its state
        self.body: bytes | None = None  # policy/body: the whole content once a stage asked for it
        self.reported: list[Refusal] = []  # policy/base/report: those that report mode let pass
        self.attempts: list[tuple[object, object]] = []  # policy/lockout: a stage, and what it has reserved
        self.slot: Slot | None = None  # policy/breaker: the slot held, None without one
        # the call to the upstream: proxy/upstream
        self.sent = 0.0  # time.monotonic() when the last of the request so far went out, 0.0 if nothing
        self.endpoint = ""  # host:port that responded
        self.upstream_time = 0.0  # seconds from sending to the head of the response
        self.upstream_ids: Sequence[bytes] = ()  # correlation and request id of the response, where it has any
        self.failed_at = ""  # host:port that a call failed at, empty without a failure
        self.failure: CallFailure | None = None  # how the call failed, None when it did not or the client was slow
        self.bytes_in = 0  # request content bytes
        # the response: proxy/flow
        self.fallback = ""  # the fallback that responded in place of the upstream, empty when none did
        self.response_headers: list[FieldLines] = []  # any on_response: fields to add to the response
        self.status = 0  # status sent
        self.reason = ""  # slug of the refusal, empty when none
        self.detail = ""  # what the log says beyond the slug, never sent
        self.refused_by: tuple[RefusedBy, ...] = ()  # the limits that refuse it, those in report mode too
        self.bytes_out = 0  # response content bytes

    def for_second_call(self) -> Exchange:
        """The same request for the stages of a second upstream, without anything that is about the first call.

        Both are needed at once: the first upstream's stages see how its own call ended while the second one responds.
        """
        second = copy.copy(self)
        second.slot, second.reason, second.failure, second.status = None, "", None, 0
        second.failed_at = ""
        second.endpoint, second.sent, second.upstream_time, second.upstream_ids = "", 0.0, 0.0, ()
        return second
