"""``listen.drain``: how a run ends after SIGTERM."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BeforeValidator, ValidationInfo

from gateway.config import listen_orders
from gateway.config.names import Positive, positive
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import Duration, Model, duration_of

ANNOUNCED = 5.0  # seconds at most of a plain duration
_PART = 4  # of a plain duration is announced one


class DrainTimes(Model):
    """How a run ends after SIGTERM. A plain duration is the whole time, of which a quarter, and 5s at most, announces."""

    announce: Duration = 5.0
    """How long /health/ready says 503 while connections are still taken and served, so that balancers learn of it."""
    finish: Positive = 20.0
    """How long requests may take to finish after that; the rest is cut."""

    ORDERS: ClassVar[Orders] = listen_orders.OF_DRAIN


def _split(value: object, info: ValidationInfo) -> object:
    if isinstance(value, dict | DrainTimes):
        return value
    whole = positive(duration_of(value, info))
    announce = min(ANNOUNCED, whole / _PART)
    return DrainTimes(announce=announce, finish=whole - announce)


DrainField = Annotated[DrainTimes, BeforeValidator(_split, json_schema_input_type=Duration | DrainTimes)]
