"""Access tokens for the load, made by the standard library so that no library under test made them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time


def _pack(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def base64url(secret: str) -> str:
    """The secret as a JWK has it."""
    return _pack(secret.encode())


def token(secret: str, user: str, *, kind: str = "access", lifetime: float = 86400) -> str:
    """A compact HS256 token of ``user``, good for ``lifetime`` seconds (negative: expired)."""
    now = int(time.time())
    head = {"alg": "HS256", "typ": "JWT"}
    claims = {"sub": user, "type": kind, "iat": now, "exp": now + int(lifetime), "sid": f"session-of-{user}"}
    signed = ".".join(_pack(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    return f"{signed}.{_pack(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest())}"


def spoilt(good: str, number: int) -> str:
    """The token with another signature: it looks right and is not, and no two are alike."""
    return good.rpartition(".")[0] + "." + _pack(hashlib.sha256(f"{good}{number}".encode()).digest())
