"""The fields that stages add to an answer."""

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair


def told(exchange: Exchange) -> list[Pair]:
    """Name and value of each, in the order in which the stages spoke."""
    return [pair for lines in exchange.response_headers for pair in lines.pairs]
