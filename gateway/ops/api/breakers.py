"""How breakers stand, and holding them open or closed by hand: a part of the operators' listener."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import orjson
from aiohttp import web

from gateway.ops.api.app import problem
from gateway.ops.health import standing
from gateway.state.rules.circuit import CLOSED, OPEN
from gateway.state.store import CircuitStore, StateError

ORDERS = {"open": OPEN, "close": CLOSED, "auto": ""}
"""What an order makes of a circuit's ``forced``."""

_LONGEST = 512  # characters of who asks


class Desk(Protocol):
    """What the endpoints need of the run."""

    def breakers(self) -> Mapping[str, str]:
        """By upstream the name of its breaker; upstreams without one are left out."""

    def circuits(self) -> CircuitStore:
        """The store of this host, which its workers share. Raises StateError when it cannot be opened."""

    def audit(self, name: str, **fields: object) -> None:
        """Writes an event to the log."""


def asker_of(body: bytes) -> str:
    """Who asks, by the body ``{"by": "..."}``; empty without one. Raises ValueError with a sentence."""
    if not body:
        return ""
    try:
        said = orjson.loads(body)
    except ValueError:
        raise ValueError("The body is not JSON") from None
    by = said.get("by", "") if isinstance(said, dict) and said.keys() <= {"by"} else None
    if not isinstance(by, str) or len(by) > _LONGEST:
        raise ValueError('Write {"by": "..."} to say who asks, or nothing')
    return by


def add(app: web.Application, desk: Desk, wall: Callable[[], float] = time.time) -> None:
    """Adds ``GET /v1/breakers`` and ``POST /v1/breakers/NAME/open|close|auto`` to the listener, behind its guard."""

    async def listed(_: web.Request) -> web.Response:
        try:
            store = desk.circuits()
            told = [
                {"upstream": upstream, "breaker": name, **standing(store.circuit(upstream.encode(), wall()), wall())}
                for upstream, name in desk.breakers().items()
            ]
        except StateError as error:
            return problem(503, str(error))
        return _json({"breakers": told})

    async def ordered(request: web.Request) -> web.Response:
        upstream, order = request.match_info["upstream"], request.match_info["order"]
        if not _meant(request):
            return problem(415, "The body must be application/json")
        if upstream not in desk.breakers():
            return problem(404, "No upstream of that name has a breaker")
        try:
            by = asker_of(await request.read())
            circuit, was = desk.circuits().force(upstream.encode(), ORDERS[order], wall())
        except ValueError as error:
            return problem(400, str(error))
        except StateError as error:
            return problem(503, str(error))
        if circuit.forced != ORDERS[order]:
            return problem(503, "The state store has no room to note it")
        told = {"upstream": upstream, "breaker": desk.breakers()[upstream], **standing(circuit, wall())}
        desk.audit(
            "breaker_ordered",
            upstream=upstream,
            order=order,
            before=was,
            state=circuit.state,
            by=by,
            asked_from=request.remote or "",
        )
        return _json(told)

    app.router.add_get("/v1/breakers", listed)
    app.router.add_post(f"/v1/breakers/{{upstream}}/{{order:{'|'.join(ORDERS)}}}", ordered)


def _meant(request: web.Request) -> bool:
    """Whether no web page could have sent this unasked: it can send forms and plain text anywhere, but neither JSON nor
    an Authorization field without a preflight."""
    if request.content_type == "application/json":
        return True
    return "authorization" in request.headers and not request.can_read_body


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")
