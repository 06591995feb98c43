"""The field types of policy settings, and the base that all settings share."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from gateway.core import units
from gateway.core.secret import MASK, Secret
from gateway.core.secret_text import without_line_end
from gateway.policy.base.order import Danger, Of, Orders, SettingChange, later_is_looser, ranked_by
from gateway.policy.base.written import NONE

WRITTEN = {"written": True}
"""The context for pydantic when values come from a file: there a bare number for a duration is refused, since it may mean
milliseconds or seconds, while code that builds settings means seconds."""


DAY_PATTERN = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_DAY = re.compile(DAY_PATTERN)


class Advice(ValueError):
    """What is wrong with a written value, in a sentence that does not repeat it, and a ``hint`` of what to write instead."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def duration_of(value: object, info: ValidationInfo) -> float:
    """The seconds that ``value`` says. Raises ValueError for what is no duration."""
    if _number(value) and value >= 0 and (value == 0 or not info.context):
        return float(value)
    if isinstance(value, str):
        return units.parse_duration(value)
    raise ValueError("is not a duration: write a number and a unit, such as 500ms, 10s, 15m, 1h or 1d")


def _size(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return units.parse_size(value if isinstance(value, str) else "")


def _rate(value: Any) -> units.Rate:
    return value if isinstance(value, units.Rate) else units.parse_rate(value if isinstance(value, str) else "")


def _share(value: Any, info: ValidationInfo) -> float:
    if _number(value) and 0 <= value <= 1 and not info.context:
        return float(value)
    return units.parse_share(value if isinstance(value, str) else "")


def _lease(value: Any) -> int | float:
    if isinstance(value, str) and value.endswith("%"):
        return units.parse_share(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a number of units, such as 20, or a share of the burst, such as 5%")
    return value


def _network(value: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    try:
        return ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError(
            "is not a network: write an address or a network without host bits, such as 10.0.0.0/8"
        ) from None


def _day(value: Any) -> date:
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise Advice("is not a day", "write year, month and day, such as 2027-01-31")


def parse_secret(value: object) -> Secret:
    """``value``, a text, as a secret. Raises ValueError for anything else."""
    if isinstance(value, Secret):
        return value
    if isinstance(value, str):
        return Secret(without_line_end(value))  # of a block of YAML; of variables and files it is gone already
    raise ValueError("must be a text: put quotes around it")


Duration = Annotated[
    float, PlainValidator(duration_of), WithJsonSchema({"type": "string", "pattern": units.DURATION_PATTERN})
]
"""Seconds, written ``500ms``, ``10s``, ``15m``, ``1h`` or ``1d``."""

ByteSize = Annotated[
    int,
    PlainValidator(_size),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": units.SIZE_PATTERN}]}),
]
"""Bytes, written ``512``, ``16KiB`` or ``10MB``."""

RateField = Annotated[
    units.Rate,
    PlainValidator(_rate),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": units.RATE_PATTERN}),
]
"""A number of events in a time, written ``5/minute``."""

Share = Annotated[float, PlainValidator(_share), WithJsonSchema({"type": "string", "pattern": units.SHARE_PATTERN})]
"""A part of one, written ``20%``."""


LeaseField = Annotated[
    int | float,
    PlainValidator(_lease),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 2}, {"type": "string", "pattern": units.SHARE_PATTERN}]}),
]
"""Units of a limit, an int written ``20``, or a share of its burst, a float written ``5%``."""

Network = Annotated[
    ipaddress.IPv4Network | ipaddress.IPv6Network,
    PlainValidator(_network),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "ip-network"}),
]
"""An address or a network, written ``10.0.0.0/8``."""

Day = Annotated[
    date,
    PlainValidator(_day),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": DAY_PATTERN}),
]
"""A day, written ``2027-01-31``."""

SecretField = Annotated[
    Secret,
    PlainValidator(parse_secret),
    PlainSerializer(lambda _: MASK, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "x-secret": True}),
]
"""A secret text; it never prints itself."""


def whole(value: object) -> object:
    """``value`` unless it is true or false, which pydantic would take for 1 and 0. Raises ValueError for those."""
    if isinstance(value, bool):
        raise ValueError("must be a whole number")
    return value


def between(least: float, most: float, sentence: str) -> Callable[[float], float]:
    """A validator of a number. ``sentence`` names the two bounds as people write them."""

    def check(value: float) -> float:
        if not least <= value <= most:
            raise ValueError(f"must be between {sentence}")
        return value

    return check


class Model(BaseModel):
    """Base of everything read from YAML: frozen, no unknown keys, and errors that do not repeat what was written."""

    model_config = ConfigDict(
        defer_build=True,  # most are only read as a part of others, and to build each by itself takes 80 ms of a command
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )


def _last_day(policy: Policy) -> float:
    """The day until which ``policy`` refuses nothing, as a number."""
    return (policy.until or date.max).toordinal()


def _reported_until(old: Policy, new: Policy) -> Iterable[SettingChange]:
    """Where both sides report; a change of ``mode`` says the rest."""
    return _longer(old, new) if old.mode == new.mode == "report" else ()


_longer = ranked_by(
    _last_day,
    Danger.CHECK,
    "It refuses nothing for longer.",
    "It refuses again sooner.",
    lambda policy: str(policy.until or NONE),
)


class Policy(Model):
    """Base of all policy settings. ``report`` lets requests pass and counts what would have been refused."""

    mode: Literal["enforce", "report"] = "enforce"
    """``report`` lets requests pass, and counts and logs those that it would have refused."""
    until: Day | None = None
    """The last day (UTC) of ``mode: report``, after which the policy is enforced; required in production."""

    ORDERS: ClassVar[Orders] = {
        "mode": later_is_looser(
            ("enforce", "report"),
            Danger.OPEN,
            "What it refused now passes, and is only counted.",
            "What it only counted is refused.",
        ),
        "until": Of(lambda policy: policy, _reported_until),
    }

    def reasons(self) -> frozenset[str]:
        """The slugs of the reasons for which these settings may refuse a request that is read as it should be."""
        return frozenset()
