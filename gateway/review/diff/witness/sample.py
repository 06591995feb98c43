"""A request that a route lets pass, as far as its settings say what that is like: witnesses differ from it in one thing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast
from urllib.parse import quote, urlencode

from gateway.config.model import Route
from gateway.core.methods import SAFE, WITH_CONTENT
from gateway.policy.base.pointer import parse_pointer
from gateway.policy.base.settings import Policy
from gateway.policy.body import Settings as Body
from gateway.policy.cors import Settings as Cors
from gateway.policy.lockout.settings import Settings as Lockout
from gateway.policy.rate_limit.rate_limit import Settings as Limit
from gateway.policy.schema.settings import QUERY
from gateway.policy.schema.settings import Settings as Schemas
from gateway.policy.upload.settings import MEDIA_TYPE
from gateway.policy.upload.settings import Settings as Upload
from gateway.review.diff.change import SentRequest
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.witness.forms import BOUNDARY, form

JSON = "application/json"
PAGE = "https://page.example"
"""The origin of a page that no policy names."""
_TRIED = 60  # candidates of a schema


@dataclass(frozen=True, slots=True)
class Sample:
    """Requests of ``transition`` that ``route`` of ``side`` lets pass; with a token where it asks for one, or ``token`` says so."""

    side: RoutedSide
    route: Route
    transition: Transition
    token: bool = False
    origins: tuple[str, ...] = ()
    """Of pages that the other side admits too, where it admits any."""

    def policy(self, section: str) -> object:
        """The policy of ``section`` that the route names, None for none."""
        names = self.route.policies.get(section, ())
        return self.side.policy(section, names[0]) if names else None

    def breaker(self) -> Policy | None:
        """The breaker of the upstream that the route goes to, None for none."""
        upstream = self.side.config.upstreams.get(self.route.upstream or "")
        name = upstream.breaker if upstream is not None else None
        return self.side.policy("breakers", name) if name else None

    def request(self, number: int) -> SentRequest:
        """The request. ``number`` gives it a client and an account of its own."""
        path, _, query = self.transition.request.target.partition("?")
        if query:
            names = path.rpartition("/")[2].split(",")
            return self._sent(number, [self._input(number, name) for name in names])
        return self.with_input(number, self._input(number, (*self.transition.after.procedures, self.route.name)[0]))

    def with_input(self, number: int, value: object) -> SentRequest:
        """The request with ``value`` as its input, or as JSON in the body of a path."""
        return self._sent(number, [value])

    def _sent(self, number: int, values: Sequence[object]) -> SentRequest:
        request, method = self.transition.request, self.transition.method
        sent = SentRequest(
            method=method,
            target=request.target,
            headers=self._origin(),
            address=f"198.{18 + (number >> 8 & 1)}.{number & 255}.7",  # RFC 2544: of nobody
            claims={"sub": f"user-{number}"} if self.token or self.route.policies.get("auth") else None,
            listener="egress" if request.listener == "egress" else "public",
        )
        if self.transition.after.procedures:
            return self._calls(sent, values)
        upload = self.policy("uploads")
        if upload is not None and method in WITH_CONTENT:
            return _with(sent, form(cast(Upload, upload)), f"{MEDIA_TYPE}; boundary={BOUNDARY}")
        query = self._query()
        if query:
            sent = replace(sent, target=f"{sent.target}?{query}")
        judged = method not in SAFE and self._schema(self.route.name) is not None
        if method in WITH_CONTENT or judged:
            return _with(sent, json.dumps(values[0]).encode(), self._type())
        return sent

    def _origin(self) -> tuple[tuple[str, str], ...]:
        cors = self.policy("cors")
        if not isinstance(cors, Cors) or cors.no_origin == "allow" or not cors.origins:
            return ()
        known = [origin for origin in cors.origins if origin in self.origins] or cors.origins
        return (("origin", PAGE if known[0] == "*" else known[0].replace("*", "page")),)

    def _type(self) -> str:
        body = self.policy("bodies")
        types = cast(Body, body).types if body is not None else ()
        return JSON if not types or JSON in types else types[0].replace("*", "plain")

    def _calls(self, sent: SentRequest, values: Sequence[object]) -> SentRequest:
        upstream = self.side.config.upstreams[str(self.route.upstream)]
        wrap = upstream.trpc is not None and upstream.trpc.transformer == "superjson"
        wrapped = [{"json": value} if wrap else value for value in values]
        path, _, query = sent.target.partition("?")
        text = json.dumps({str(index): value for index, value in enumerate(wrapped)} if query else wrapped[0])
        if sent.method == "POST":
            return _with(sent, text.encode(), JSON)
        return replace(sent, target=f"{path}?{query}{'&' if query else ''}input={quote(text, safe='')}")

    def _input(self, number: int, name: str) -> object:
        """An input that the schema of ``name`` admits, with what limits and lockouts count by."""
        value = next(self.inputs(name), {})
        for pointer in self._pointers():
            value = _put(value, parse_pointer(pointer), f"witness-{number}@example.com")
        return value

    def inputs(self, name: str) -> Iterator[object]:
        """Values that the schema of ``name`` admits; none where it has none."""
        octets = self._schema(name)
        if octets is None:
            return
        from gateway.policy.schema.validator import compiled
        from gateway.review.examples import examples

        schema = json.loads(octets)
        admits = compiled(schema).validator.is_valid
        for value in islice(examples(schema), _TRIED):
            if admits(value):
                yield value

    def _schema(self, name: str) -> bytes | None:
        schemas = self.policy("schemas")
        return schemas.files.contents.get(name) if isinstance(schemas, Schemas) else None

    def _query(self) -> str:
        values = self.inputs(self.route.name + QUERY)
        value = next((value for value in values if isinstance(value, Mapping)), {})
        return urlencode({str(key): str(each) for key, each in value.items()})

    def _pointers(self) -> Iterator[str]:
        lockout = self.policy("lockouts")
        if lockout is not None:
            yield cast(Lockout, lockout).account
        for name in self.route.policies.get("rate_limits", ()):
            for word in cast(Limit, self.side.policy("rate_limits", name)).key:
                if word.startswith("input:"):
                    yield word.removeprefix("input:")


def _with(sent: SentRequest, body: bytes, media_type: str) -> SentRequest:
    return replace(sent, body=body, headers=(*sent.headers, ("content-type", media_type)))


def _put(value: object, keys: tuple[str, ...], text: str) -> object:
    """``value`` with ``text`` where ``keys`` lead, of objects alone."""
    if not keys:
        return text
    members = dict(value) if isinstance(value, Mapping) else {}
    members[keys[0]] = _put(members.get(keys[0]), keys[1:], text)
    return members
