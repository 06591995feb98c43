"""Check for header fields that one rule lets through, counts by or needs, and that another one drops without a word."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from collections.abc import Mapping as Named

from gateway.config.model import Config, Route, UpstreamSettings
from gateway.config.path_guards import reached
from gateway.config.policies import Written
from gateway.config.problem import Location, Report
from gateway.config.tree import NodePath
from gateway.core.fields import FRAMING
from gateway.core.response_fields import response_pairs
from gateway.policy import body, cors, response_headers
from gateway.policy.base.trusted_fields import ANY_FIELDS
from gateway.policy.rate_limit import rate_limit

# What pages send without being allowed to (Fetch Standard, CORS-safelisted request-header), and what browsers write.
_SENT_ANYWAY = re.compile(
    r"accept(-language|-encoding)?|content-(language|length)|range|user-agent|origin|referer|cookie|host|connection|"
    r"(sec|proxy)-.*"
).fullmatch
_SIMPLE_TYPES = frozenset(("application/x-www-form-urlencoded", "multipart/form-data", "text/plain"))
_WITH_BODY = frozenset(("POST", "PUT", "PATCH"))
_PLAIN_NAME = re.compile(r"[a-z0-9-]+").fullmatch  # requests have no others (``core.request_fields.collect``)
_NAMING_A_CLIENT = frozenset(("x-forwarded-for", "forwarded"))
_NOT_READABLE = {name.decode() for name in FRAMING - {b"content-length"}} | {"set-cookie", "set-cookie2"}


class FieldLists:
    """Compares the lists of fields in the policies of the public routes of ``config``. Each finding is one warning, however
    many routes it is about."""

    def __init__(self, config: Config, written: Named[tuple[str, str], Written], report: Report) -> None:
        self._routes = [route for route in config.routes if route.deny is None and route.listener == "public"]
        self._upstreams = config.upstreams
        self._policies = config.policies
        self._written = written
        self._report = report
        self._found: set[tuple[str, str, NodePath, str]] = set()

    def check(self) -> None:
        """Warn of all that is found."""
        for name, settings in self._policies.get("cors", {}).items():
            routes = [route for route in self._routes if name in route.policies.get("cors", ())]
            if isinstance(settings, cors.Settings) and routes:
                self._removed_everywhere(name, settings, routes)
                for route in routes:
                    self._exposed(name, settings, route)
                    self._needed(name, settings, route)
        for route in self._routes:
            for limit, header in self._headers_of_limits(route):
                self._counted(limit, header, route)

    def _warn(self, section: str, name: str, below: NodePath, what: str, where: str, hint: str) -> None:
        if (section, name, below, what) not in self._found:
            self._found.add((section, name, below, what))
            Location(self._written[section, name].node, (section, name), self._report).warn(below, what + where, hint)

    def _removed_everywhere(self, name: str, settings: cors.Settings, routes: Collection[Route]) -> None:
        """A header that browsers may send, and that each upstream behind has in ``remove``. That some do not get it is meant."""
        fallbacks = self._policies.get("fallbacks", {})
        upstreams = sorted({name for route in routes for name in reached(route, self._upstreams, fallbacks)})
        removed = [self._upstreams[upstream].request_headers.remove for upstream in upstreams]
        verified = any(route.policies.get("auth") for route in routes)
        for index, header in enumerate(settings.request_headers):
            if not removed or any(header not in names for names in removed) or (verified and header == "authorization"):
                continue
            what = f"names {header}, which no upstream behind it gets: {', '.join(upstreams)} has it in remove"
            hint = "remove it here, or from request_headers.remove"
            self._warn("cors", name, ("request_headers", index), what, "", hint)

    def _exposed(self, name: str, settings: cors.Settings, route: Route) -> None:
        """A field that pages may read, and that no response of ``route`` has."""
        put: set[str] = set()
        removed: dict[str, str] = {}
        for policy in route.policies.get("response_headers", ()):
            found = self._policies["response_headers"].get(policy)
            if isinstance(found, response_headers.Settings):
                put |= {*found.set, *response_headers.DEFAULTS} - set(found.remove)
                removed |= {field: f"response_headers {policy} removes" for field in found.remove}
        for index, field in enumerate(settings.expose_headers):
            why = removed.get(field, "" if _reaches_pages(field) else "no page gets")
            if why and field not in put:
                where = f", as on the route {route.name}"
                hint = "remove it here, or let responses have it"
                self._warn("cors", name, ("expose_headers", index), f"exposes {field}, which {why}", where, hint)

    def _needed(self, name: str, settings: cors.Settings, route: Route) -> None:
        """A header without which no page can call ``route``, and that the CORS policy does not let pages send."""
        below, where = ("request_headers",), f" as the route {route.name} needs it"
        if route.policies.get("auth") and "authorization" not in settings.request_headers:
            what = "lacks authorization, so no page can send a token"
            self._warn("cors", name, below, what, where, "add authorization to request_headers")
        if "content-type" in settings.request_headers or _WITH_BODY.isdisjoint(route.methods):
            return
        for policy in route.policies.get("bodies", ()):
            found = self._policies["bodies"].get(policy)
            if isinstance(found, body.Settings) and found.types and _SIMPLE_TYPES.isdisjoint(found.types):
                what = f"lacks content-type, so no page can send {found.types[0]}"
                self._warn("cors", name, below, what, where, "add content-type to request_headers")

    def _headers_of_limits(self, route: Route) -> Iterator[tuple[str, str]]:
        """The limits of ``route`` that count by a header, each with that header."""
        for name in route.policies.get("rate_limits", ()):
            found = self._policies["rate_limits"].get(name)
            for word in found.key if isinstance(found, rate_limit.Settings) else ():
                if word.startswith("header:"):
                    yield name, word.removeprefix("header:")

    def _counted(self, limit: str, header: str, route: Route) -> None:
        """A header that ``limit`` counts by, and that does not arrive."""
        if not _PLAIN_NAME(header):
            what = f"counts by {header}, which no request has: only letters, digits and hyphens are taken in a name"
            self._warn("rate_limits", limit, ("key",), what, "", "count by a header with such a name, or by address")
            return
        for policy in route.policies.get("cors", ()):
            found = self._policies["cors"].get(policy)
            if isinstance(found, cors.Settings) and header not in found.request_headers and not _SENT_ANYWAY(header):
                what = f"counts by {header}, which cors {policy} lets no page send, so that all pages share one count"
                where = f", as on the route {route.name}"
                hint = f"add it to cors.{policy}.request_headers, or count by address as well"
                self._warn("rate_limits", limit, ("key",), what, where, hint)


def check_edits(upstreams: Named[str, UpstreamSettings], location: Location) -> None:
    """Warn of headers that ``request_headers`` of an upstream names in two of its lists. ``location``: of the upstreams."""
    for name, upstream in upstreams.items():
        edits, at = upstream.request_headers, (name, "request_headers")
        for index, header in enumerate(edits.remove):
            if header in edits.set:
                sentence = f"names {header}, which set names too: what is set is sent"
                location.warn((*at, "remove", index), sentence, "write it in one of the two")
            elif header in edits.pass_:
                sentence = f"names {header}, which pass names too: it does not pass"
                location.warn((*at, "remove", index), sentence, "write it in one of the two")
        for index, header in enumerate(edits.pass_):
            if header in edits.set:
                sentence = f"names {header}, which set names too: what clients send does not pass"
                location.warn((*at, "pass", index), sentence, "write it in one of the two")


def check_trusted(config: Config, location: Location) -> None:
    """Warn of ``trusted_fields`` where there is no proxy that could write them, and where they name no client. ``location``:
    of ``listen``."""
    fields = config.listen.trusted_fields
    if fields != ANY_FIELDS and not config.listen.trusted_proxies:
        sentence = "names the fields of trusted proxies, and there are none"
        location.warn(("trusted_fields",), sentence, "name the proxies in trusted_proxies, or leave it out")
    elif _NAMING_A_CLIENT.isdisjoint(fields):
        sentence = "has no field that says who the client is, so all clients of a proxy are one"
        location.warn(("trusted_fields",), sentence, "add x-forwarded-for or forwarded, whichever the proxies write")


def _reaches_pages(field: str) -> bool:
    """Whether a field of an upstream's response goes on to a page, and a page may read it (Fetch Standard)."""
    return field not in _NOT_READABLE and bool(response_pairs([(field.encode(), b"")])[0] or field == "content-length")
