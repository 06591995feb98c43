"""The status of each call of a request, read from the upstream's response as @trpc/client 11 reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.trpc import is_batch

_MOST_LINES = 64
_LINES_OF_CALL = 16  # one for each promise in its result
MIXED = 207  # a batch whose calls do not agree on one status


def statuses_of(exchange: Exchange, response: WholeResponse) -> Sequence[int]:
    """The status of each call, of the request where there are no calls; 0 for one that cannot be read.

    Empty when the response as a whole cannot be read. A batch with an error's status has that status for every call; any
    other batch is read call by call, also a streamed one, whose own status is always 200.
    """
    status = response.status
    count = max(1, len(exchange.calls))
    if not exchange.calls or not is_batch(exchange.query) or (status != MIXED and not 200 <= status < 300):
        return (status,) * count
    text = response.body or b""
    try:
        results = json.loads(text) if text.lstrip()[:1] == b"[" else _streamed(text, count)
    except (ValueError, RecursionError):
        return ()
    return [_status(result) for result in results] if isinstance(results, list) and len(results) == count else ()


def _status(result: object) -> int:
    """The status in one call's result, with superjson or without."""
    if not isinstance(result, dict):
        return 0
    if "error" not in result:
        return 200 if "result" in result else 0
    data = _member(_member(result["error"]), "data")
    status = data.get("httpStatus") if isinstance(data, dict) else None
    return status if type(status) is int else 0


def _member(value: Any, key: str = "json") -> Any:
    return value.get(key, value) if isinstance(value, dict) else value


def _streamed(text: bytes, count: int) -> list[Any]:
    """The results in a streamed batch: JSON lines, of which the first maps chunks to calls.

    Raises ValueError for an incomplete batch, for a chunk of a rejected promise, and for more lines than a batch of so many
    calls has: 64 KiB could hold 32,000.
    """
    if text.count(b"\n") > _MOST_LINES + _LINES_OF_CALL * count:
        raise ValueError("too many lines")
    head, *lines = [_member(json.loads(line)) for line in text.split(b"\n") if line.strip()] or [None]
    chunks: dict[int, Any] = {}
    for line in lines:
        match line:
            case [int(number), 0, [[value], *_]] if number not in chunks:
                chunks[number] = value
            case _:
                raise ValueError("not a chunk with a result")
    results = []
    for call in range(count):
        match head.get(str(call)) if isinstance(head, dict) else None:
            case [_, [None, 0, int(number)]]:
                results.append(chunks.get(number))
            case _:
                raise ValueError("a call without a result")
    return results
