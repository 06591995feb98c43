"""Circuit breakers: their state, and holding them open or closed by hand."""

from __future__ import annotations

from aiohttp import web

from gateway.ops.api.admin import Admin
from gateway.ops.api.order import LONGEST, InvalidOrder, decode
from gateway.ops.api.problem import json_response, problem
from gateway.ops.health.upstreams import breaker_status
from gateway.state.rules.circuit import CLOSED, OPEN

ORDERS = {"open": OPEN, "close": CLOSED, "auto": ""}
"""The ``forced`` state of a circuit by order."""

_USAGE = 'Write {"by": "..."} to say who asks, or nothing'


def operator_of(body: bytes) -> str:
    """The operator by the body ``{"by": "..."}``; empty without a body. Raises InvalidOrder."""
    by = decode(body, {"by"}, _USAGE).get("by", "") if body else ""
    if not isinstance(by, str) or len(by) > LONGEST:
        raise InvalidOrder(_USAGE)
    return by


async def get_breakers(admin: Admin, _: web.Request) -> web.Response:
    """``GET /v1/breakers``: the circuit of every upstream with a breaker."""
    store, now = admin.circuit_store(), admin.now()
    upstreams = admin.status().get("upstreams", {})
    rows = [
        {
            "upstream": upstream,
            "breaker": name,
            **breaker_status(store.circuit(upstream.encode(), now), now),
            "last_failure": upstreams[upstream]["breaker"]["last_failure"] if upstream in upstreams else None,
        }
        for upstream, name in admin.breakers().items()
    ]
    return json_response({"breakers": rows})


async def post_breaker(admin: Admin, request: web.Request) -> web.Response:
    """``POST /v1/breakers/UPSTREAM/open|close|auto``: hold a circuit in a state, or hand it back."""
    upstream, order = request.match_info["upstream"], request.match_info["order"]
    breaker = admin.breakers().get(upstream)
    if breaker is None:
        return problem(404, "No upstream of that name has a breaker")
    by = operator_of(await request.read())
    now = admin.now()
    circuit, before = admin.circuit_store().force(upstream.encode(), ORDERS[order], now)
    if circuit.forced != ORDERS[order]:
        return problem(503, "The state store has no room to note it")
    admin.audit(
        "breaker_ordered",
        upstream=upstream,
        order=order,
        before=before,
        state=circuit.state,
        by=by,
        asked_from=request.remote or "",
    )
    return json_response({"upstream": upstream, "breaker": breaker, **breaker_status(circuit, now)})
