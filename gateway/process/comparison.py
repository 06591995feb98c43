"""What a reload would change in effect, found out by a process of its own.

Comparing takes long where much has changed, and its code takes megabytes that no other part of the supervisor needs. A process
can be ended, gives its memory back, and takes nothing along when it dies.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import orjson

from gateway.config.acknowledgements import Acknowledgement
from gateway.config.model import Config
from gateway.process.apart import LARGEST, run_apart
from gateway.process.channel import dumped

SECONDS = 20.0
"""For a comparison. The shipped files take less than one."""
Record = dict[str, Any]
"""One change (``review.diff.record``)."""


@dataclass(frozen=True, slots=True)
class ConfigComparison:
    """What differs in effect, the most dangerous first. ``failed`` says why nobody knows, empty where it is known.
    ``acknowledgements`` are those of the files that were compared with what is served, where somebody asks for them."""

    changes: tuple[Record, ...] = ()
    failed: str = ""
    acknowledgements: tuple[Acknowledgement, ...] = ()

    @property
    def loosenings(self) -> tuple[Record, ...]:
        return tuple(change for change in self.changes if change["effect"] == "loosens")


NOTHING = ConfigComparison()


def unknown(old: Config, new: Config, why: str) -> Record:
    """The loosening that stands for all that nobody could find out: what cannot be compared may open every door. Its id is of
    these two configurations and no others."""
    digest = blake2b(f"{old.digest}\n{new.digest}".encode(), digest_size=16, person=b"uncompared").hexdigest()
    return {
        "id": digest,
        "effect": "loosens",
        "routes": [],
        "setting": "",
        "before": old.digest[:12],
        "after": new.digest[:12],
        "where": {"old": "", "new": ""},
        "why": f"The two could not be compared ({why}), so this may open any door.",
        "danger": 1_000_000,
        "unwitnessed": "the comparison failed",
        "witnesses": {},
    }


async def compare(old: Config, new: Config, *, witnesses: bool = False, seconds: float = SECONDS) -> ConfigComparison:
    """What differs from ``old`` to ``new``, within ``seconds``. Never raises for what the configurations hold."""
    if old.digest == new.digest:
        return NOTHING
    try:
        async with asyncio.timeout(seconds):
            order = dumped((old, new, witnesses))
            code, octets = await run_apart("gateway.process.comparison_main", order, seconds, LARGEST)
        if code:
            return ConfigComparison(failed=f"exit code {code}")
        return ConfigComparison(tuple(orjson.loads(octets)))
    except TimeoutError:
        return ConfigComparison(failed=f"not done within {seconds:g} s")
    except (OSError, MemoryError, ValueError) as error:
        return ConfigComparison(failed=type(error).__name__)
