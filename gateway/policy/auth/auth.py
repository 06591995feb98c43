"""Who is calling: bearer tokens that are JSON Web Tokens. YAML section ``auth``.

RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (how to verify them safely).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Protocol

from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.auth.claims import Unfit, addressed, fit, granted, seconds
from gateway.policy.auth.mac import Signatures
from gateway.policy.base.settings import ByteSize, Duration, Policy, SecretField
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.state.rules.revocation import RevocationTable

if TYPE_CHECKING:
    from gateway.policy.auth.jws import Library

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]

REMEMBERED = 10_000  # tokens; about 1 KiB each

# RFC 6749 section 3.3; a scope stands inside a quoted string of the challenge.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch
# Three base64url parts (RFC 7515 section 3.1): no padding, no spaces, nothing a second reader could see otherwise.
# The scheme in any case, spelled out: re.IGNORECASE is four times slower, over the token too.
_CREDENTIALS = re.compile(rb"[Bb][Ee][Aa][Rr][Ee][Rr] (([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+))").fullmatch
_SCHEME_LENGTH = len(b"bearer ")

_CHALLENGE = b'Bearer realm="api"'
_SHORT = _CHALLENGE + b', error="insufficient_scope"'
_INVALID = _CHALLENGE + b', error="invalid_token", error_description='


def _scope(text: str) -> str:
    if not _SCOPE(text):
        raise ValueError("is not a scope: one word, without quotes and spaces")
    return text


class Settings(Policy):
    """One entry of ``auth``.

    ``require``: claims that must have exactly this value. ``leeway``: seconds by which clocks may differ.
    ``max_bytes``: the longest token that is looked at.
    """

    kind: Literal["jwt"]
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)]
    secret: SecretField | None = None
    public_key: str | None = None
    require: dict[str, StrictStr | StrictInt | StrictBool] = Field(default_factory=dict)
    issuer: Annotated[str, Field(min_length=1)] | None = None
    audience: Annotated[str, Field(min_length=1)] | None = None
    scopes: tuple[Annotated[str, AfterValidator(_scope)], ...] = ()
    leeway: Annotated[Duration, Field(le=300)] = 0.0
    max_bytes: Annotated[ByteSize, Field(ge=64)] = 4096

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
        _library(self)  # what pyjwt says to the key
        return self


class _Reader(Protocol):
    """Reads tokens that nobody but the holder of the key can have made."""

    def payload(self, token: bytes) -> bytes:
        """What ``token`` says. Raises Unfit, or ValueError or RecursionError for what is no JSON."""


def _library(settings: Settings) -> Library:
    """pyjwt with the key of ``settings``. Raises ValueError for a key that cannot be."""
    # Here and not above: a worker whose tokens all have a shared secret does without it.
    from gateway.policy.auth.jws import Library

    return Library(settings.algorithms, _key(settings), secret=settings.secret is not None)


def _key(settings: Settings) -> bytes:
    """The secret, or the text of the public key."""
    text = settings.secret.reveal() if settings.secret else (settings.public_key or "")
    return text.encode("utf-8", "surrogatepass")


class _Known(NamedTuple):
    """A verified token: until when (Unix seconds) it is good, whose it is, and what it says."""

    until: float
    subject: str
    claims: dict[str, Any]


class Jwt(Stage):
    """Sets ``exchange.principal`` and ``exchange.claims`` (shared between requests: never to be changed).

    Refuses with ``token_missing``, ``token_invalid``, ``token_expired``, ``token_revoked``, ``claim_refused``, ``scope_missing``.
    A token that passed is remembered until it expires, at most ``remember`` of them, those long unused go first; a
    token that failed is not remembered.
    """

    __slots__ = (
        "_hash",
        "_known",
        "_longest",
        "_older",
        "_reader",
        "_remember",
        "_revoked",
        "_settings",
        "_signatures",
        "_wall",
    )

    def __init__(
        self,
        settings: Settings,
        wall: Callable[[], float],
        remember: int = REMEMBERED,
        revoked: RevocationTable | None = None,
    ) -> None:
        self._settings = settings
        self._wall = wall
        self._remember = remember
        self._revoked = revoked
        self._longest = settings.max_bytes + _SCHEME_LENGTH
        self._signatures = Signatures(settings.algorithms, _key(settings)) if settings.secret else None
        self._reader: _Reader = self._signatures or _library(settings)
        # Random salts, so that nobody can prepare two tokens that look alike here; the tokens themselves are not kept.
        self._hash = blake2b(digest_size=16, salt=os.urandom(16), person=os.urandom(16))
        # Two generations: a full one becomes the older, what is used again moves up. A hit costs one look-up, while an
        # order of last use would have to be kept at every request.
        self._known: dict[bytes, _Known] = {}
        self._older: dict[bytes, _Known] = {}

    def on_request(self, exchange: Exchange) -> Refusal | None:
        raw = exchange.fields.get(b"authorization")
        if raw is None:
            return _MISSING
        if len(raw) > self._longest:
            return _invalid(f"{len(raw)} bytes", b'"too long"')
        fingerprint = self._hash.copy()
        fingerprint.update(raw)
        mark = fingerprint.digest()
        if self._revoked is not None and self._revoked.changed(self._wall):
            # Judged when they move up again, each once: what is in the newer generation was.
            self._known, self._older = {}, self._known
        known = self._known.get(mark)
        if known is None or self._wall() >= known.until:
            found = self._recall(mark) or self._verify(raw)
            if isinstance(found, Refusal):
                return found
            ended = self._ended(found)
            if ended is not None:
                return ended
            known = found
            self._store(mark, known)
        exchange.principal = known.subject
        exchange.claims = known.claims
        return None

    def _ended(self, known: _Known) -> Refusal | None:
        """What a revocation says to a good token. Where clocks may differ, the doubt counts against the token."""
        revoked = self._revoked
        if revoked is None or not revoked.table:
            return None
        # Not looked at anew: a change is for ``on_request`` to notice, which has to judge what is remembered.
        now, held = self._wall(), revoked.table
        keys = [("subject", known.subject)]
        session = known.claims.get("sid")
        if isinstance(session, str | int):
            keys.append(("session", str(session)))
        issued = seconds(known.claims.get("iat"))
        for kind, key in keys:
            found = held.get(revoked.name(kind, key.encode("utf-8", "surrogatepass")))
            if found is None or now >= found.until:
                continue
            if issued is None or issued < found.since + self._settings.leeway:
                return _refuse("token_revoked", _INVALID + b'"revoked"', kind)
        return None

    def forget(self, subject: str) -> int:
        """Forgets the remembered tokens of one ``sub``; how many there were. They are verified anew when next used."""
        count = 0
        for generation in (self._known, self._older):
            for mark in [mark for mark, known in generation.items() if known.subject == subject]:
                del generation[mark]
                count += 1
        return count

    def clear(self) -> None:
        """Forgets all remembered tokens."""
        self._known.clear()
        self._older.clear()

    def _recall(self, mark: bytes) -> _Known | None:
        """A token of the older generation that is still good; what is no longer good is dropped from both."""
        self._known.pop(mark, None)
        known = self._older.pop(mark, None)
        return known if known is not None and self._wall() < known.until else None

    def _store(self, mark: bytes, known: _Known) -> None:
        if len(self._known) >= self._remember // 2:
            self._known, self._older = {}, self._known
        if self._remember > 1:
            self._known[mark] = known

    def _verify(self, raw: bytes) -> _Known | Refusal:
        found = _CREDENTIALS(raw)
        if found is None:
            # RFC 6750 section 3.1: no error code for a client that tried another scheme
            bearer = raw[:_SCHEME_LENGTH].lower() == b"bearer "
            return _refuse("token_invalid", _INVALID + b'"malformed"' if bearer else _CHALLENGE, "not one bearer token")
        signatures = self._signatures
        if signatures is not None:
            fits = signatures.fit(found[2], found[3])
            if not fits:
                return _OTHER if fits is None else _FORGED
        try:
            claims = json.loads(self._reader.payload(found[1]))
        except Unfit as error:
            return _invalid(str(error))
        except (ValueError, TypeError, RecursionError) as error:
            # the message may quote the token; the class says enough
            return _invalid(type(error).__name__)
        if not isinstance(claims, dict):
            return _invalid("claims that are no object")
        return self._judge(claims)

    def _judge(self, claims: dict[str, Any]) -> _Known | Refusal:
        """What a genuine token's claims mean here."""
        settings = self._settings
        expires = seconds(claims.get("exp"))
        if expires is None:
            return _invalid("exp is missing or not a number", b'"without an end"')
        now, leeway = self._wall(), settings.leeway
        if now >= expires + leeway:
            return _refuse("token_expired", _INVALID + b'"expired"', f"{now - expires:.0f} s ago")
        for name in ("nbf", "iat"):
            start = seconds(claims.get(name, 0))
            if start is None or start > now + leeway:
                return _invalid(f"{name} is not a time in the past", b'"not yet valid"')
        if settings.issuer is not None and claims.get("iss") != settings.issuer:
            return _invalid("another issuer")
        if not addressed(claims, settings.audience):
            return _invalid("another audience")
        subject = claims.get("sub")
        if not fit(subject):
            return _invalid("sub is missing or unfit")
        return self._demand(claims) or _Known(expires + leeway, subject, claims)

    def _demand(self, claims: dict[str, Any]) -> Refusal | None:
        """What the policy asks of a valid token beyond being valid."""
        for name, value in self._settings.require.items():
            held = claims.get(name)
            if held != value or type(held) is not type(value):  # True == 1 in Python, but not in JSON
                return _refuse("claim_refused", _SHORT, name)
        scopes = self._settings.scopes
        missing = set(scopes) - granted(claims.get("scope"))
        if missing:
            return _refuse(
                "scope_missing", _SHORT + b', scope="%b"' % " ".join(scopes).encode(), " ".join(sorted(missing))
            )
        return None


def _refuse(slug: str, challenge: bytes, detail: str = "") -> Refusal:
    """A refusal with the challenge that RFC 6750 section 3 asks for."""
    return refuse(slug, detail, headers=((b"www-authenticate", challenge),))


def _invalid(detail: str, described: bytes = b'"not valid"') -> Refusal:
    return _refuse("token_invalid", _INVALID + described, detail)


# What floods of bad requests are refused with, made once.
_MISSING = _refuse("token_missing", _CHALLENGE)
_FORGED = _invalid("InvalidSignatureError")
_OTHER = _invalid("a signature of no allowed algorithm")


def build(name: str, settings: Settings, tools: Tools) -> Jwt:
    """The stage for the policy ``name``."""
    return Jwt(settings, tools.wall, revoked=RevocationTable(tools.store))
