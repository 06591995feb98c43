"""The tutor's wire format: superjson envelopes, tRPC error shapes, batch statuses and JSON lines (tRPC 11)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.core.reason import TRPC_CODES


class ProcedureError(Exception):
    """A procedure's error. ``status`` is its HTTP status; its JSON-RPC code follows from that."""

    def __init__(self, status: int, message: str, zod: dict[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.zod = zod

    def shape(self, path: str | None) -> dict[str, Any]:
        """The error in its envelope, before superjson."""
        code, name = TRPC_CODES[self.status]
        zod = {"formErrors": [], "fieldErrors": self.zod} if self.zod else None
        data = {"code": name, "httpStatus": self.status, "path": path, "zodError": zod}
        return {"message": str(self), "code": code, "data": data}


@dataclass(frozen=True, slots=True)
class CallOutcome:
    """The outcome of one call of a request: a value, or a failure."""

    path: str
    value: Any = None
    failure: ProcedureError | None = None

    @property
    def status(self) -> int:
        return self.failure.status if self.failure else 200


def superjson(value: Any) -> dict[str, Any]:
    """A value as superjson sends it: plain JSON, and beside it which of its leaves are dates."""
    dates: dict[str, list[str]] = {}
    envelope: dict[str, Any] = {"json": _plain(value, (), dates)}
    if dates:
        envelope["meta"] = {"values": dates, "v": 1}
    return envelope


def _plain(value: Any, at: tuple[str, ...], dates: dict[str, list[str]]) -> Any:
    if isinstance(value, datetime):
        dates[".".join(at)] = ["Date"]
        return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, dict):
        return {key: _plain(item, (*at, key.replace(".", "\\.")), dates) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, (*at, str(index)), dates) for index, item in enumerate(value)]
    return value


def envelope(outcome: CallOutcome) -> dict[str, Any]:
    """The envelope of one call, alone or as an element of a batch."""
    if outcome.failure:
        return {"error": superjson(outcome.failure.shape(outcome.path))}
    return {"result": {"data": superjson(outcome.value)}}


def batch_status(outcomes: Sequence[CallOutcome]) -> int:
    """One status when all calls agree, 207 when they do not."""
    statuses = {outcome.status for outcome in outcomes}
    return statuses.pop() if len(statuses) == 1 else 207


def encode(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def line(chunk: Any) -> bytes:
    """One JSON line of a streamed batch."""
    return encode(superjson(chunk)) + b"\n"


def stream_head(calls: int) -> bytes:
    """The first line of a streamed batch: every call is a promise, which chunk ``n`` settles for call ``n``."""
    return line({str(n): [[0], [None, 0, n]] for n in range(calls)})


def stream_chunks(number: int, outcome: CallOutcome, free: Iterator[int]) -> Iterator[bytes]:
    """The lines that settle call ``number``; ``free`` gives unused chunk numbers.

    A result nests two further promises (the result and its data), as the real producer does it.
    """
    if outcome.failure:
        yield line([number, 0, [[{"error": outcome.failure.shape(outcome.path)}]]])
        return
    result, data = next(free), next(free)
    yield line([number, 0, [[{"result": 0}], ["result", 0, result]]])
    yield line([result, 0, [[{"data": 0}], ["data", 0, data]]])
    yield line([data, 0, [[outcome.value]]])
