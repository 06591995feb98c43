"""What the upstream said to each call of a request, read from its answer as @trpc/client 11 reads it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.trpc import is_batch

MIXED = 207  # a batch whose calls do not agree on one status


def statuses_of(exchange: Exchange) -> Sequence[int]:
    """The status of each call, of the request where there are no calls; 0 for one that cannot be read.

    Empty when the answer as a whole cannot be read. A batch with an error's status had that status for every call; any
    other batch is read call by call, a streamed one too, whose status is 200 whatever the calls did.
    """
    status = exchange.status
    count = max(1, len(exchange.calls))
    if not exchange.calls or not is_batch(exchange.query) or (status != MIXED and not 200 <= status < 300):
        return (status,) * count
    text = exchange.answer or b""
    try:
        answers = json.loads(text) if text.lstrip()[:1] == b"[" else _streamed(text, count)
    except (ValueError, RecursionError):
        return ()
    return [_status(answer) for answer in answers] if isinstance(answers, list) and len(answers) == count else ()


def _status(answer: Any) -> int:
    """Of one call's answer, with superjson or without."""
    if not isinstance(answer, dict):
        return 0
    if "error" not in answer:
        return 200 if "result" in answer else 0
    data = _plain(_plain(answer["error"]), "data")
    status = data.get("httpStatus") if isinstance(data, dict) else None
    return status if type(status) is int else 0


def _plain(value: Any, key: str = "json") -> Any:
    return value.get(key, value) if isinstance(value, dict) else value


def _streamed(text: bytes, count: int) -> list[Any]:
    """The answers in a streamed batch: JSON lines, the first of which says which chunk answers which call.

    Raises ValueError for what is not whole, and when a chunk says that its promise was broken.
    """
    head, *lines = [_plain(json.loads(line)) for line in text.split(b"\n") if line.strip()] or [None]
    chunks: dict[int, Any] = {}
    for line in lines:
        match line:
            case [int(number), 0, [[value], *_]] if number not in chunks:
                chunks[number] = value
            case _:
                raise ValueError("a chunk that is none")
    answers = []
    for place in range(count):
        match head.get(str(place)) if isinstance(head, dict) else None:
            case [_, [None, 0, int(number)]]:
                answers.append(chunks.get(number))
            case _:
                raise ValueError("a call without an answer")
    return answers
