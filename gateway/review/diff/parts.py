"""What differs apart from the policies of routes: listeners, state and upstreams, with the routes that lead there."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from gateway.config.model import UpstreamSettings
from gateway.config.orders import compare_parts, compare_upstreams
from gateway.policy.base.order import Danger, Effect, SettingChange
from gateway.policy.base.written import NONE, text
from gateway.review.diff.change import Change
from gateway.review.diff.draft import Draft
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.uses import Use, in_order, in_words

_BY_CLASSES = (("trpc",), ("trpc", "aliases"), ("trpc", "prefix"))
"""Settings of upstreams that are compared by the requests that they let through."""

_OF_UPSTREAMS = ("breakers", "fallbacks")
"""Sections of policies that upstreams name, and not routes."""


def renamed(old: RoutedSide, new: RoutedSide, several: Iterable[Use]) -> Mapping[str, str]:
    """The old names of upstreams that have another name on the new side, each with that."""
    found: dict[str, set[str]] = {}
    for use in several:
        one, other = str(use.one.upstream), str(use.other.upstream)
        if one not in new.config.upstreams and other not in old.config.upstreams:
            found.setdefault(one, set()).add(other)
    names = {one: next(iter(others)) for one, others in found.items() if len(others) == 1}
    return {one: other for one, other in names.items() if list(names.values()).count(other) == 1}


def part_drafts(
    old: RoutedSide, new: RoutedSide, names: Mapping[str, str], found: Sequence[Transition]
) -> Iterator[Draft]:
    """What ``config.orders`` finds, with ``names`` for the old names of upstreams. ``found`` are all classes of requests."""
    spelled: dict[str, list[Transition]] = {}
    for each in found:
        if each.request.spelling and each.before.refused and not each.after.refused:
            spelled.setdefault(each.after.route, []).append(each)
    renamed_old = replace(
        old.config, upstreams={names.get(name, name): each for name, each in old.config.upstreams.items()}
    )
    first = {name: before for before, name in names.items()}
    for change in compare_parts(renamed_old, new.config):
        path = change.path
        upstream = path[1] if path[0] == "upstreams" and len(path) > 1 else ""
        if upstream and path[2:4] in _BY_CLASSES:
            continue
        if path[0] in _OF_UPSTREAMS:
            yield _of_policy(old, new, change, names)
            continue
        where_old = old.where((path[0], first.get(upstream, upstream), *path[2:]) if upstream else path)
        yield Draft(
            change=_change(new, change, where_old, _routes_to(new, {upstream}) if upstream else ()),
            requests=spelled if path[2:3] == ("paths",) else {},
            section=path[0],
            detail=change,
        )


def _of_policy(old: RoutedSide, new: RoutedSide, found: SettingChange, names: Mapping[str, str]) -> Draft:
    """A breaker or a fallback that differs, with the routes to the upstreams that name it."""
    section, name, *path = found.path
    users = {upstream for upstream, each in new.config.upstreams.items() if name in _named(section, each)}
    before = next(
        (
            each
            for upstream, settings in old.config.upstreams.items()
            if names.get(upstream, upstream) in users
            for each in _named(section, settings)
        ),
        name,
    )
    change = _change(new, found, old.where((section, before, *path)), _routes_to(new, users))
    policies = old.config.policies[section].get(before), new.config.policies[section].get(name)
    return Draft(change=change, section=section, policies=policies, detail=found._replace(path=tuple(path)))


def _named(section: str, upstream: UpstreamSettings) -> tuple[str, ...]:
    return upstream.fallback if section == "fallbacks" else (upstream.breaker,) if upstream.breaker else ()


def _change(new: RoutedSide, found: SettingChange, where_old: str, routes: Iterable[str]) -> Change:
    return Change(
        effect=found.effect,
        setting=".".join(found.path),
        before=found.before,
        after=found.after,
        why=found.why,
        danger=found.danger,
        routes=tuple(in_order(new, routes)),
        where_old=where_old,
        where_new=new.where(found.path),
    )


def _routes_to(side: RoutedSide, upstreams: Container[str]) -> Iterator[str]:
    return (route.name for route in side.config.routes if route.upstream in upstreams and route.deny is None)


def route_drafts(old: RoutedSide, new: RoutedSide, several: Sequence[Use], names: Mapping[str, str]) -> Iterator[Draft]:
    """What differs in the routes themselves: the upstream that they lead to, the path that it sees, and whether they only
    report."""
    for use in several:
        one, other = use.one, use.other
        if names.get(str(one.upstream), one.upstream) != other.upstream:
            effect, why = _another_upstream(old, new, use)
            yield _of_route(
                old, new, use, "upstream", (str(one.upstream), str(other.upstream)), effect, why, Danger.CHECK
            )
        if one.rewrite != other.rewrite:
            why = "The upstream sees other paths, of which nothing is known here."
            yield _of_route(
                old, new, use, "rewrite", (text(one.rewrite), text(other.rewrite)), Effect.LOOSENS, why, Danger.CHECK
            )
        if one.mode != other.mode:
            looser = other.mode == "report"
            effect = Effect.LOOSENS if looser else Effect.TIGHTENS
            why = (
                "What its policies refused now passes, and is only counted."
                if looser
                else "What its policies only counted is refused."
            )
            yield _of_route(old, new, use, "mode", (one.mode, other.mode), effect, why, Danger.OPEN)
        elif one.mode == "report" and one.until != other.until:
            looser = other.until is None or (one.until is not None and other.until > one.until)
            effect = Effect.LOOSENS if looser else Effect.TIGHTENS
            why = "It refuses nothing for longer." if looser else "It refuses again sooner."
            yield _of_route(
                old, new, use, "until", (str(one.until or NONE), str(other.until or NONE)), effect, why, Danger.CHECK
            )


def _another_upstream(old: RoutedSide, new: RoutedSide, use: Use) -> tuple[Effect, str]:
    one, other = str(use.one.upstream), str(use.other.upstream)
    hosts = [
        ", ".join(sorted(endpoint.url for endpoint in side.config.upstreams[name].endpoints)[:3])
        for side, name in ((old, one), (new, other))
    ]
    if hosts[0] != hosts[1]:
        return Effect.LOOSENS, f"Its requests go to {hosts[1]} and no longer to {hosts[0]}."
    found = list(compare_upstreams(old.config, one, new.config, other))
    looser = next((change for change in found if change.effect is Effect.LOOSENS), None)
    if looser is not None:
        return Effect.LOOSENS, looser.why
    tighter = any(change.effect is Effect.TIGHTENS for change in found)
    return (Effect.TIGHTENS if tighter else Effect.CHANGES), "The same servers stand behind another upstream."


def _of_route(
    old: RoutedSide, new: RoutedSide, use: Use, key: str, texts: tuple[str, str], effect: Effect, why: str, danger: int
) -> Draft:
    before, after = texts
    if use.moved:
        why = f"{in_words(use.requests)} went to the route {use.one.name} and now go to {use.other.name}: {why[:1].lower()}{why[1:]}"
        before, after = f"{before} (route {use.one.name})", f"{after} (route {use.other.name})"
    change = Change(
        effect=effect,
        setting=f"routes.{use.other.name}.{key}",
        before=before,
        after=after,
        why=why,
        danger=0 if effect is Effect.TIGHTENS else int(danger if effect is Effect.LOOSENS else Danger.NOTE),
        routes=(use.other.name,),
        where_old=old.where(("routes", use.one.name, key)),
        where_new=new.where(("routes", use.other.name, key)),
        content="\n".join(sorted(f"{each.method} {each.request.target}" for each in use.requests)) if use.moved else "",
    )
    return Draft(change=change, requests={use.other.name: use.requests}, section="routes")
