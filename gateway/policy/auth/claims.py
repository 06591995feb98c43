"""How single claims of a JSON Web Token are read (RFC 7519 section 4.1). A claim may hold any JSON value."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TypeGuard

_MAX_SUBJECT_LENGTH = 256


def numeric_date(value: object) -> float | None:
    """The Unix seconds of a NumericDate (RFC 7519 section 2), None for anything else. Python's JSON also reads NaN and
    Infinity, which are no dates."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def accepts_audience(claims: Mapping[str, object], own: str | None) -> bool:
    """Whether ``claims`` are for the audience ``own``, or for any audience where both name none.

    RFC 7519 section 4.1.3: a recipient that ``aud`` does not name must reject the token, also one without a name.
    """
    if own is None:
        return "aud" not in claims
    audience = claims.get("aud")
    if isinstance(audience, list):
        return own in audience and all(isinstance(name, str) for name in audience)
    return bool(audience == own)


def is_subject(subject: object) -> TypeGuard[str]:
    """Whether a ``sub`` can go into a header field and a log line: 1 to 256 printable ASCII characters, no outer blanks."""
    return (
        isinstance(subject, str)
        and 0 < len(subject) <= _MAX_SUBJECT_LENGTH
        and subject.isascii()
        and subject.isprintable()
        and subject == subject.strip()
    )


def scopes_of(scope: object) -> set[str]:
    """The scopes in a claim ``scope``: words of one string (RFC 8693 section 4.2), or a list as some issuers write it."""
    if isinstance(scope, str):
        return set(scope.split(" "))
    return {item for item in scope if isinstance(item, str)} if isinstance(scope, list) else set()
