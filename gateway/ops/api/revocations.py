"""Ending tokens before their time: the part of the operators' listener that revokes."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

import orjson
from aiohttp import web

from gateway.core.units import parse_duration
from gateway.ops.api.app import problem
from gateway.ops.plain import rfc3339
from gateway.state.store import RemoteRevocationStore, RevocationStore, StateError

LONGEST = 30 * 86_400.0
"""Seconds that a revocation lasts, at most and when nothing is said: no token should live longer."""

_LENGTH = 512  # characters of a name


class Desk(Protocol):
    """What the endpoint needs of the run."""

    def store(self) -> RevocationStore | RemoteRevocationStore:
        """The store of the workers. Raises StateError when it cannot be opened."""

    def subject(self, name: str) -> str:
        """What stands for a subject in the log."""

    def audit(self, name: str, **fields: object) -> None:
        """Writes an event to the log."""


class Revoke(NamedTuple):
    """An order to refuse the tokens of a ``subject`` or a ``session`` (``kind``) named ``key`` for ``lasting`` seconds."""

    kind: str
    key: str
    lasting: float
    by: str


def order_of(body: bytes) -> Revoke:
    """The order in a request's body. Raises ValueError with a sentence."""
    try:
        said = orjson.loads(body)
    except ValueError:
        raise ValueError("The body is not JSON") from None
    if not isinstance(said, dict) or not said.keys() <= {"subject", "session", "by", "for"}:
        raise ValueError('Write {"subject": "..."} or {"session": "..."}, "for" how long, and "by" to say who asks')
    for key, value in said.items():
        if not isinstance(value, str) or not value.strip() or len(value) > _LENGTH:
            raise ValueError(f"{key} must be a text of at most {_LENGTH} characters")
    kinds = said.keys() & {"subject", "session"}
    if len(kinds) != 1:
        raise ValueError("Name a subject or a session, and not both")
    kind = kinds.pop()
    lasting = LONGEST
    if "for" in said:
        try:
            lasting = parse_duration(said["for"])
        except ValueError as error:
            raise ValueError(f"for: {error}") from None
        if not 0 < lasting <= LONGEST:
            raise ValueError("for must be more than nothing and at most 30d")
    return Revoke(kind, said[kind], lasting, said.get("by", ""))


def add(app: web.Application, desk: Desk, wall: Callable[[], float] = time.time) -> None:
    """Adds ``POST /v1/revoke`` to the listener, behind its guard."""

    async def revoke(request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            # A web page can send a form or plain text anywhere without asking, but not this.
            return problem(415, "The body must be application/json")
        try:
            order = order_of(await request.read())
        except ValueError as error:
            return problem(400, str(error))
        now = wall()
        until = now + order.lasting
        try:
            answer = desk.store().revoke(order.kind, order.key.encode("utf-8", "surrogatepass"), until, now)
            done = bool(await answer if inspect.isawaitable(answer) else answer)
        except StateError as error:
            return problem(503, str(error))
        # A session's name may be as good as a key to it, so neither is written down.
        who = {order.kind: desk.subject(order.key)}
        desk.audit("revoke", **who, until=rfc3339(until), by=order.by, asked_from=request.remote or "", revoked=done)
        if not done:
            return problem(507, "There is no room for another revocation everywhere")
        body = orjson.dumps({"revoked": True, "until": rfc3339(until)})
        return web.Response(body=body, content_type="application/json")

    app.router.add_post("/v1/revoke", revoke)
