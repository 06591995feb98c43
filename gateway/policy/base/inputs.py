"""What the upstream will read of a request's body, for the policies that look inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.trpc import inputs, is_batch
from gateway.policy.base.pointer import MISSING


def inputs_of(exchange: Exchange) -> Sequence[Any]:
    """One value per call; the whole JSON body where there are no calls. The body has been read before.

    Raises ValueError for what two readers may read differently.
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
