"""Who is calling: bearer tokens that are JSON Web Tokens. YAML section ``auth``; the only door to pyjwt.

RFC 6750 (bearer tokens), RFC 7519 (JWT), RFC 8725 (how to verify them safely).
"""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from math import isfinite
from typing import Annotated, Any, Literal, NamedTuple, TypeGuard

import jwt
from pydantic import AfterValidator, Field, StrictBool, StrictInt, StrictStr, model_validator

from gateway.core.exchange import Exchange
from gateway.core.reason import Refusal, refuse
from gateway.policy.fields import ByteSize, Duration, Policy, SecretField
from gateway.policy.stage import Stage
from gateway.policy.tools import Tools

SECTION = "auth"

Algorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]
_DIGEST_BYTES = {"HS256": 32, "HS384": 48, "HS512": 64}

REMEMBERED = 10_000  # tokens; about 1 KiB each

_SUBJECT_LENGTH = 256
# RFC 6749 section 3.3; a scope stands inside a quoted string of the challenge.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+").fullmatch
# Three base64url parts (RFC 7515 section 3.1): no padding, no spaces, nothing a second reader could see otherwise.
_CREDENTIALS = re.compile(rb"bearer ([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)", re.IGNORECASE).fullmatch
_SCHEME_LENGTH = len(b"bearer ")

_CHALLENGE = b'Bearer realm="api"'
_INVALID = _CHALLENGE + b', error="invalid_token", error_description='
# The gateway's own clock is handed in, so pyjwt leaves the times alone.
_OPTIONS: Any = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_sub": False}


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
        _key(self)
        return self


def _key(settings: Settings) -> Any:
    """The key in pyjwt's own form, checked against every algorithm. Raises ValueError that does not repeat it."""
    text = settings.secret.reveal() if settings.secret else (settings.public_key or "")
    if not settings.secret and "PRIVATE" in text:
        raise ValueError("public_key holds a private key: the gateway must never have it")
    key: Any = None
    for name in settings.algorithms:
        algorithm = jwt.get_algorithm_by_name(name)
        try:
            key = algorithm.prepare_key(text.encode("utf-8", "surrogatepass"))
        except (jwt.InvalidKeyError, ValueError, TypeError):
            what = "secret looks like a public key or a JWK" if settings.secret else f"public_key is no key for {name}"
            raise ValueError(what) from None
        if not settings.secret and algorithm.check_key_length(key):
            raise ValueError("public_key is too short: RSA keys have at least 2048 bits")
    if settings.secret:
        # HMAC itself fills a short key up with zero bytes (RFC 2104 section 2), so this is the same key. Whether a short
        # one is acceptable is decided where the environment is known; pyjwt would warn at every token instead.
        key = key.ljust(max(_DIGEST_BYTES[name] for name in settings.algorithms), b"\0")
    return key


class _Known(NamedTuple):
    """A verified token: until when (Unix seconds) it is good, whose it is, and what it says."""

    until: float
    subject: str
    claims: dict[str, Any]


class Jwt(Stage):
    """Sets ``exchange.principal`` and ``exchange.claims`` (shared between requests: never to be changed).

    Refuses with ``token_missing``, ``token_invalid``, ``token_expired``, ``claim_refused``, ``scope_missing``.
    A token that passed is remembered until it expires, at most ``remember`` of them, the least recently used go first;
    a token that failed is not remembered.
    """

    __slots__ = ("_decoder", "_hash", "_key", "_known", "_longest", "_remember", "_settings", "_wall")
    kind = "jwt"

    def __init__(self, settings: Settings, wall: Callable[[], float], remember: int = REMEMBERED) -> None:
        self._settings = settings
        self._wall = wall
        self._remember = remember
        self._longest = settings.max_bytes + _SCHEME_LENGTH
        self._key = _key(settings)
        self._decoder = jwt.PyJWT()
        # Keyed, so that nobody can prepare two tokens that look alike here; and the tokens themselves are not kept.
        self._hash = blake2b(digest_size=16, key=os.urandom(32))
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    def on_request(self, exchange: Exchange) -> Refusal | None:
        raw = exchange.fields.get(b"authorization")
        if raw is None:
            return _refuse("token_missing", _CHALLENGE)
        if len(raw) > self._longest:
            return _refuse("token_invalid", _INVALID + b'"too long"', f"{len(raw)} bytes")
        fingerprint = self._hash.copy()
        fingerprint.update(raw)
        mark = fingerprint.digest()
        known = self._known.get(mark)
        if known is None or self._wall() >= known.until:
            found = self._verify(raw)
            if isinstance(found, Refusal):
                self._known.pop(mark, None)
                return found
            known = found
            self._store(mark, known)
        else:
            self._known.move_to_end(mark)
        exchange.principal = known.subject
        exchange.claims = known.claims
        return None

    def forget(self, subject: str) -> int:
        """Forgets the remembered tokens of one ``sub``; how many there were. They are verified anew when next used."""
        marks = [mark for mark, known in self._known.items() if known.subject == subject]
        for mark in marks:
            del self._known[mark]
        return len(marks)

    def clear(self) -> None:
        """Forgets all remembered tokens."""
        self._known.clear()

    def _store(self, mark: bytes, known: _Known) -> None:
        if self._remember:
            self._known[mark] = known
            if len(self._known) > self._remember:
                self._known.popitem(last=False)

    def _verify(self, raw: bytes) -> _Known | Refusal:
        found = _CREDENTIALS(raw)
        if found is None:
            # RFC 6750 section 3.1: no error code for a client that tried another scheme
            bearer = raw[:_SCHEME_LENGTH].lower() == b"bearer "
            return _refuse("token_invalid", _INVALID + b'"malformed"' if bearer else _CHALLENGE, "not one bearer token")
        settings = self._settings
        try:
            token = self._decoder.decode_complete(
                found[1],
                self._key,
                algorithms=settings.algorithms,
                options=_OPTIONS,
                issuer=settings.issuer,
                audience=settings.audience,
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError, OverflowError) as error:
            # the message may quote the token; the class says enough
            return _refuse("token_invalid", _INVALID + b'"not valid"', type(error).__name__)
        if "crit" in token["header"] or "b64" in token["header"]:
            return _refuse("token_invalid", _INVALID + b'"not valid"', "critical extensions are not understood")
        return self._judge(token["payload"])

    def _judge(self, claims: dict[str, Any]) -> _Known | Refusal:
        """What a genuine token's claims mean here."""
        settings = self._settings
        now, leeway = self._wall(), settings.leeway
        expires = _seconds(claims.get("exp"))
        if expires is None:
            return _refuse("token_invalid", _INVALID + b'"without an end"', "exp is missing or not a number")
        if now >= expires + leeway:
            return _refuse("token_expired", _INVALID + b'"expired"', f"{now - expires:.0f} s ago")
        for name in ("nbf", "iat"):
            if name in claims:
                start = _seconds(claims[name])
                if start is None or start > now + leeway:
                    return _refuse("token_invalid", _INVALID + b'"not yet valid"', f"{name} is not a time in the past")
        subject = claims.get("sub")
        if not _fit(subject):
            return _refuse("token_invalid", _INVALID + b'"not valid"', "sub is missing or unfit")
        for name, value in settings.require.items():
            held = claims.get(name)
            if held != value or type(held) is not type(value):  # True == 1 in Python, but not in JSON
                return _refuse("claim_refused", _CHALLENGE + b', error="insufficient_scope"', name)
        missing = set(settings.scopes) - _scopes(claims.get("scope"))
        if missing:
            wanted = " ".join(settings.scopes).encode()
            challenge = _CHALLENGE + b', error="insufficient_scope", scope="' + wanted + b'"'
            return _refuse("scope_missing", challenge, " ".join(sorted(missing)))
        return _Known(expires + leeway, subject, claims)


def _refuse(slug: str, challenge: bytes, detail: str = "") -> Refusal:
    """A refusal with the challenge that RFC 6750 section 3 asks for."""
    return refuse(slug, detail, headers=((b"www-authenticate", challenge),))


def _seconds(value: Any) -> float | None:
    """A NumericDate (RFC 7519 section 2), None for anything else; Python's JSON also reads NaN and Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def _fit(subject: Any) -> TypeGuard[str]:
    """Whether a ``sub`` can stand in a header and a log line: printable ASCII without spaces at its ends."""
    return (
        isinstance(subject, str)
        and 0 < len(subject) <= _SUBJECT_LENGTH
        and subject.isascii()
        and subject.isprintable()
        and subject == subject.strip()
    )


def _scopes(value: Any) -> set[str]:
    """The scopes of a token: words of one string (RFC 8693 section 4.2), or a list as some issuers write it."""
    if isinstance(value, str):
        return set(value.split(" "))
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()


def build(name: str, settings: Settings, tools: Tools) -> Jwt:
    """The stage for the policy ``name``."""
    return Jwt(settings, tools.wall)
