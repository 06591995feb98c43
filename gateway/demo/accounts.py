"""The demo tutor's users and tokens, in memory. Ada is there from the start."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.demo import hs256

ADA_EMAIL = "ada@example.com"
ADA_PASSWORD = "Correct-horse-1"
ACCESS_SECONDS = 900
REFRESH_SECONDS = 604_800
_SINCE = datetime(2024, 2, 3, 4, 5, 6, tzinfo=UTC)


def user_id(email: str) -> str:
    """The 32 characters of an account in a token's ``sub``; the same in every run of the demo."""
    return hashlib.sha256(email.lower().encode()).hexdigest()[:32]


def token_claims(sub: str, kind: str, seconds: int, now: float, sid: str | None) -> dict[str, Any]:
    """Claims as the tutor makes them. ``seconds`` is the lifetime, ``now`` unix seconds."""
    session = {} if sid is None else {"sid": sid}
    return {"sub": sub, **session, "type": kind, "expInSec": seconds, "iat": int(now), "exp": int(now) + seconds}


@dataclass(slots=True)
class User:
    """One account. ``profile`` holds what the app shows and may change."""

    email: str
    password: str
    display_name: str
    profile: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return user_id(self.email)

    def public(self) -> dict[str, Any]:
        """The account as procedures return it, never with its password."""
        own = {"id": self.id, "email": self.email, "displayName": self.display_name, "createdAt": _SINCE}
        return {**self.profile, **own}


class Accounts:
    """Users by email and by id, and the refresh tokens that have not been signed out. ``secret`` signs their tokens;
    those that ``old_secret`` has signed, where there is one, are good as well until they end."""

    def __init__(self, secret: str, wall: Callable[[], float], old_secret: str = "") -> None:
        self._secret = secret
        self._secrets = (secret, old_secret) if old_secret else (secret,)
        self._wall = wall
        self._ended: set[str] = set()  # sessions whose refresh token was ended by a sign-out
        ada = {"nativeLanguage": "en", "targetLanguage": "es", "proficiencyLevel": "beginner"}
        self._users = {ADA_EMAIL: User(ADA_EMAIL, ADA_PASSWORD, "Ada", ada)}

    def by_email(self, email: str) -> User | None:
        return self._users.get(email.lower())

    def by_id(self, sub: str) -> User:
        """The user of a token; one made by ``gateway token`` for an unknown subject gets an account for this call only."""
        known = next((user for user in self._users.values() if user.id == sub), None)
        return known or User(f"{sub}@example.com", "", sub)

    def add(self, email: str, password: str, display_name: str) -> User:
        user = self._users[email.lower()] = User(email.lower(), password, display_name)
        return user

    def remove(self, user: User) -> None:
        self._users.pop(user.email, None)

    def tokens(self, user: User) -> dict[str, Any]:
        """A pair of tokens of a new session."""
        sid = secrets.token_hex(16)
        return {
            "accessToken": self._make(user.id, "access", ACCESS_SECONDS, sid),
            "refreshToken": self._make(user.id, "refresh", REFRESH_SECONDS, sid),
            "expiresIn": ACCESS_SECONDS,
        }

    def renew(self, refresh_token: str) -> str | None:
        """A new access token, without a ``sid`` as the real one's; None for a token that is no good."""
        claims = self._claims(refresh_token)
        if not claims or claims.get("type") != "refresh" or claims.get("sid") in self._ended:
            return None
        return self._make(claims["sub"], "access", ACCESS_SECONDS, None)

    def end(self, claims: dict[str, Any]) -> None:
        """End the session's refresh token; its access token lives on until it expires, as the real one's does."""
        self._ended.add(str(claims.get("sid")))

    def access(self, authorization: str) -> dict[str, Any] | None:
        """The claims of a good access token in an Authorization field; None is anonymous."""
        scheme, _, token = authorization.partition(" ")
        claims = self._claims(token.strip()) if scheme.lower() == "bearer" else None
        return claims if claims and claims.get("type") == "access" else None

    def _claims(self, token: str) -> dict[str, Any] | None:
        verified = (hs256.verify(token, secret, self._wall()) for secret in self._secrets)
        return next((claims for claims in verified if claims), None)

    def _make(self, sub: str, kind: str, seconds: int, sid: str | None) -> str:
        return hs256.sign(token_claims(sub, kind, seconds, self._wall(), sid), self._secret)
