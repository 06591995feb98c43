"""Check that every input has a schema, once there are schemas: what is not covered is named, with what to write."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Named
from typing import NamedTuple

from gateway.config.model import Config, Route
from gateway.config.policies import Written
from gateway.config.policy_keys import UNKNOWN
from gateway.config.problem import Location, Report
from gateway.config.tree import child
from gateway.core.methods import WITH_CONTENT
from gateway.policy.base.inputs import LONGEST_CHECKED
from gateway.policy.body import Settings as BodySettings
from gateway.policy.schema.settings import QUERY, SUFFIX, Settings

SECTION = "schemas"
KEY = "schema"

_WAIVE = f'{KEY}: {{none: "why"}}'
_TAKES_INPUT = WITH_CONTENT | {"DELETE"}
"""A DELETE may have content too (RFC 9110 section 9.3.5), and the upstream may read it."""


class SchemaCoverage(NamedTuple):
    """How many procedures, their aliases counted, and how many routes of paths that take input there are, and of how many of
    them is said what their input has to be like, or why not."""

    procedures: int
    of_procedures: int
    routes: int
    of_routes: int

    def __str__(self) -> str:
        return f"{self.procedures} of {self.of_procedures} procedures, {self.routes} of {self.of_routes} routes"

    def as_dict(self) -> dict[str, dict[str, int]]:
        return {
            "procedures": {"covered": self.procedures, "of": self.of_procedures},
            "routes": {"covered": self.routes, "of": self.of_routes},
        }


class _Gap(NamedTuple):
    """An input that nothing is said of: at what of its route, in words, what to write, and which file would be for it."""

    below: tuple[str | int, ...]
    sentence: str
    hint: str
    stem: str = ""


def coverage_of(config: Config) -> SchemaCoverage | None:
    """The coverage of ``config``, None where it has no schemas."""
    schemas = _schemas(config)
    if not schemas:
        return None
    named = {procedure for route in config.routes for procedure in route.procedures}
    procedures = [0, 0]
    routes = [0, 0]
    for route in _judged(config.routes):
        if route.paths:
            if _takes_input(route):
                routes[0] += not _gaps(route, schemas)
                routes[1] += 1
            continue
        for index, procedure in enumerate(route.procedures):
            names = [procedure, *_aliases(procedure, route, config)]
            if procedure.endswith("*"):
                names = [
                    stem for stem in _stems(route, schemas) if stem.startswith(procedure[:-1]) and stem not in named
                ]
            missing = any(gap.below in ((KEY,), ("procedures", index)) for gap in _gaps(route, schemas))
            procedures[0] += 0 if missing else len(names)
            procedures[1] += len(names)
    return SchemaCoverage(procedures[0], procedures[1], routes[0], routes[1])


def check(config: Config, located: Sequence[tuple[Route, Location]]) -> None:
    """Reports every input without a schema, once there are schemas."""
    schemas = _schemas(config)
    strays = {name: _strays(settings, config) for name, settings in schemas.items()}
    for route, location in located if schemas else ():
        if route.listener != "public" or UNKNOWN in route.policies.get(SECTION, ()):
            continue
        if any(name not in schemas or not schemas[name].files.contents for name in route.policies.get(SECTION, ())):
            continue  # a name of no policy, or one without a file, which is reported already
        misspelt = {stem for name in route.policies.get(SECTION, ()) for stem in strays[name]}
        for gap in _gaps(route, schemas):
            meant = [stem for stem in _aliases(gap.stem, route, config) if stem in misspelt]
            meant += difflib.get_close_matches(gap.stem, sorted(misspelt), n=1) if gap.stem else []
            hint = f"rename {meant[0]}{SUFFIX} to {gap.stem}{SUFFIX}" if meant else gap.hint
            location.add(gap.below, gap.sentence, hint)
        if not route.deny and route.policies.get(SECTION):
            _check_body(route, location, config)


def check_files(config: Config, written: Named[tuple[str, str], Written], report: Report) -> None:
    """Warns of each schema that no procedure and no route has, and reports one that would be for both."""
    procedures, of_paths, queries = _names(config)
    for name, settings in _schemas(config).items():
        strays = _strays(settings, config)
        path = (SECTION, name, "files")
        node = child(written[SECTION, name].node, "files") or written[SECTION, name].node
        for stem in settings.files.contents:
            users = [stem in procedures, stem in of_paths, stem in queries]
            if sum(users) > 1:
                report.add(
                    node.position, path, f"has {stem}{SUFFIX} for a procedure and for a route", "rename the route"
                )
            elif stem in strays:
                close = difflib.get_close_matches(stem, sorted(procedures | of_paths | queries), n=1)
                hint = f"did you mean {close[0]}{SUFFIX}?" if close else "remove it, or name the procedure in a route"
                report.warn(node.position, path, f"has {stem}{SUFFIX}, which is for no procedure and no route", hint)


def _schemas(config: Config) -> dict[str, Settings]:
    return {name: each for name, each in config.policies.get(SECTION, {}).items() if isinstance(each, Settings)}


def _names(config: Config) -> tuple[set[str], set[str], set[str]]:
    """Whose schemas a file may be: the procedures that routes name, the routes of paths, and the queries of those."""
    of_paths = {route.name for route in config.routes if route.paths}
    procedures = {name for route in config.routes for name in route.procedures}
    return procedures, of_paths, {name + QUERY for name in of_paths}


def _strays(settings: Settings, config: Config) -> set[str]:
    """The files that are for no procedure and no route."""
    procedures, of_paths, queries = _names(config)
    beginnings = tuple(name[:-1] for name in procedures if name.endswith("*"))
    known = procedures | of_paths | queries
    return {stem for stem in settings.files.contents if stem not in known and not stem.startswith(beginnings)}


def _judged(routes: Sequence[Route]) -> Iterator[Route]:
    return (route for route in routes if route.listener == "public")


def _takes_input(route: Route) -> bool:
    return bool(_TAKES_INPUT & set(route.methods))


def _aliases(procedure: str, route: Route, config: Config) -> Iterator[str]:
    upstreams = [config.upstreams[route.upstream]] if route.upstream in config.upstreams else config.upstreams.values()
    for upstream in upstreams:
        if upstream.trpc is not None:
            yield from (alias for alias, name in upstream.trpc.aliases.items() if name == procedure)


def _stems(route: Route, schemas: Named[str, Settings]) -> list[str]:
    return [stem for name in route.policies.get(SECTION, ()) for stem in schemas[name].files.contents]


def _gaps(route: Route, schemas: Named[str, Settings]) -> list[_Gap]:
    """What is missing at one route."""
    if route.deny or SECTION in route.waivers:
        return []
    names = route.policies.get(SECTION, ())
    if route.paths:
        if not _takes_input(route) or route.policies.get("uploads"):
            return []
        if not names:
            return [_unnamed(schemas)]
        return [
            _Gap(
                (KEY,),
                f"has no {route.name}{SUFFIX} for the body of this route",
                _hint(schemas[name], route.name),
                route.name,
            )
            for name in names
            if route.name not in schemas[name].files.contents
        ]
    if not names:
        return [_unnamed(schemas)]
    return [
        _Gap(("procedures", index), f"{procedure} has no schema in {name}", _hint(schemas[name], procedure), procedure)
        for name in names
        for index, procedure in enumerate(route.procedures)
        if not _covers(schemas[name].files.contents, procedure)
    ]


def _covers(stems: Named[str, bytes], procedure: str) -> bool:
    if procedure.endswith("*"):
        return any(stem.startswith(procedure[:-1]) for stem in stems)
    return procedure in stems


def _unnamed(schemas: Named[str, Settings]) -> _Gap:
    sentence = "is missing: nothing says what its inputs have to be like"
    return _Gap((KEY,), sentence, f"write {KEY}: {min(schemas)}, or {_WAIVE}")


def _hint(settings: Settings, name: str) -> str:
    folder, slash, _ = settings.files.pattern.rpartition("/")
    file = f"{name.replace('*', 'NAME')}{SUFFIX}{' for each' if name.endswith('*') else ''}"
    return f'write {folder}{slash}{file}, {{"type": "null"}} for no input, or {_WAIVE} at the route'


def _check_body(route: Route, location: Location, config: Config) -> None:
    """Reports a body without a bound: it is read whole to be judged."""
    if not (_TAKES_INPUT & set(route.methods)):
        return
    hint = "name one of bodies with types: [application/json] and max: 64KiB"
    names = route.policies.get("bodies", ())
    if not names:
        location.add(("body",), f"is missing, and {KEY} has the body read whole, however long", hint)
    for name in names if not route.policies.get("uploads") else ():
        settings = config.policies.get("bodies", {}).get(name)
        if isinstance(settings, BodySettings) and (settings.max is None or settings.max > LONGEST_CHECKED):
            location.add(("body",), f"names {name}, which lets more than 4 MiB pass, and {KEY} reads it whole", hint)
