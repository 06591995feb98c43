"""Check for headers that browsers may send by a CORS policy, and that an upstream behind its routes does not get: their own, or
the one that stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Named
from typing import Any

from gateway.config.model import Config
from gateway.config.names import PASSED_PATTERN, matches
from gateway.config.path_guards import reached
from gateway.config.policies import Written
from gateway.config.problem import Location, Report
from gateway.core.fields import HOP_BY_HOP
from gateway.core.identity_fields import is_identity
from gateway.core.request_fields import PassedFields

SECTION = "cors"


def check(config: Config, written: Named[tuple[str, str], Written], report: Report) -> None:
    """Warns of each header of a CORS policy once for each upstream that does not get it."""
    for name, upstream, route in _uses(config):
        settings: Any = config.policies.get(SECTION, {}).get(name)
        if settings is None:
            continue
        edits = config.upstreams[upstream].request_headers
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


def _uses(config: Config) -> Iterator[tuple[str, str, str]]:
    """Each CORS policy with each upstream that it stands before, and the first such route."""
    seen = set()
    for route in config.routes:
        for upstream in reached(route, config.upstreams, config.policies.get("fallbacks", {})):
            for name in route.policies.get(SECTION, ()):
                if route.deny is None and (name, upstream) not in seen:
                    seen.add((name, upstream))
                    yield name, upstream, route.name
