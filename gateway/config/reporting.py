"""Policies that only report, and for how long: ``mode: report`` with ``until``.

``until`` is the last day, in UTC. When it is over the policy is enforced: in a run that is under way too, whose workers
compile the same configuration once more. A date that was forgotten closes, and never leaves a door open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from gateway.config.model import Config, Route
from gateway.policy.base.settings import Policy

_DAY = timedelta(days=1)


class Reporting(NamedTuple):
    """A policy that only reports, and its last day; None where nothing ends it."""

    section: str
    name: str
    until: date | None

    def __str__(self) -> str:
        return f"{self.section}.{self.name} {f'until {self.until}' if self.until else 'without an end'}"


def end_of(policy: Policy) -> float | None:
    """When ``policy`` stops reporting, in Unix seconds; None where it is enforced, or nothing ends it."""
    if policy.mode != "report" or policy.until is None or policy.until == date.max:
        return None
    return datetime.combine(policy.until + _DAY, datetime.min.time(), UTC).timestamp()


def _policies(config: Config) -> Iterator[tuple[str, str, Policy]]:
    for section, policies in config.policies.items():
        for name, policy in policies.items():
            yield section, name, policy


def is_over(policy: Policy, now: float) -> bool:
    """Whether ``policy`` has reported for as long as it may. ``now`` is in Unix seconds, here and below."""
    end = end_of(policy)
    return end is not None and now >= end


def reporting(config: Config, now: float) -> list[Reporting]:
    """The policies that only report at ``now``."""
    return [
        Reporting(section, name, policy.until)
        for section, name, policy in _policies(config)
        if policy.mode == "report" and not is_over(policy, now)
    ]


def reporting_on(route: Route, config: Config, now: float) -> list[str]:
    """Those among them that ``route`` names, in words."""
    return [str(one) for one in reporting(config, now) if one.name in route.policies.get(one.section, ())]


def next_end(config: Config, now: float) -> float | None:
    """When the next policy that reports at ``now`` stops to; None when none does."""
    ends = (end_of(policy) for _, _, policy in _policies(config))
    return min((end for end in ends if end is not None and end > now), default=None)


def in_force(config: Config, now: float) -> Config:
    """``config`` with every policy enforced that has reported for as long as it may."""
    if not any(is_over(policy, now) for _, _, policy in _policies(config)):
        return config
    policies: dict[str, Any] = {
        section: {
            name: policy.model_copy(update={"mode": "enforce"}) if is_over(policy, now) else policy
            for name, policy in named.items()
        }
        for section, named in config.policies.items()
    }
    return replace(config, policies=policies)
