"""Check for headers that browsers may send by a CORS policy, and that the upstream behind its routes does not get."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Mapping as Named
from typing import Any

from gateway.config.model import Route, UpstreamSettings
from gateway.config.names import PASSED_PATTERN, matches
from gateway.config.policies import Written
from gateway.config.problem import Location, Report
from gateway.core.fields import HOP_BY_HOP
from gateway.core.identity_fields import is_identity
from gateway.core.request_fields import PassedFields
from gateway.policy.base.settings import Policy

SECTION = "cors"


def check(
    routes: Collection[Route],
    upstreams: Named[str, UpstreamSettings],
    policies: Named[str, Policy],
    written: Named[tuple[str, str], Written],
    report: Report,
) -> None:
    """Warns of each header of a CORS policy once for each upstream that does not get it."""
    for name, upstream, route in _uses(routes):
        edits = upstreams[upstream].request_headers if upstream in upstreams else None
        settings: Any = policies.get(name)
        if edits is None or settings is None:
            continue
        passes = PassedFields(edits.pass_)
        known = {*edits.remove, *(header.lower() for header in edits.set)}
        location = Location(written[SECTION, name].node, (SECTION, name), report)
        for index, header in enumerate(settings.request_headers):
            if header not in known and not passes[header.encode()]:
                sentence = f"names {header}, which {upstream} does not get, as on the route {route}"
                hint = f"add it to upstreams.{upstream}.request_headers.pass, or remove it here"
                if is_identity(header.encode()) or not matches(PASSED_PATTERN, header) or header.encode() in HOP_BY_HOP:
                    hint = "remove it here: no upstream ever gets it from a client"
                location.warn(("request_headers", index), sentence, hint)


def _uses(routes: Collection[Route]) -> Iterator[tuple[str, str, str]]:
    """Each CORS policy with each upstream that it stands before, and the first such route."""
    seen = set()
    for route in routes:
        for name in route.policies.get(SECTION, ()):
            if route.upstream is not None and route.deny is None and (name, route.upstream) not in seen:
                seen.add((name, route.upstream))
                yield name, route.upstream, route.name
