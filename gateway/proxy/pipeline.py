"""One request through its stages to the upstream and back: the order of events, and nothing of what they decide."""

from __future__ import annotations

import socket
import struct
from time import time

from gateway.core.exchange import Exchange, Pair
from gateway.core.fields import Malformed, answer_pairs
from gateway.core.reason import REASONS, Refusal, Reply, Verdict
from gateway.proxy.connection import DONE, Connection, UpstreamError
from gateway.proxy.inbound import Inbound
from gateway.proxy.plan import Plan
from gateway.proxy.reply import DATE, JSON, answer_head, refusal_answer, refusal_body, status_line

# A coded body or a part of one says nothing to a reader, so neither is asked for.
_STEERING = (b"accept-encoding", b"range")
_READ = 64 * 1024  # bytes of an answer that are collected for a reader

_EMPTY: frozenset[bytes] = frozenset()
_NEVER_FORWARDED = frozenset({b"content-length", b"transfer-encoding", b"trailer"})


class Client:
    """The wire back to the client of one request."""

    __slots__ = ("began", "http10", "inbound", "keep_alive", "transport")

    def __init__(self, inbound: Inbound, http10: bool, keep_alive: bool) -> None:
        self.inbound = inbound
        self.transport = inbound.protocol.transport
        self.http10 = http10
        self.keep_alive = keep_alive
        self.began = False  # something of the answer is on its way

    def interim(self, status: int, raw: list[Pair]) -> None:
        """Pass an upstream's 1xx on (RFC 9110 15.2), of its fields only what 103 is for (RFC 8297)."""
        if status == 103 and not self.http10:
            links = b"".join(b"link: %b\r\n" % value for name, value in answer_pairs(raw)[0] if name == b"link")
            if links:
                self.write(status_line(status) + links + b"\r\n")
                self.began = False

    def write(self, data: bytes) -> None:
        """Send a part of an answer. Raises ConnectionResetError when the client has left."""
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.began = True
        self.inbound.protocol.outbox.flush()
        self.transport.write(data)

    def answer(self, data: bytes) -> bool:
        """Send the whole of an answer; whether the connection lives on. Raises as ``write``."""
        if not self.keep_alive:
            self.write(data)
            return False
        if self.transport is None or self.transport.is_closing():
            raise ConnectionResetError("the client has left")
        self.began = True
        protocol = self.inbound.protocol
        protocol.outbox.write(self.transport, data, protocol.gateway.in_flight == 1)
        return True

    async def drain(self) -> None:
        await self.inbound.protocol._drain_helper()

    def cut(self) -> None:
        """End with a reset, so that a cut answer can never look whole, not even one framed by its end."""
        if self.transport is None:
            return
        raw = self.transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


async def run(exchange: Exchange, plan: Plan, client: Client) -> bool:
    """Take the exchange through ``plan`` and answer the client. Hooks run as ``policy.stage.Stage`` promises."""
    depth = 0  # how many stages were entered
    try:
        verdict: Verdict = None
        for decide, reached in plan.deciders:
            depth = reached
            found = decide(exchange)
            if found is not None:
                verdict = await found if not isinstance(found, (Refusal, Reply)) else found
                if verdict is not None:
                    break
        else:
            depth = plan.depth
            verdict = plan.terminal
        if verdict is None:
            if plan.readers:
                exchange.fields = {name: value for name, value in exchange.fields.items() if name not in _STEERING}
                exchange.head = None
            answer = await plan.upstream.call(exchange, plan.target(exchange), client.interim)
            if not isinstance(answer, Refusal):
                if answer.phase is DONE and not answer.streaming and not plan.readers:
                    return _pass_on_whole(exchange, plan, client, answer, answer.take())
                return await pass_on(exchange, plan, client, answer)
            verdict = answer
        if plan.fallback is not None and isinstance(verdict, Refusal):
            finished: bool = await plan.fallback.answer(exchange, plan, client, verdict, depth)
            return finished
        return reply(exchange, plan, client, verdict, depth)
    finally:
        for done in plan.finishers[depth]:
            done(exchange)


def reply(exchange: Exchange, plan: Plan, client: Client, verdict: Refusal | Reply, depth: int) -> bool:
    """Answer with the gateway's own words."""
    exchange.status = status = verdict.reason.status if isinstance(verdict, Refusal) else verdict.status
    for respond in plan.responders[depth]:
        respond(exchange)
    if exchange.stream is not None and not exchange.stream.complete:
        client.keep_alive = False  # what is left of the body would have to be read first
    if isinstance(verdict, Refusal):
        exchange.reason = verdict.reason.slug
        exchange.detail = verdict.detail
        if verdict.close:
            client.keep_alive = False
        return client.answer(refusal_answer(verdict, exchange, plan, DATE.field(time()), client.keep_alive))
    body = verdict.body
    own = [DATE.field(time()), *verdict.headers]
    if body and not any(name == b"content-type" for name, _ in own):
        own.append(JSON)
    framing = b"" if status == 204 else b"content-length: %d\r\n" % len(body)
    head = answer_head(status, own, exchange.response_headers, plan.removed, framing, client.keep_alive)
    if exchange.method == "HEAD":
        body = b""
    exchange.bytes_out = len(body)
    return client.answer(head + body)


async def pass_on(exchange: Exchange, plan: Plan, client: Client, answer: Connection) -> bool:
    """Answer with what an upstream said, and end its call."""
    exchange.status = answer.status
    collected: bytes | None = None
    if plan.readers:
        try:
            collected = await _read(exchange, plan, answer)
        except BaseException:
            exchange.status = 0  # not answered
            answer.close()
            raise
    if answer.phase is DONE and not answer.streaming:
        return _pass_on_whole(exchange, plan, client, answer, answer.take() if collected is None else collected)
    _respond(exchange, plan, client)
    return await _stream(exchange, plan, client, answer, collected or b"")


def _respond(exchange: Exchange, plan: Plan, client: Client) -> None:
    for respond in plan.responders[plan.depth]:
        respond(exchange)
    if exchange.stream is not None and not exchange.stream.complete:
        client.keep_alive = False


def _pass_on_whole(exchange: Exchange, plan: Plan, client: Client, answer: Connection, body: bytes) -> bool:
    """Pass on an answer all of which is here."""
    exchange.status = status = answer.status
    _respond(exchange, plan, client)
    length = answer.length if exchange.method == "HEAD" else len(body)
    framing = b"" if length is None or status in (204, 304) else b"content-length: %d\r\n" % length
    exchange.bytes_out = len(body)
    if answer.trailers and not client.http10:  # only chunks can carry them (RFC 9112 7.1.2)
        trailers = _trailers(answer)
        if trailers:
            framing = b"transfer-encoding: chunked\r\n"
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n%b\r\n" % trailers
    head = answer_head(status, answer.pairs, exchange.response_headers, plan.removed, framing, client.keep_alive)
    answer.finish()
    return client.answer(head + body if body else head)


async def _read(exchange: Exchange, plan: Plan, answer: Connection) -> bytes:
    """Collect the answer's body for the readers of ``plan``; the bytes taken off it, which are still to be passed on.

    ``exchange.answer`` stays None when it is too large or not whole: the readers judge without it.
    """
    taken = bytearray()
    try:
        while len(taken) <= _READ:
            piece = await answer.read()
            taken += piece
            if not piece:
                exchange.answer = bytes(taken)
                break
    except UpstreamError:
        pass  # passing it on meets the same error, and cuts the client off there
    for read in plan.readers:
        waiting = read(exchange)
        if waiting is not None:
            await waiting
    return bytes(taken)


async def _stream(exchange: Exchange, plan: Plan, client: Client, answer: Connection, first: bytes) -> bool:
    """Pass a large or endless answer on as it comes, waiting for whichever side is slower."""
    chunked = answer.length is None and not client.http10
    if answer.length is not None:
        framing = b"content-length: %d\r\n" % answer.length
    else:
        framing = b"transfer-encoding: chunked\r\n" if chunked else b""
        client.keep_alive = client.keep_alive and chunked
    head = answer_head(
        exchange.status, answer.pairs, exchange.response_headers, plan.removed, framing, client.keep_alive
    )
    try:
        client.write(head)
        while piece := first or await answer.read():
            first = b""
            exchange.bytes_out += len(piece)
            client.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
            await client.drain()
        if chunked:
            client.write(b"0\r\n%b\r\n" % _trailers(answer))
    except (UpstreamError, Malformed) as error:
        exchange.reason = error.slug if isinstance(error, UpstreamError) else "upstream_broken"
        exchange.detail = str(error)
        client.cut()
        return False
    finally:
        answer.finish()
    return client.keep_alive


def _trailers(answer: Connection) -> bytes:
    """Trailer fields that mean nothing for framing, routing or policy (RFC 9110 6.5.1)."""
    if not answer.trailers:
        return b""
    pairs, _ = answer_pairs(answer.trailers)
    head = {name for name, _ in answer.pairs}
    return b"".join(
        b"%b: %b\r\n" % pair
        for pair in pairs
        if pair[0] not in _NEVER_FORWARDED and pair[0] not in head and not pair[0].startswith(b"set-cookie")
    )


def bug(exchange: Exchange, client: Client) -> bool:
    """The plainest answer for an exception nobody expected; the stack is in the log, not here."""
    refusal = Refusal(REASONS["internal_error"], close=True)
    _, body = refusal_body(refusal, exchange, "problem")
    exchange.reason, exchange.status = "internal_error", 500
    client.write(
        answer_head(
            500,
            [(b"content-type", b"application/problem+json")],
            [],
            _EMPTY,
            b"content-length: %d\r\n" % len(body),
            False,
        )
        + body
    )
    return False
