"""The auth policy under test, tokens to present to it, and a clock that is moved by hand."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal
from gateway.policy.auth import auth
from gateway.policy.auth.auth import REMEMBERED, Jwt, Settings
from gateway.policy.auth.key_ring import TokenVerifier
from gateway.policy.base.tools import Tools
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.revocation import RevocationTable
from gateway.state.store import Store

SECRET = "correct horse battery staple, 32+"


NOW = 1_700_000_000.0


ACCESS = {"kind": "jwt", "algorithms": ["HS256"], "secret": SECRET, "require": {"type": "access"}, "leeway": "5s"}


class Clock:
    """Unix seconds, moved by hand. ``on_read`` is called before each reading."""

    def __init__(self) -> None:
        self.now = NOW
        self.on_read: Callable[[], object] = lambda: None

    def __call__(self) -> float:
        self.on_read()
        return self.now


def settings(**changed: object) -> Settings:
    return Settings.model_validate({**ACCESS, **changed})


def policy(clock: Clock | None = None, store: Store | None = None, **changed: object) -> Jwt:
    """The stage as it is built for requests."""
    return auth.build("access-token", settings(**changed), Tools(store=store or MemoryStore(), wall=clock or Clock()))


def policy_with(
    verifier: TokenVerifier | None = None, clock: Clock | None = None, remember: int = REMEMBERED, **changed: object
) -> Jwt:
    """The stage with another verifier, or with room for ``remember`` tokens."""
    made = settings(**changed)
    return Jwt(made, verifier or auth.verifier(made), clock or Clock(), RevocationTable(MemoryStore()), remember)


def claims(**changed: object) -> dict[str, Any]:
    made = {"sub": "a" * 32, "sid": "s" * 32, "type": "access", "expInSec": 900, "iat": int(NOW), "exp": int(NOW) + 900}
    return {name: value for name, value in {**made, **changed}.items() if value is not None}


def part(value: object) -> bytes:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def signed(payload: object = None, header: object = None, secret: str = SECRET) -> bytes:
    """A token with a genuine HS256 signature over whatever is in it."""
    body = part({"alg": "HS256", "typ": "JWT"} if header is None else header) + b"." + part(payload or claims())
    return body + b"." + part(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def present(stage: Jwt, authorization: bytes | None) -> tuple[Refusal | None, Exchange]:
    fields = {} if authorization is None else {b"authorization": authorization}
    exchange = Exchange("POST", "/", fields, "192.0.2.1", 0.0)
    return stage.on_request(exchange), exchange


def slug(stage: Jwt, token: bytes | None, scheme: bytes = b"Bearer ") -> str:
    """The reason with which the token is refused, empty when it passes. No refusal may quote the token."""
    refusal, exchange = present(stage, None if token is None else scheme + token)
    if refusal is None:
        assert exchange.principal and exchange.claims is not None
        return ""
    assert exchange.principal == "" and exchange.claims is None
    assert refusal.headers[0][0] == b"www-authenticate"
    assert refusal.headers[0][1].startswith(b'Bearer realm="api"')
    assert token is None or len(token) < 12 or token.decode("latin-1") not in refusal.detail
    return refusal.reason.slug


def challenge(stage: Jwt, authorization: bytes | None) -> bytes:
    refusal, _ = present(stage, authorization)
    assert refusal is not None
    return refusal.headers[0][1]


STAGE = policy()


def remembered(stage: Jwt) -> set[str]:
    """The subjects whose tokens are remembered."""
    return {token.subject for token in stage.cache}
