"""What differs between the policies of routes, each difference once with all its routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.policy.base.order import Effect
from gateway.policy.base.written import code
from gateway.policy.kinds import SECTIONS
from gateway.review.diff.budgets import Budgets
from gateway.review.diff.causes import cause
from gateway.review.diff.change import Change
from gateway.review.diff.draft import Draft, Path
from gateway.review.diff.limits import limit_changes
from gateway.review.diff.policies import PolicyChange, policy_changes
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.uses import ANYBODY, Use, in_code, may_send, named

_FILES = ("schemas", "files")  # compared input by input (``schemas``)


class _OneChange(NamedTuple):
    """What makes one change of the differences of several routes."""

    path: Path
    found: PolicyChange
    moved: tuple[str, str] = ("", "")


def policy_drafts(old: RoutedSide, new: RoutedSide, several: Iterable[Use], budgets: Budgets) -> Iterator[Draft]:
    """The changes of policies, and of which policy a route names."""
    groups: dict[_OneChange, list[Use]] = {}
    for use in several:
        found = [
            *policy_changes(old, use.one, new, use.other),
            *limit_changes(old, use.one, new, use.other, budgets.covered(use)),
        ]
        for each in found:
            if (each.section, *each.change.path[:1]) != _FILES:
                groups.setdefault(_one_change(old, new, use, each), []).append(use)
    for group, of in groups.items():
        yield _draft(old, new, group, of)


def _one_change(old: RoutedSide, new: RoutedSide, use: Use, found: PolicyChange) -> _OneChange:
    kind = SECTIONS[found.section]
    if _one_policy(old, new, found):
        return _OneChange((found.section, found.after, *found.change.path), found)
    if not use.moved and old.inherits(use.one.name, kind) and new.inherits(use.other.name, kind):
        return _OneChange(("defaults", kind.route_key, *found.change.path), found)
    moved = (use.one.name, use.other.name) if use.moved else ("", "")
    return _OneChange(("routes", use.other.name, kind.route_key, *found.change.path), found, moved)


def _one_policy(old: RoutedSide, new: RoutedSide, found: PolicyChange) -> bool:
    """Whether both names are of one policy, which may have been renamed."""
    if not found.before or not found.after:
        return False
    return found.before == found.after or not (
        new.has(found.section, found.before) or old.has(found.section, found.after)
    )


def _draft(old: RoutedSide, new: RoutedSide, group: _OneChange, several: list[Use]) -> Draft:
    path, found, moved = group
    change = found.change
    before, after, why = change.before, change.after, change.why
    use = several[0]
    kind = SECTIONS[found.section]
    if path[0] == found.section:
        where_old = old.where((found.section, found.before, *change.path))
        where_new = new.where(path)
    elif path[0] == "defaults":
        where_old, where_new = (side.places.setting(path[:2]) for side in (old, new))
    else:
        where_old, where_new = old.where_named(use.one.name, kind), new.where_named(use.other.name, kind)
    if path[0] != found.section:
        before, after = _with_name(before, found.before), _with_name(after, found.after)
    content = ""
    requests = [each for one in several for each in one.requests]
    if found.section == "auth" and found.before and not found.after and change.effect is Effect.LOOSENS:
        why = f"{ANYBODY} may now {may_send(requests)}; before, a token of {code(found.before)} was needed."
    elif any(moved):
        why = f"Of {in_code(requests)}: {why[:1].lower()}{why[1:]}"
    if any(moved):
        content = "\n".join(sorted(f"{each.method} {each.request.target}" for each in requests))
        why = f"{why} {cause(old, new, use.one, use.other)}"
        before, after = f"{before} (route {moved[0]})", f"{after} (route {moved[1]})"
    return Draft(
        change=Change(
            effect=change.effect,
            setting=".".join(path),
            before=before,
            after=after,
            why=why,
            danger=change.danger,
            routes=tuple(name for name in new.routes if name in {one.other.name for one in several}),
            where_old=where_old,
            where_new=where_new,
            content=content,
        ),
        requests=named(several),
        section=found.section,
        policies=(
            old.policy(found.section, found.before) if found.before else None,
            new.policy(found.section, found.after) if found.after else None,
        ),
        detail=change,
    )


def _with_name(shown: str, name: str) -> str:
    return f"{name}: {shown}" if name and shown != name else shown
