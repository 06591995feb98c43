"""A line of the gateway's log as what it records: a request, an event, or nothing that can be read.

Nothing in a log is trusted: it may be cut, forged, or another program's. Whatever is not as the gateway writes it makes the line
unreadable, with a sentence that quotes nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from gateway.policy.base.proxies import parse_address

MOST_BYTES = 256 * 1024
"""Of one line: ten times the longest that the gateway writes."""

LONGEST_QUERY = 256 * 1024
"""Bytes of a query: more than any listener takes in all fields."""

_MOST_LISTED = 200  # texts of a list
_LONGEST_TIME = 30 * 86400.0  # seconds of one request
_REMEMBERED = 65536
_CUT = "…"


class Where(NamedTuple):
    """A line of a log: the number of its file among those that are read, and its own in it, both from 1 on; 0 for none."""

    file: int
    line: int


NOWHERE = Where(0, 0)


class Unreadable(ValueError):
    """The line is none of a request or an event of the gateway; the message is a sentence."""


class Event(NamedTuple):
    """A line that is no request: its name, when it was written (Unix seconds), and a number that it may have."""

    name: str
    at: float
    times: int = 0


class RecordedRequest:
    """A request as its line records it. Times are Unix seconds; ``end`` is when the line was written. ``target`` is the path as
    the client sent it, as far as the line has that, with ``batch`` in its query where several calls were in it. What the line does
    not say is empty; ``length`` is None where the number of bytes of the content is unknown, and ``content`` says whether there was any.
    """

    __slots__ = (
        "asked",
        "asked_headers",
        "batch",
        "called",
        "client",
        "coding",
        "config",
        "content",
        "cut",
        "detail",
        "egress",
        "end",
        "fallback",
        "fetch",
        "id",
        "length",
        "media_type",
        "method",
        "origin",
        "path",
        "peer",
        "principal",
        "query_bytes",
        "query_parameters",
        "reached",
        "reason",
        "referer",
        "reported",
        "route",
        "start",
        "status",
        "target",
        "token",
        "upstream_time",
        "where",
        "worker",
    )

    def __init__(self, line: Mapping[str, Any], end: float) -> None:
        """Raises Unreadable."""
        self.where = NOWHERE
        self.called = ""
        self.id = _text(line, "id")
        self.end = end
        self.start = end - _number(line, "duration_ms", _LONGEST_TIME * 1000) / 1000
        self.method = _text(line, "method")
        self.path = _text(line, "path")
        self.route = line.get("route") and _text(line, "route")
        self.config = _text(line, "config")
        self.client = _address(line, "client")
        self.peer = _address(line, "peer") if "peer" in line else self.client
        self.status = _count(line, "status", 999)
        self.reason = _text(line, "reason")
        self.detail = _text(line, "detail")
        self.principal = _text(line, "principal")
        self.token = line.get("token") is True
        self.origin = _text(line, "origin") or _text(line, "origin_sent")
        self.fetch = _texts(line, "fetch")
        self.referer = _text(line, "referer_origin") or ("?" if "referer_origin" in line else "")
        self.asked = _text(line, "preflight")
        self.asked_headers = _texts(line, "preflight_headers")
        self.query_bytes = _count(line, "query_bytes", LONGEST_QUERY)
        self.query_parameters = _count(line, "query_parameters", LONGEST_QUERY)
        self.fallback = _text(line, "fallback")
        self.reported = _texts(line, "reported")
        self.egress = _text(line, "listener") == "egress"
        worker = line.get("worker", 0)
        self.worker = worker if type(worker) is int and 0 <= worker < 4096 else 0
        self.upstream_time = _number(line, "upstream_ms", _LONGEST_TIME * 1000) / 1000
        self.reached = bool(_text(line, "upstream") or _text(line, "failed_at"))
        self._read_content(line)
        self._read_target(line)

    def _read_content(self, line: Mapping[str, Any]) -> None:
        sent = _count(line, "bytes_in", 1 << 50)
        self.content = "content_type" in line
        self.media_type = _text(line, "content_type")
        self.coding = _text(line, "content_coding")
        self.length: int | None = None
        if self.content:
            if "content_length" in line:
                self.length = _count(line, "content_length", 1 << 63)
            elif not self.coding and (not self.reason or self.reached or sent):
                self.length = sent

    def _read_target(self, line: Mapping[str, Any]) -> None:
        names = _texts(line, "called") or _texts(line, "procedures")
        sent = _text(line, "path_sent")
        path = sent or self.path
        self.batch = len(names) > 1 or line.get("batch") is True
        if names and not sent:  # the path has what the aliases stand for, and may be cut
            path = path[: path.rfind("/") + 1] + ",".join(names)
        self.cut = _CUT in path or "<secret>" in path or "calls" in line
        self.target = f"{path}?batch=1" if self.batch else path


def read(line: bytes) -> RecordedRequest | Event:
    """What ``line`` records. Raises Unreadable."""
    try:
        found = orjson.loads(line)
    except ValueError:  # too deep, too
        raise Unreadable("is no JSON") from None
    if type(found) is not dict:
        raise Unreadable("is no JSON object")
    name = found.get("event")
    if type(name) is not str:
        raise Unreadable("has no event: it is another program's")
    at = moment_of(found.get("ts"))
    if name != "request":
        times = found.get("times", found.get("lines", 0))
        return Event(name, at, times if type(times) is int and 0 <= times < 1 << 53 else 0)
    return RecordedRequest(found, at)


_seconds: dict[str, int] = {}


def moment_of(stamp: object) -> float:
    """Unix seconds of an RFC 3339 time. Raises Unreadable."""
    if type(stamp) is not str or not 20 <= len(stamp) <= 40:
        raise Unreadable("has no time (ts)")
    if len(stamp) == 24 and stamp[19] == "." and stamp[23] == "Z":
        second = _seconds.get(stamp[:19])
        if second is not None and stamp[20:23].isdecimal():
            return second + int(stamp[20:23]) / 1000
    try:
        read_time = datetime.fromisoformat(stamp)
        if read_time.tzinfo is None:
            raise Unreadable("has a time without a zone")
        moment = read_time.timestamp()
    except (ValueError, OverflowError) as error:
        if isinstance(error, Unreadable):
            raise
        raise Unreadable("has no time (ts)") from None
    if not 0 < moment < 1 << 40:
        raise Unreadable("has a time that cannot be")
    if stamp[23:] == "Z":
        if len(_seconds) > 64:
            _seconds.clear()
        _seconds[stamp[:19]] = int(moment)
    return moment


def _text(line: Mapping[str, Any], name: str) -> str:
    value = line.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise Unreadable(f"has no text in {name}")
    if not value.isprintable():
        raise Unreadable(f"has control characters in {name}")
    return value


def _texts(line: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = line.get(name)
    if value is None:
        return ()
    if type(value) is not list or len(value) > _MOST_LISTED or not all(type(one) is str for one in value):
        raise Unreadable(f"has no list of texts in {name}")
    if not "".join(value).isprintable():
        raise Unreadable(f"has control characters in {name}")
    return tuple(value)


def _count(line: Mapping[str, Any], name: str, most: int) -> int:
    value = line.get(name, 0)
    if type(value) is not int or not 0 <= value <= most:
        raise Unreadable(f"has no number that can be in {name}")
    return value


def _number(line: Mapping[str, Any], name: str, most: float) -> float:
    value = line.get(name, 0.0)
    if (type(value) is not float and type(value) is not int) or not 0 <= value <= most:
        raise Unreadable(f"has no number that can be in {name}")
    return float(value)


_addresses: dict[str, bool] = {}


def _address(line: Mapping[str, Any], name: str) -> str:
    text = _text(line, name)
    known = _addresses.get(text)
    if known is None:
        known = text == "unknown" or parse_address(text.partition("%")[0]) is not None
        if len(_addresses) >= _REMEMBERED:
            _addresses.clear()
        if len(text) <= 64:
            _addresses[text] = known
    if not known:
        raise Unreadable(f"has no address in {name}")
    return text
