"""Requests from a browser, and the CORS policy that decides them."""

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.verdict import Refusal, Reply
from gateway.policy import cors
from gateway.policy.cors import Cors, Settings
from tests.policy.added_fields import added_fields

APP = {
    "origins": ["https://linguamate.app", "https://*.linguamate.app", "http://localhost:8081,http://localhost:19006"],
    "methods": ["GET", "POST"],
    "request_headers": ["content-type", "Authorization", "trpc-accept"],
    "expose_headers": ["X-Request-Id", "retry-after"],
    "credentials": True,
    "max_age": "10m",
}


def policy(**changed: object) -> Cors:
    return cors.build("app", Settings.model_validate({**APP, **changed}), None)  # type: ignore[arg-type]  # no tools


STAGE = policy()


def request(origin: bytes | None, method: str = "POST", **fields: bytes) -> Exchange:
    named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    if origin is not None:
        named[b"origin"] = origin
    return Exchange(method, "/", named, "192.0.2.1", 0.0)


def decide(origin: bytes | None, stage: Cors = STAGE) -> tuple[str, list[Pair]]:
    """The refusal's slug, or empty, and the fields that it adds to the response."""
    exchange = request(origin)
    verdict = stage.on_request(exchange)
    assert verdict is None or isinstance(verdict, Refusal)
    stage.on_response(exchange)
    return (verdict.reason.slug if verdict else ""), added_fields(exchange)


def preflight(
    origin: bytes, stage: Cors = STAGE, method: bytes = b"POST", headers: bytes | None = None
) -> Refusal | Reply | None:
    exchange = request(origin, "OPTIONS", access_control_request_method=method)
    if headers is not None:
        exchange.fields[b"access-control-request-headers"] = headers
    return stage.on_request(exchange)


def granted(origin: bytes) -> list[Pair]:
    return [
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"x-request-id, retry-after"),
    ]
