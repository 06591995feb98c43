"""How the policies of two routes compare, by what they mean and not by their names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.config.model import Route
from gateway.policy.base.order import Danger, Effect, SettingChange, changed
from gateway.policy.base.settings import Policy
from gateway.policy.base.written import NONE
from gateway.policy.kinds import ROUTE_KINDS, Kind
from gateway.review.diff.side import RoutedSide

LIMITS = "rate_limits"
_TRIAL = (("mode",), ("until",))


class PolicyChange(NamedTuple):
    """One difference between the policies of a section that two routes name: ``before`` and ``after`` are their names, empty for
    none."""

    section: str
    before: str
    after: str
    change: SettingChange


def compare_policies(
    kind: Kind, old: Policy, new: Policy, reports: tuple[bool, bool] = (False, False)
) -> list[SettingChange]:
    """What differs between two policies of one kind, by what they do. ``reports`` is of the routes that name them.

    A policy that only reports refuses nothing, so its other settings change nothing before it is enforced, and neither do those of
    one that stops being enforced: that it does says it all.
    """
    found = list(kind.compare(old, new))
    if any(reports) or "report" in (old.mode, new.mode):
        return [change if _acts(kind, change) else _nothing(change) for change in found]
    return found


def _acts(kind: Kind, change: SettingChange) -> bool:
    return change.path[:1] in _TRIAL or kind.writes_headers


def _nothing(change: SettingChange) -> SettingChange:
    """``change`` where it lets nothing more pass, and nothing less."""
    return change._replace(effect=Effect.CHANGES, danger=min(change.danger, Danger.NOTE))


def policy_changes(old: RoutedSide, one: Route, new: RoutedSide, other: Route) -> Iterator[PolicyChange]:
    """What differs between the policies of the route ``one`` of the old side and ``other`` of the new one, apart from limits."""
    for kind in ROUTE_KINDS:
        if kind.section == LIMITS:
            continue
        before, after = (_name(route, kind) for route in (one, other))
        if before and after:
            policies = old.policy(kind.section, before), new.policy(kind.section, after)
            reports = one.mode == "report", other.mode == "report"
            for change in compare_policies(kind, *policies, reports):
                yield PolicyChange(kind.section, before, after, change)
        elif before or after:
            side, name, route = (old, before, one) if before else (new, after, other)
            refuses = side.policy(kind.section, name).mode == "enforce" and route.mode == "enforce"
            for change in _appears(kind, before, after, refuses):
                yield PolicyChange(kind.section, before, after, change)
    yield from _waivers(one, other)


def _name(route: Route, kind: Kind) -> str:
    return next(iter(route.policies.get(kind.section, ())), "")


def _appears(kind: Kind, before: str, after: str, refuses: bool) -> Iterator[SettingChange]:
    """A policy of ``kind`` is there on one side only: ``before`` or ``after`` is empty."""
    gone = kind.opt_out or NONE
    texts = before or gone, after or gone
    name = kind.name.replace("_", " ")
    if kind.section == "auth":
        opens, closes = "Anybody comes in, without a token.", "Who comes in has to show a token."
        danger = Danger.OPEN
    elif kind.section == "cors":
        opens, closes = "Pages of any origin may send requests.", "Pages of other origins are refused."
        danger = Danger.CHECK
    else:
        opens, closes = f"Nothing of its {name} policy is checked any more.", f"A {name} policy is checked."
        danger = Danger.CHECK
    if not kind.keeps_out:
        opens, closes = f"What its {name} policy adds to responses is gone.", f"A {name} policy adds to responses."
        danger = Danger.LEAK
    elif not refuses:
        yield changed(Effect.CHANGES, *texts, Danger.NOTE, f"The {name} policy only reports.")
    if refuses or not kind.keeps_out:
        yield changed(Effect.TIGHTENS if after else Effect.LOOSENS, *texts, danger, closes if after else opens)
    if kind.section == "cors" and after:
        # Without a policy no page may read a response, and no preflight is admitted.
        yield changed(
            Effect.LOOSENS, *texts, Danger.LEAK, "Pages of its origins may send preflights and read responses."
        )
    elif kind.section == "cors":
        yield changed(Effect.TIGHTENS, *texts, Danger.NONE, "No page may read responses.")


def _waivers(one: Route, other: Route) -> Iterable[PolicyChange]:
    """Other reasons to go without a policy: nothing passes by them, but a reviewer reads them."""
    for section in one.waivers.keys() & other.waivers.keys():
        reasons = one.waivers[section], other.waivers[section]
        if reasons[0] != reasons[1]:
            yield PolicyChange(
                section, "", "", changed(Effect.CHANGES, *reasons, Danger.NOTE, "It goes without for another reason.")
            )
