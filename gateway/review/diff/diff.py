"""What differs in effect between two configurations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.config.model import Config, Route
from gateway.config.orders import compare_parts
from gateway.policy.base.order import Danger, Effect
from gateway.policy.kinds import SECTIONS
from gateway.review.diff.change import Change, by_danger
from gateway.review.diff.where import Places


def differences(old: Config, new: Config, *, witnesses: bool = True) -> Sequence[Change]:
    """The changes from ``old`` to ``new``, what loosens first and the most dangerous first among that."""
    return sorted(_changes(old, new), key=by_danger)


def _changes(old: Config, new: Config) -> Iterator[Change]:
    before, after = Places(old), Places(new)
    for found in compare_parts(old, new):
        yield Change(
            effect=found.effect,
            setting=".".join(found.path),
            before=found.before,
            after=found.after,
            why=found.why,
            danger=found.danger,
            where_old=before.setting(found.path),
            where_new=after.setting(found.path),
        )
    for section, kind in SECTIONS.items():
        policies, others = old.policies.get(section, {}), new.policies.get(section, {})
        for name in sorted(policies.keys() & others.keys()):
            for found in kind.compare(policies[name], others[name]):
                path = (section, name, *found.path)
                yield Change(
                    effect=found.effect,
                    setting=".".join(path),
                    before=found.before,
                    after=found.after,
                    why=found.why,
                    danger=found.danger,
                    routes=tuple(route.name for route in new.routes if name in route.policies.get(section, ())),
                    where_old=before.setting(path),
                    where_new=after.setting(path),
                )
    yield from _routes(
        {route.name: route for route in old.routes}, {route.name: route for route in new.routes}, before, after
    )


def _routes(old: dict[str, Route], new: dict[str, Route], before: Places, after: Places) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if name in old and name in new:
            continue
        added = name in new
        yield Change(
            effect=Effect.LOOSENS if added else Effect.TIGHTENS,
            setting=f"routes.{name}",
            before="" if added else "there",
            after="there" if added else "",
            why="A route is new." if added else "A route is gone.",
            danger=Danger.OPEN if added else 0,
            routes=(name,),
            where_old=before.route(name),
            where_new=after.route(name),
        )
