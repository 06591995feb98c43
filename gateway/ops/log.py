"""The log: one JSON line per request and per event, events through structlog (this file is its door)."""

from __future__ import annotations

import copy
import logging
import time
import traceback
from collections.abc import Callable, Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import orjson
import structlog

from gateway.core.exchange import Exchange
from gateway.core.methods import KNOWN
from gateway.ops.judged_head import add_batch, add_calls, add_judged
from gateway.ops.plain import LONGEST, Pseudonyms, clean, redact
from gateway.ops.refusals import RecentRefusals
from gateway.ops.sink import Sink

LIMITED_LINES = 100
"""Refusals by a limit that a worker logs in a second; more are only counted. They are what a flood comes to, and a request of
33 bytes has a line of 500: half a megabyte a second of requests filled a disk with seven."""

_OPTIONS = orjson.OPT_NON_STR_KEYS  # a field is never a reason to raise
_dumps = orjson.dumps
_SHORT = 64  # characters of a text that is cached


@lru_cache(maxsize=512)
def _cached(detail: str) -> str:
    return redact(detail)


class _SinkLogger:
    """The logger below structlog: it writes the bytes of the last processor into the sink."""

    __slots__ = ("msg",)

    def __init__(self, sink: Sink) -> None:
        self.msg = sink.write


class _Bound(structlog.BoundLoggerBase):
    """The one method in use, without the levels and the interpolation of structlog's own wrappers."""

    def line(self, fields: dict[str, Any]) -> None:
        # The whole line travels as the event: as keywords it would be copied three times, 6 us on the request path.
        self._proxy_to_logger("msg", fields)  # type: ignore[arg-type]  # structlog passes any event through


_MILLI = tuple(f"{milli:03d}Z" for milli in range(1000))


class Stamp:
    """The time as RFC 3339 in UTC with milliseconds; the part that changes once a second is cached."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._second = -1
        self._prefix = ""

    def now(self) -> str:
        moment = self._wall()
        second = int(moment)
        if second != self._second:
            self._prefix = time.strftime("%Y-%m-%dT%H:%M:%S.", time.gmtime(second))
            self._second = second
        return self._prefix + _MILLI[int((moment - second) * 1000)]


class _LimitedLines:
    """How many refusals by a limit still have a line, and how many had none, since the last ``Log.renew_limited``."""

    __slots__ = ("left", "unlogged")

    def __init__(self) -> None:
        self.left = LIMITED_LINES
        self.unlogged = 0


class _InForce:
    """The short digest of the configuration in force, for requests that were decided before they had a route."""

    __slots__ = ("digest",)

    def __init__(self) -> None:
        self.digest = ""


class Log:
    """Access lines and events of one process.

    ``key`` keys the short hashes that stand for principals; all workers of a gateway share it. ``fixed`` fields (a
    worker's number) are on every line.
    """

    def __init__(self, sink: Sink, key: bytes, wall: Callable[[], float] = time.time, **fixed: object) -> None:
        self.sink = sink
        self._now = Stamp(wall).now
        self._names = Pseudonyms(key)
        self._fixed = fixed
        self._limited = _LimitedLines()  # one for all listeners: see ``bind``
        self._refusals = RecentRefusals()  # this too
        self._note = self._refusals.note
        self._in_force = _InForce()  # this too
        logger = structlog.wrap_logger(
            _SinkLogger(sink), processors=[_render], wrapper_class=_Bound, cache_logger_on_first_use=True
        )
        self._line: Callable[[dict[str, Any]], None] = logger.bind().line
        sink.gap_line = lambda missing: _dump(
            {"ts": self._now(), "event": "log_lines_dropped", **fixed, "lines": missing}
        )

    def bind(self, **fixed: object) -> Log:
        """The same log with more fields on every line."""
        bound = copy.copy(self)
        bound._fixed = {**self._fixed, **fixed}
        return bound

    def serve(self, digest: str) -> None:
        """Requests that come from now on are decided by the configuration of this short ``digest``, on all listeners."""
        self._in_force.digest = digest

    def access(self, exchange: Exchange, elapsed: float) -> None:
        """The one line of a finished request, ``elapsed`` seconds after its head. Empty fields are left out. Of refusals by a
        limit only so many have one (``renew_limited``). ``ops.judged_head`` has why what decides a request is in it.

        Never in it: the query, headers other than the ids, bodies, the principal itself; and the path as it was sent only where
        a refusal has no other.
        """
        method, path, route = exchange.method, exchange.path, exchange.route
        plain = (
            len(path) <= LONGEST and path.isprintable() and "eyJ" not in path
        )  # with which each JSON Web Token begins
        fields: dict[str, Any] = {
            "ts": self._now(),
            "event": "request",
            "id": exchange.id,
            "method": method if method in KNOWN else clean(method),
            "path": path if plain else redact(path),
            "route": route.name or None,
            "config": route.config or self._in_force.digest,
            "client": exchange.client,
            "status": exchange.status,
            "bytes_in": exchange.bytes_in,
            "bytes_out": exchange.bytes_out,
            "duration_ms": int(elapsed * 1e5) / 100,
            **self._fixed,
        }
        correlation = exchange.correlation
        if correlation:
            fields["correlation_id"] = correlation.decode("ascii")
        calls = exchange.calls
        if calls:  # most requests have one, whose name is in the path
            name = calls[0].procedure
            one = len(calls) == 1 and not calls[0].alias
            fields["procedures"] = [name if plain else redact(name)] if one else add_calls(fields, calls)
        principal = exchange.principal
        if principal:
            fields["principal"] = self._names.known(principal) or self._names.of(principal)
        elif b"authorization" in exchange.fields:
            fields["token"] = True
        add_judged(fields, exchange)
        if exchange.endpoint:
            fields["upstream"] = exchange.endpoint
            fields["upstream_ms"] = int(exchange.upstream_time * 1e5) / 100
            if exchange.upstream_ids:
                _add_ids(fields, exchange)
        if exchange.reason and not self._add_refusal(fields, exchange):
            return
        if exchange.fallback or exchange.reported:
            _add_not_refused(fields, exchange)
        # Past structlog, which would do nothing to it: its three calls are 3 of the 150 us that a request costs.
        try:
            line = _dumps(fields, _text, _OPTIONS)
        except TypeError:
            line = _dump(fields)
        self.sink.write(line)

    def renew_limited(self) -> None:
        """Let ``LIMITED_LINES`` more refusals by a limit have a line, log how many had none, and keep nothing of refusals that says
        whose they were: to be called each second."""
        unlogged, self._limited.left, self._limited.unlogged = self._limited.unlogged, LIMITED_LINES, 0
        if unlogged:
            self.event("refusals_unlogged", reason="rate_limited", times=unlogged)
        self._refusals.strip()

    def refusal(self, request_id: str) -> Mapping[str, Any] | None:
        """The line of the request of that id without what says whose it was, where it is one of the last that were refused."""
        return self._refusals.find(request_id)

    def _add_refusal(self, fields: dict[str, Any], exchange: Exchange) -> bool:
        """Add why the request was refused; False: it has no line, since too many by a limit have one."""
        reason = exchange.reason
        if reason == "rate_limited":
            limited = self._limited
            if limited.left <= 0:
                limited.unlogged += 1
                return False
            limited.left -= 1
        self._note(fields)
        fields["reason"] = reason
        detail = exchange.detail
        if detail:  # few texts are common, and the search takes long: short ones are cached
            fields["detail"] = _cached(detail) if len(detail) <= _SHORT else redact(detail)
        if exchange.failed_at:
            fields["failed_at"] = exchange.failed_at
        if not exchange.calls:
            add_batch(fields, exchange)
        if (reason == "path_ambiguous" or not exchange.path) and exchange.target:
            fields["path_sent"] = path_sent(exchange.target)
        return True

    def event(self, name: str, **fields: object) -> None:
        """The line of an event that is not a request. Texts are made safe; a Secret is written as its mask."""
        line: dict[str, Any] = {"ts": self._now(), "event": clean(name), **self._fixed}
        for key, value in fields.items():
            line[key] = redact(value) if isinstance(value, str) else value
        self._line(line)


def path_sent(target: str) -> str:
    """The path of a request's ``target`` as it was sent, safe to log: without authority, which may hold a password, without
    query and fragment, credentials hidden, escaped and cut."""
    path = target.partition("?")[0].partition("#")[0]
    if path[:1] == "/" and path[:2] != "//":
        return redact(path)
    scheme, found, rest = path.partition("://")
    if found and "/" not in scheme:
        path = "/" + rest.partition("/")[2]
    return redact(path.rpartition("@")[2])


def _add_not_refused(fields: dict[str, Any], exchange: Exchange) -> None:
    """The fallback that responded, and what ``mode: report`` let pass and why it would have been refused: whoever is to enforce
    it looks at that first."""
    if exchange.fallback:
        fields["fallback"] = exchange.fallback
    reported = exchange.reported
    if reported:
        fields["reported"] = [refusal.reason.slug for refusal in reported]
        fields["would_refuse"] = [
            {"policy": policy, "reason": refusal.reason.slug} for refusal in reported for policy in refusal.refused_by
        ]
    details = [redact(refusal.detail) for refusal in reported if refusal.detail]
    if details:
        fields["reported_details"] = details


def _add_ids(fields: dict[str, Any], exchange: Exchange) -> None:
    """The ids that the upstream gave its response, where it did not send back those that it got."""
    correlation, own = exchange.upstream_ids
    if correlation and correlation != exchange.correlation:
        fields["upstream_correlation_id"] = redact(correlation.decode("utf-8", "replace"))
    if own and own != exchange.id.encode():
        fields["upstream_request_id"] = redact(own.decode("utf-8", "replace"))


def _render(_logger: object, _method: str, event: MutableMapping[str, Any]) -> bytes:
    return _dump(event["event"])


def _dump(line: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(line, _text, _OPTIONS)
    except TypeError:  # a lone surrogate or endless nesting must not cost the whole line
        return orjson.dumps({key: redact(str(value)) for key, value in line.items()})


def _text(value: object) -> str:
    return redact(str(value))


class Bridge(logging.Handler):
    """Writes warnings of libraries that use the standard logging (aiohttp, asyncio) to the same log.

    Of an exception it writes the type and the frames, never the message: that may quote what a client sent.
    """

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # Only the first line: asyncio writes the failing task, arguments and all, on the next ones.
            message = record.getMessage().partition("\n")[0]
            more: dict[str, object] = {}
            if record.exc_info and record.exc_info[0] is not None:
                frames = traceback.extract_tb(record.exc_info[2])[-12:]
                more["exception"] = record.exc_info[0].__name__
                more["at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
            self._log.event("library", logger=record.name, level=record.levelname.lower(), message=message, **more)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """A log record that cannot be written must not make anything else fail."""
        self._log.sink.dropped += 1

    def install(self) -> None:
        """Replace the root logger's handlers. Called once per process."""
        root = logging.getLogger()
        root.handlers[:] = [self]
        root.setLevel(logging.WARNING)
        logging.captureWarnings(True)
