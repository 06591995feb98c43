"""Policies and routes that only report, and for how long: ``mode: report`` with ``until``.

``until`` is the last day, in UTC. When it is over the policy or the route is enforced: in a run that is under way too, whose workers
compile the same configuration once more. A date that was forgotten closes, and never leaves a door open.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol

from gateway.config.model import Config, Route

_DAY = timedelta(days=1)

ROUTES = "routes"
"""The section of a route that only reports, in place of that of a policy."""


class Trial(Protocol):
    """A policy or a route: what may report for a while."""

    @property
    def mode(self) -> Literal["enforce", "report"]: ...
    @property
    def until(self) -> date | None: ...


class Reporting(NamedTuple):
    """A policy or a route that only reports, and its last day; None where nothing ends it."""

    section: str
    name: str
    until: date | None

    def __str__(self) -> str:
        return f"{self.section}.{self.name} {f'until {self.until}' if self.until else 'without an end'}"


def end_of(trial: Trial) -> float | None:
    """When ``trial`` stops reporting, in Unix seconds; None where it is enforced, or nothing ends it."""
    if trial.mode != "report" or trial.until is None or trial.until == date.max:
        return None
    return datetime.combine(trial.until + _DAY, datetime.min.time(), UTC).timestamp()


def trials_of(config: Config) -> Iterator[tuple[str, str, Trial]]:
    """What may report: section, name and value of each policy, and of each route."""
    for section, policies in config.policies.items():
        for name, policy in policies.items():
            yield section, name, policy
    for route in config.routes:
        yield ROUTES, route.name, route


def is_over(trial: Trial, now: float) -> bool:
    """Whether ``trial`` has reported for as long as it may. ``now`` is in Unix seconds, here and below."""
    end = end_of(trial)
    return end is not None and now >= end


def reporting(config: Config, now: float) -> list[Reporting]:
    """The policies and the routes that only report at ``now``."""
    return [
        Reporting(section, name, trial.until)
        for section, name, trial in trials_of(config)
        if trial.mode == "report" and not is_over(trial, now)
    ]


def reporting_on(route: Route, config: Config, now: float) -> list[str]:
    """Those among them that are about ``route``, in words: the route itself, and the policies that it names."""
    return [
        str(one)
        for one in reporting(config, now)
        if one.name in ((route.name,) if one.section == ROUTES else route.policies.get(one.section, ()))
    ]


def next_end(config: Config, now: float) -> float | None:
    """When the next policy or route that reports at ``now`` stops to; None when none does."""
    ends = (end_of(trial) for _, _, trial in trials_of(config))
    return min((end for end in ends if end is not None and end > now), default=None)


def in_force(config: Config, now: float) -> Config:
    """``config`` with every policy and every route enforced that has reported for as long as it may."""
    if not any(is_over(trial, now) for _, _, trial in trials_of(config)):
        return config
    policies: dict[str, Any] = {
        section: {
            name: policy.model_copy(update={"mode": "enforce"}) if is_over(policy, now) else policy
            for name, policy in named.items()
        }
        for section, named in config.policies.items()
    }
    routes = (replace(route, mode="enforce") if is_over(route, now) else route for route in config.routes)
    return replace(config, policies=policies, routes=tuple(routes))
