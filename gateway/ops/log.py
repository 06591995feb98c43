"""The log: one JSON line per request and per event, events through structlog (this file is its door)."""

from __future__ import annotations

import copy
import logging
import time
import traceback
from collections.abc import Callable, MutableMapping
from functools import lru_cache
from typing import Any

import orjson
import structlog

from gateway.core import methods
from gateway.core.exchange import Exchange
from gateway.ops.plain import LONGEST, Pseudonyms, clean, redact
from gateway.ops.sink import Sink

LIMITED_LINES = 100
"""Refusals by a limit that a worker logs in a second; more are only counted. They are what a flood comes to, and a request of
33 bytes has two lines of 500: half a megabyte a second of requests filled a disk with seven."""

_OPTIONS = orjson.OPT_NON_STR_KEYS  # a field is never a reason to raise


@lru_cache(maxsize=512)
def _cached(detail: str) -> str:
    return redact(detail)


def _detail(text: str) -> str:
    """``redact`` of why a request was refused. Few texts are common, and the search takes long: short ones are cached."""
    return _cached(text) if len(text) <= 64 else redact(text)


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
    """How many refusals by a limit still have lines, and how many had none, since the last ``Log.renew_limited``."""

    __slots__ = ("left", "unlogged")

    def __init__(self) -> None:
        self.left = LIMITED_LINES
        self.unlogged = 0

    def spend(self) -> bool:
        """Whether one more has lines."""
        if self.left > 0:
            self.left -= 1
            return True
        self.unlogged += 1
        return False


class Log:
    """Access lines and events of one process.

    ``key`` keys the short hashes that stand for principals; all workers of a gateway share it. ``fixed`` fields (a
    worker's number) are on every line.
    """

    def __init__(self, sink: Sink, key: bytes, wall: Callable[[], float] = time.time, **fixed: object) -> None:
        self.sink = sink
        self._now = Stamp(wall).now
        self._name = Pseudonyms(key).of
        self._fixed = fixed
        self._limited = _LimitedLines()  # one for all listeners: see ``bind``
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

    def access(self, exchange: Exchange, elapsed: float) -> None:
        """The line of one finished request, ``elapsed`` seconds after its head, and the event ``refused`` if it was;
        ``id`` joins the two. Empty fields are left out. Of refusals by a limit only so many have lines (``renew_limited``).

        Never in them: the raw target, the query, headers, bodies, the principal itself.
        """
        method, path = exchange.method, exchange.path
        fields: dict[str, Any] = {
            "ts": self._now(),
            "event": "request",
            "id": exchange.id,
            "method": method if method in methods.KNOWN else clean(method),
            "path": path if len(path) <= LONGEST and path.isprintable() else clean(path),
            "route": exchange.route.name or None,
            "client": exchange.client,
            "status": exchange.status,
            "bytes_in": exchange.bytes_in,
            "bytes_out": exchange.bytes_out,
            "duration_ms": int(elapsed * 1e5) / 100,
            **self._fixed,
        }
        if exchange.calls:
            calls = exchange.calls
            # the comprehension is a call of its own, and most requests have one call
            fields["procedures"] = (
                [clean(calls[0].procedure)] if len(calls) == 1 else [clean(call.procedure) for call in calls[:20]]
            )
        if exchange.principal:
            fields["principal"] = self._name(exchange.principal)
        origin = exchange.origin
        if origin:
            fields["origin"] = origin if len(origin) <= LONGEST and origin.isprintable() else clean(origin)
        if exchange.endpoint:
            fields["upstream"] = exchange.endpoint
            fields["upstream_ms"] = int(exchange.upstream_time * 1e5) / 100
        reason = exchange.reason
        if reason:
            if reason == "rate_limited" and not self._limited.spend():
                return
            fields["reason"] = reason
            if exchange.detail:
                fields["detail"] = _detail(exchange.detail)
        if exchange.fallback:
            fields["fallback"] = exchange.fallback
        if exchange.reported:
            fields["reported"] = exchange.reported
        # Past structlog, which would do nothing to it: its three calls are 3 of the 150 us that a request costs.
        line = _dump(fields)
        self.sink.write(b"%b\n%b" % (line, self._refused(exchange, fields)) if reason else line)

    def renew_limited(self) -> None:
        """Let ``LIMITED_LINES`` more refusals by a limit have lines, and log how many had none: to be called each second."""
        unlogged, self._limited.left, self._limited.unlogged = self._limited.unlogged, LIMITED_LINES, 0
        if unlogged:
            self.event("refusals_unlogged", reason="rate_limited", times=unlogged)

    def _refused(self, exchange: Exchange, line: dict[str, Any]) -> bytes:
        """The event that goes with the access line of a refusal."""
        event = {
            "ts": line["ts"],
            "event": "refused",
            "id": exchange.id,
            "reason": exchange.reason,
            "route": line["route"],
            "client": exchange.client,
            **self._fixed,
        }
        if exchange.detail:
            event["detail"] = line["detail"]
        return _dump(event)

    def event(self, name: str, **fields: object) -> None:
        """The line of an event that is not a request. Texts are made safe; a Secret is written as its mask."""
        line: dict[str, Any] = {"ts": self._now(), "event": clean(name), **self._fixed}
        for key, value in fields.items():
            line[key] = redact(value) if isinstance(value, str) else value
        self._line(line)


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
