"""The JSON values that the upstream reads from a request, for the policies that look inside."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.exchange import Exchange
from gateway.core.trpc import inputs, is_batch
from gateway.policy.base.pointer import MISSING


def inputs_of(exchange: Exchange) -> Sequence[object]:
    """The input of each call; the whole JSON body where there are no calls. MISSING stands for an absent one.

    ``exchange.body`` must have been read before. Raises ValueError for a body that two parsers may read differently.
    """
    body = exchange.body
    if not exchange.calls:
        return inputs(body, "", False, 1, "none") if body else (MISSING,)
    count = len(exchange.calls)
    if exchange.method in ("GET", "HEAD"):
        body = None
    elif not body:
        return (MISSING,) * count
    return inputs(body, exchange.query, is_batch(exchange.query), count, exchange.route.error_format)
