"""Requests that were refused before any policy saw them and now have a route, and the other way round."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from gateway.config.model import Route
from gateway.policy.base.order import Danger, Effect
from gateway.policy.base.written import NONE, code, text
from gateway.review.diff.change import Change
from gateway.review.diff.classes import mounts
from gateway.review.diff.draft import Draft, Path
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.uses import ANYBODY, Use, in_code, in_words, may_send

DENIED = "route_denied"

_REFUSALS = {
    "no_route": "no route took such requests",
    "method_not_allowed": "no route took that method",
    "path_ambiguous": "such requests were refused, for another server may read them as another path",
    "batch_refused": "such calls were refused in one batch with others",
    "batch_too_large": "the batch was too large",
}
"""What a refusal before any policy means, by its slug."""


def reached(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Iterator[Draft]:
    """What loosens since requests that had no route, or a closed one, are forwarded now."""
    groups: dict[tuple[Path, str, str], list[Transition]] = {}
    for each in found:
        opens = each.before.refused and not each.after.refused and not each.request.moved
        if opens and not (each.request.spelling and reads_otherwise(old, new, each.after.route)):
            path, shut = _setting(old, new, each)
            groups.setdefault((path, shut, "" if path[0] == "upstreams" else each.after.route), []).append(each)
    for (path, shut, _), several in groups.items():
        yield _opened(old, new, path, shut, several)


def closed(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Iterator[Draft]:
    """What tightens since requests that were forwarded have no route now, or a closed one."""
    for draft in reached(new, old, [each.reversed() for each in found]):
        several = [each for requests in draft.requests.values() for each in requests]
        yield draft.backwards(
            f"{in_code(several)} is refused now ({code(several[0].before.refused)}) and passed before."
        )


def denials(old: RoutedSide, new: RoutedSide, found: Iterable[Transition]) -> Iterator[Draft]:
    """What is refused on both sides, and by a closed route on one: its refusal has another name."""
    seen = set()
    for each in found:
        names = tuple(outcome.route for outcome in (each.before, each.after))
        if each.before.refused and each.after.refused and any(names) and names not in seen:
            seen.add(names)
            texts = [
                side.routes[name].deny if name else "no route" for side, name in zip((old, new), names, strict=True)
            ]
            name = names[1] or names[0]
            elsewhere = not all(names) and name in old.routes and name in new.routes  # it closes other requests
            if texts[0] != texts[1] and not elsewhere:
                change = Change(
                    effect=Effect.CHANGES,
                    setting=f"routes.{name}.deny",
                    before=str(texts[0]),
                    after=str(texts[1]),
                    why="It is refused on both sides, with another reason in the log.",
                    danger=Danger.NOTE,
                    routes=(name,),
                    where_old=old.places.route(names[0]),
                    where_new=new.places.route(names[1]),
                )
                yield Draft(change=change)


def reads_otherwise(old: RoutedSide, new: RoutedSide, route: str) -> bool:
    """Whether the upstream of ``route`` compares paths in another way than before, which says it all of other spellings."""
    sides = [
        side.config.upstreams.get(str((new.routes.get(route) or old.routes[route]).upstream)) for side in (old, new)
    ]
    readings = [None if upstream is None else upstream.paths for upstream in sides]
    return None not in sides and readings[0] != readings[1]


def aliases(old: RoutedSide, new: RoutedSide, several: Iterable[Use]) -> Iterator[Draft]:
    """Second names that call other procedures, of requests that both sides forward."""
    found: dict[tuple[str, str, str], list[Transition]] = {}
    for use in several:
        for each in use.requests:
            if each.before.procedures != each.after.procedures:
                names = each.request.alias, each.before.procedures[0], each.after.procedures[0]
                found.setdefault(names, []).append(each)
    for (name, before, after), requests in found.items():
        route = new.routes[requests[0].after.route]
        path = ("upstreams", str(route.upstream), "trpc", "aliases", name)
        change = Change(
            effect=Effect.LOOSENS,
            setting=".".join(path),
            before=before,
            after=after,
            why="The name calls another procedure, with what that does and takes.",
            danger=Danger.CHECK,
            routes=tuple(dict.fromkeys(each.after.route for each in requests)),
            where_old=old.where(path),
            where_new=new.where(path),
        )
        yield Draft(change=change, requests={route.name: requests}, section="upstreams")


def _setting(old: RoutedSide, new: RoutedSide, each: Transition) -> tuple[Path, str]:
    """The setting that opens the way, and the closed route that was in it."""
    name, was = each.after.route, each.before
    route = new.routes[name]
    if was.refused == DENIED:
        return (("routes", name, "deny") if was.route == name else ("routes", name)), was.route
    before = old.routes.get(name)
    if before is None or before.deny is not None:
        return ("routes", name), ""
    if was.refused == "method_not_allowed" and set(route.methods) != set(before.methods):
        return ("routes", name, "methods"), ""
    if route.procedures:
        now, then = mounts(new.config), mounts(old.config)
        prefix = next((prefix for prefix in now if each.request.target.startswith(prefix)), "")
        upstream, settings = now[prefix] if prefix else ("", None)
        if prefix not in then:
            return ("upstreams", upstream, "trpc", "prefix"), ""
        if settings is not None and settings.trpc is not None and each.request.alias in settings.trpc.aliases:
            return ("upstreams", upstream, "trpc", "aliases"), ""
        return ("routes", name, "procedures"), ""
    return ("routes", name, "paths"), ""


def _opened(old: RoutedSide, new: RoutedSide, path: Path, shut: str, several: Sequence[Transition]) -> Draft:
    by_route: dict[str, list[Transition]] = {}
    for each in several:
        by_route.setdefault(each.after.route, []).append(each)
    routes = [new.routes[name] for name in by_route]
    before, after = _values(old, path, shut, routes[0], several)
    who = _who(new, routes[0]) if len(routes) == 1 else "Clients, as the policies of the routes say,"
    spelled = all(each.request.spelling for each in several)
    why = f"{who} may now {'send other spellings of paths, for example ' + in_code(several) if spelled else may_send(several)}"
    why += f" (upstream {code(str(routes[0].upstream))})" if len(routes) == 1 and not spelled else ""
    slug = several[0].before.refused
    refused = f"{_REFUSALS.get(slug, 'such requests were refused')} ({code(slug)})"
    why += f"; before, that was closed: {code(str(old.routes[shut].deny))}." if shut else f"; before, {refused}."
    if spelled:
        why += " It holds for every spelling that differs from a named path only in what some servers ignore, such as case."
    content = [sorted({f"{each.method} {each.request.target}" for each in several}), *map(new.fingerprint, routes)]
    change = Change(
        effect=Effect.LOOSENS,
        setting=".".join(path),
        before=before,
        after=after,
        why=why,
        danger=_danger(new, routes, several) + (2 if shut else 0),
        routes=tuple(by_route),
        where_old=old.places.route(shut) if shut else old.where(path),
        where_new=new.where(path),
        content=json.dumps(content),
    )
    return Draft(change=change, requests=by_route)


def _values(old: RoutedSide, path: Path, shut: str, route: Route, several: Sequence[Transition]) -> tuple[str, str]:
    key = path[-1] if len(path) > 2 else ""
    before = old.routes.get(route.name)
    if path[0] == "upstreams":
        aliases = sorted({each.request.alias or each.request.shown for each in several})
        return NONE, text(aliases) if key == "aliases" else several[0].request.target
    if key in ("paths", "procedures", "methods") and before is not None:
        pair = text(sorted(getattr(before, key))), text(sorted(getattr(route, key)))
        return pair if pair[0] != pair[1] else ("refused", in_words(several))
    shown = f"{in_words(several)} to {route.upstream}, auth: {_auth(route)}"
    return (f"closed: {old.routes[shut].deny}" if shut else NONE), shown


def _auth(route: Route) -> str:
    names = route.policies.get("auth", ())
    return (f"{names[0]} (report)" if route.mode == "report" else names[0]) if names else "public"


def _who(side: RoutedSide, route: Route) -> str:
    if route.listener == "egress":
        return "The backend"
    if not _guarded(side, route):
        return ANYBODY
    return f"Whoever has a token of {code(_auth(route))}"


def _guarded(side: RoutedSide, route: Route) -> bool:
    names = route.policies.get("auth", ())
    return (
        bool(names) and route.mode == "enforce" and all(side.policy("auth", name).mode == "enforce" for name in names)
    )


def _danger(side: RoutedSide, routes: Sequence[Route], several: Sequence[Transition]) -> int:
    if all(each.request.spelling for each in several):
        return Danger.LEAK  # what the route guards that is spelled otherwise is guarded no better itself
    guarded = all(route.listener == "egress" or _guarded(side, route) for route in routes)
    return Danger.CHECK if guarded else Danger.OPEN
