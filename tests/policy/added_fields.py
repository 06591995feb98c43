"""The fields that stages have added to a response."""

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair


def added_fields(exchange: Exchange) -> list[Pair]:
    """Name and value of each, in the order in which the stages added them."""
    return [pair for lines in exchange.response_headers for pair in lines.pairs]
