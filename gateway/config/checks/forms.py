"""Checks of routes that take forms: what comes before their ``upload`` must let forms pass, and nothing else may look into them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway.config.model import Route
from gateway.config.problem import Location
from gateway.core.methods import WITH_CONTENT
from gateway.policy import body
from gateway.policy.base.settings import Policy
from gateway.policy.upload.settings import MEDIA_TYPE, Settings

Policies = Mapping[str, Mapping[str, Policy]]
"""The valid policies by section and name."""

_FAMILY = MEDIA_TYPE.partition("/")[0] + "/*"
_JSON = frozenset(("application/json", "application/*"))
_HINT = f"name one of bodies with {MEDIA_TYPE} among its types, and a max a little above all parts together"


def check_form(route: Route, location: Location, policies: Policies) -> None:
    """Reports a route with ``upload`` where no form can arrive, or whose form something else would take for JSON."""
    names = route.policies.get("uploads", ())
    if not names or route.deny:
        return
    if not any(method in WITH_CONTENT for method in route.methods):
        location.add(
            ("methods",), f"lets {' and '.join(route.methods)} pass, and upload {names[0]} needs a form", "write [POST]"
        )
    if (reader := next(_readers(route), "")) and route.paths:
        hint = "give forms a route of their own, or take one of the two away"
        location.add(("upload",), f"names {names[0]}, which takes forms, and {reader} reads JSON", hint)
        return
    bodies = route.policies.get("bodies", ())
    if not bodies:
        location.add(("body",), f"is missing, and upload {names[0]} needs a longest form", _HINT)
    for name in bodies:
        settings, upload = policies.get("bodies", {}).get(name), policies.get("uploads", {}).get(names[0])
        if isinstance(settings, body.Settings) and isinstance(upload, Settings):
            _check_body(name, settings, names[0], upload, bool(route.policies.get("schemas")), location)


def _readers(route: Route) -> Iterator[str]:
    """The policies of ``route`` that read JSON to find an account."""
    for name in route.policies.get("lockouts", ()):
        yield f"lockout {name}"


def _check_body(
    name: str, settings: body.Settings, upload_name: str, upload: Settings, judged: bool, location: Location
) -> None:
    """``judged``: something looks into the JSON that the body lets pass."""
    if settings.types and MEDIA_TYPE not in settings.types and _FAMILY not in settings.types:
        sentence = f"names {name}, which lets no {MEDIA_TYPE} pass, and upload {upload_name} judges nothing else"
        location.add(("body",), sentence, _HINT)
        return
    if not judged and (not settings.types or not _JSON.isdisjoint(settings.types)):
        sentence = (
            f"names {name}, which lets JSON pass too, and neither upload {upload_name} nor a schema looks into that"
        )
        location.warn(("body",), sentence, f"name one of bodies with types: [{MEDIA_TYPE}], or a schema for the JSON")
    for part, one in upload.parts.items():
        if settings.max is not None and settings.max < one.max:
            location.warn(
                ("body",), f"names {name}, whose max is less than that of the part {part} of {upload_name}", _HINT
            )
