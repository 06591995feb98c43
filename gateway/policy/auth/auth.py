"""Which client calls: bearer tokens that are JSON Web Tokens. YAML section ``auth``.

RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (how to verify them safely).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from gateway.core.exchange import Exchange
from gateway.core.secret import Secret
from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge, orders
from gateway.policy.auth.claims import accepts_audience, is_subject, numeric_date, scopes_of
from gateway.policy.auth.key_ring import KeyRing, TokenVerifier
from gateway.policy.auth.keys import PublicKeys, SecretKeys
from gateway.policy.auth.mac import MacVerifier, is_plain_secret
from gateway.policy.auth.stand_in import NoKey, is_stand_in
from gateway.policy.auth.token_cache import TokenCache, VerifiedToken
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import ByteSize, Duration, Policy
from gateway.policy.base.stage import LastingCheck, Stage
from gateway.policy.base.tools import Tools
from gateway.state.rules.revocation import RevocationTable

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]

REMEMBERED = 10_000
"""Verified tokens that are remembered, about 1 KiB each."""

# RFC 6749 section 3.3; a scope goes into a quoted string of the challenge.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch
# Three base64url parts (RFC 7515 section 3.1): no padding, no spaces, nothing that a second parser could read otherwise.
# The scheme in any case, spelled out: re.IGNORECASE is four times slower, over the token too.
_CREDENTIALS = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)").fullmatch
_SCHEME_LENGTH = len(b"bearer ")


def _scope(text: str) -> str:
    if not _SCOPE(text):
        raise ValueError("is not a scope: one word, without quotes and spaces")
    return text


class Settings(Policy):
    """One entry of ``auth``."""

    kind: Literal["jwt"]
    """How somebody shows who they are: ``jwt`` for tokens (RFC 7519)."""
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    """The algorithms that a token may be signed with; its own header never chooses."""
    secret: SecretKeys = None
    """The key of HS* algorithms, or a list of a few while one takes the place of another, the new one first."""
    public_key: PublicKeys = None
    """The keys of all other algorithms, PEM."""
    require: dict[str, StrictStr | StrictInt | StrictBool] = Field(default_factory=dict)
    """Claims that must be there with exactly this value: ``{type: access}``."""
    issuer: Annotated[str, Field(min_length=1)] | None = None
    """The ``iss`` that a token must have."""
    audience: Annotated[str, Field(min_length=1)] | None = None
    """The ``aud`` that a token must have."""
    scopes: tuple[Annotated[str, AfterValidator(_scope)], ...] = ()
    """Scopes of which a token must have all."""
    leeway: Annotated[Duration, Field(le=300)] = 0.0
    """How far the clocks of the two machines may differ."""
    max_bytes: Annotated[ByteSize, Field(ge=64)] = 4096
    """The longest token that is looked at."""

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        found = {"token_missing", "token_invalid", "token_expired", "token_revoked"}
        if self.require:
            found.add("claim_refused")
        if self.scopes:
            found.add("scope_missing")
        return frozenset(found)

    ORDERS: ClassVar[Orders] = orders.ORDERS

    @model_validator(mode="after")
    def _one_kind_of_key(self) -> Settings:
        # RFC 8725 section 3.1: a key that serves both kinds lets a public key be used as a secret
        symmetric = {name for name in self.algorithms if name.startswith("HS")}
        if symmetric and len(symmetric) != len(set(self.algorithms)):
            raise ValueError("algorithms mixes HS* with public-key algorithms: make two policies of it")
        if symmetric:
            if self.public_key is not None:
                raise ValueError("public_key does not go with HS* algorithms: give secret")
            if not self.secret:
                raise ValueError("secret is missing or empty: HS* algorithms need one")
        else:
            if self.secret is not None:
                raise ValueError("secret does not go with public-key algorithms: give public_key")
            if not self.public_key:
                raise ValueError(
                    "public_key is missing or empty: give the PEM text, for instance ${file:/run/secrets/key}"
                )
        if not (symmetric and all(map(is_plain_secret, self.keys))):
            _jws_verifiers(self)  # raises ValueError for an unfit key
        return self

    @property
    def keys(self) -> tuple[bytes, ...]:
        """The secrets, or the texts of the public keys, in the order in which they are written."""
        written = self.secret if self.secret is not None else self.public_key or ()
        several = written if isinstance(written, tuple) else (written,)
        texts = (key.reveal() if isinstance(key, Secret) else key for key in several)
        return tuple(text.encode("utf-8", "surrogatepass") for text in texts)


def _jws_verifiers(settings: Settings) -> list[TokenVerifier]:
    """pyjwt with each key of ``settings``. Raises ValueError for an unfit key, and for one that is there twice."""
    if all(map(is_stand_in, settings.keys)):
        return [NoKey() for _ in settings.keys]
    # Imported here: a worker whose tokens all have a shared secret does without pyjwt.
    from gateway.policy.auth.jws import JwsVerifier

    name = "secret" if settings.secret else "public_key"
    found: list[JwsVerifier] = []
    for index, key in enumerate(settings.keys):
        try:
            made = JwsVerifier(settings.algorithms, key, secret=settings.secret is not None)
        except ValueError as error:
            which = f"{name}[{index}]" if len(settings.keys) > 1 else name
            raise ValueError(str(error).replace(name, which, 1)) from None
        if any(made.has_key_of(other) for other in found):
            raise ValueError(f"{name}[{index}] is the same key as one before: remove one of them")
        found.append(made)
    return list(found)


class Jwt(Stage):
    """Sets ``exchange.principal`` and ``exchange.claims`` (shared between requests: never to be changed).

    Refuses with ``token_missing``, ``token_invalid``, ``token_expired``, ``token_revoked``, ``claim_refused``,
    ``scope_missing``. A token that passed is remembered until it expires, at most ``remember`` of them; a token that failed
    is not remembered. ``wall`` gives Unix seconds. ``ring`` counts what each key has verified, where the verifier is one.
    """

    __slots__ = ("_hash", "_max_length", "_revocations", "_settings", "_wall", "cache", "ring", "verifier")

    def __init__(
        self,
        settings: Settings,
        verifier: TokenVerifier,
        wall: Callable[[], float],
        revocations: RevocationTable,
        remember: int = REMEMBERED,
    ) -> None:
        self._settings = settings
        self.verifier = verifier
        self.ring = verifier if isinstance(verifier, KeyRing) else None
        self._wall = wall
        self._revocations = revocations
        self._max_length = settings.max_bytes + _SCHEME_LENGTH
        # Random salts, so that nobody can prepare two tokens with one fingerprint.
        self._hash = blake2b(digest_size=16, salt=os.urandom(16), person=os.urandom(16))
        self.cache = TokenCache(remember)

    def on_request(self, exchange: Exchange) -> Refusal | None:
        raw = exchange.fields.get(b"authorization")
        if raw is None:
            return challenge.MISSING
        if len(raw) > self._max_length:
            return challenge.invalid(f"{len(raw)} bytes", b'"too long"')
        fingerprint = self._hash.copy()
        fingerprint.update(raw)
        digest = fingerprint.digest()
        if self._revocations.changed(self._wall):
            # Each remembered token is judged once more, when it moves up; those of the newer generation have been.
            self.cache.age()
        token = self.cache.newer.get(digest)
        if token is None or self._wall() >= token.until:
            verified = self.cache.take(digest, self._wall) or self._verify(raw)
            if isinstance(verified, Refusal):
                return verified
            refusal = self._check_revocations(verified)
            if refusal is not None:
                return refusal
            token = verified
            self.cache.add(digest, token)
        exchange.principal = token.subject
        exchange.claims = token.claims
        return None

    def on_lasting(self, exchange: Exchange, endless: bool) -> LastingCheck:
        """An endless response ends with its token; one that has an end of its own is not cut for that, but when the token is
        revoked."""
        claims = exchange.claims or {}
        expires = numeric_date(claims.get("exp")) or 0.0
        token = VerifiedToken(expires + self._settings.leeway, exchange.principal, claims)
        revocations, seen = self._revocations, -1

        def check() -> Refusal | None:
            nonlocal seen
            now = self._wall()
            if endless and now >= token.until:
                return challenge.expired(now - expires)
            if revocations.changed(self._wall):
                self.cache.age()
            if revocations.seen == seen:
                return None
            seen = revocations.seen
            return self._check_revocations(token)

        return check

    def _check_revocations(self, token: VerifiedToken) -> Refusal | None:
        """The refusal of a revoked token. Where clocks may differ, the doubt counts against the token."""
        # Not read anew here: who notices a change has to have all remembered tokens judged.
        revocations = self._revocations
        if not revocations.table:
            return None
        keys = [("subject", token.subject)]
        session = token.claims.get("sid")
        if isinstance(session, str | int):
            keys.append(("session", str(session)))
        issued, now = numeric_date(token.claims.get("iat")), self._wall()
        for kind, key in keys:
            revocation = revocations.table.get(revocations.name(kind, key.encode("utf-8", "surrogatepass")))
            if revocation is None or now >= revocation.until:
                continue
            if issued is None or issued < revocation.since + self._settings.leeway:
                return challenge.revoked(kind)
        return None

    def _verify(self, raw: bytes) -> VerifiedToken | Refusal:
        credentials = _CREDENTIALS(raw)
        if credentials is None:
            return challenge.MALFORMED if raw[:_SCHEME_LENGTH].lower() == b"bearer " else challenge.OTHER_SCHEME
        try:
            payload = self.verifier.verify(credentials[1])
            if isinstance(payload, Refusal):
                return payload
            claims = json.loads(payload)
        except (ValueError, TypeError, RecursionError) as error:
            # the message may quote the token, so the log gets the class only
            return challenge.invalid(type(error).__name__)
        if not isinstance(claims, dict):
            return challenge.invalid("claims that are no object")
        return self._validate(claims)

    def _validate(self, claims: dict[str, Any]) -> VerifiedToken | Refusal:
        """Checks the claims of a genuine token (RFC 7519 section 4.1)."""
        settings = self._settings
        expires = numeric_date(claims.get("exp"))
        if expires is None:
            return challenge.invalid("exp is missing or not a number", b'"without an end"')
        now, leeway = self._wall(), settings.leeway
        if now >= expires + leeway:
            return challenge.expired(now - expires)
        for name in ("nbf", "iat"):
            start = numeric_date(claims.get(name, 0))
            if start is None or start > now + leeway:
                return challenge.invalid(f"{name} is not a time in the past", b'"not yet valid"')
        if settings.issuer is not None and claims.get("iss") != settings.issuer:
            return challenge.invalid("another issuer")
        if not accepts_audience(claims, settings.audience):
            return challenge.invalid("another audience")
        subject = claims.get("sub")
        if not is_subject(subject):
            return challenge.invalid("sub is missing or unfit")
        refusal = self._authorize(claims)
        if refusal is not None:
            return refusal
        token = VerifiedToken(expires + leeway, subject, claims)
        if self.ring is not None:
            self.ring.note(token, now)
        return token

    def _authorize(self, claims: dict[str, Any]) -> Refusal | None:
        """Checks what the policy requires of a valid token: claims and scopes."""
        for name, value in self._settings.require.items():
            claim = claims.get(name)
            if claim != value or type(claim) is not type(value):  # True == 1 in Python, but not in JSON
                return challenge.claim_refused(name)
        scopes = self._settings.scopes
        missing = set(scopes) - scopes_of(claims.get("scope"))
        return challenge.scope_missing(scopes, missing) if missing else None


def verifier(settings: Settings) -> KeyRing:
    """The verifier for the keys and the algorithms of ``settings``."""
    if settings.secret:
        return KeyRing([MacVerifier(settings.algorithms, key) for key in settings.keys])
    return KeyRing(_jws_verifiers(settings))


def build(name: str, settings: Settings, tools: Tools) -> Jwt:
    """The stage for the policy ``name``."""
    return Jwt(settings, verifier(settings), tools.wall, RevocationTable(tools.store))
