"""The units people write in YAML: durations, byte sizes, rates and shares.

Every parser raises ValueError with a sentence on what is accepted, which can be shown as it is.
"""

import re
from dataclasses import dataclass

# The patterns are public because the JSON Schemas that editors use are made from them.
DURATION_PATTERN = r"^[0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d)$"
SIZE_PATTERN = r"^[0-9]{1,15}(B|KB|KiB|MB|MiB|GB|GiB)?$"
SHARE_PATTERN = r"^[0-9]{1,3}(\.[0-9]{1,2})?%$"
RATE_PATTERN = r"^[0-9]{1,9}/(second|minute|hour|day|[0-9]{1,9}(ms|s|m|h|d))$"

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {"": 1, "B": 1, "KB": 1000, "KiB": 1024, "MB": 1000**2, "MiB": 1024**2, "GB": 1000**3, "GiB": 1024**3}
_PERIODS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86400.0}

_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,15})(|B|KB|KiB|MB|MiB|GB|GiB)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,2})?)%")
_RATE = re.compile(r"([0-9]{1,9})/([0-9a-z]+)")


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` events in ``period`` seconds."""

    limit: int
    period: float

    def __str__(self) -> str:
        for name, seconds in _PERIODS.items():
            if seconds == self.period:
                return f"{self.limit}/{name}"
        whole = self.period == int(self.period)
        return f"{self.limit}/{int(self.period)}s" if whole else f"{self.limit}/{round(self.period * 1000)}ms"


def parse_duration(text: str) -> float:
    """Seconds of ``500ms``, ``10s``, ``15m``, ``1h`` or ``1d``. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise ValueError("is not a duration: write a number and a unit, such as 500ms, 10s, 15m, 1h or 1d")
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(text: str) -> int:
    """Bytes of ``512``, ``16KiB`` (1024) or ``10MB`` (1000 squared). Raises ValueError."""
    match = _SIZE.fullmatch(text)
    if not match:
        raise ValueError("is not a size: write a whole number of bytes or one with a unit, such as 512, 16KiB or 10MB")
    return int(match[1]) * _BYTES[match[2]]


def parse_rate(text: str) -> Rate:
    """The rate of ``5/minute`` or ``100/15m``; at least one event, a period above zero. Raises ValueError."""
    match = _RATE.fullmatch(text)
    if match and int(match[1]) > 0:
        period = _PERIODS.get(match[2], 0.0)
        if not period and _DURATION.fullmatch(match[2]):
            period = parse_duration(match[2])
        if period > 0:
            return Rate(int(match[1]), period)
    raise ValueError("is not a rate: write how many in which time, such as 5/minute, 300/hour or 100/15m")


def parse_share(text: str) -> float:
    """The share that ``20%`` or ``0.5%`` spells, from 0.0 to 1.0. Raises ValueError."""
    match = _SHARE.fullmatch(text)
    share = float(match[1]) / 100 if match else 2.0
    if share > 1.0:
        raise ValueError("is not a share: write per cent from 0% to 100%, such as 20%")
    return share
