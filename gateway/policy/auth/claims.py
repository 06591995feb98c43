"""How single claims of a JSON Web Token are read (RFC 7519 section 4.1): anything may stand in any of them."""

from __future__ import annotations

from math import isfinite
from typing import Any, TypeGuard

_SUBJECT_LENGTH = 256


class Unfit(Exception):
    """A token that cannot be taken for what it says it is. The message is for the log and quotes nothing of it."""


def seconds(value: Any) -> float | None:
    """A NumericDate (RFC 7519 section 2), None for anything else; Python's JSON also reads NaN and Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if isfinite(value) else None
    except OverflowError:
        return None


def addressed(claims: dict[str, Any], audience: str | None) -> bool:
    """RFC 7519 section 4.1.3: who is not named in ``aud`` must reject the token, also who has no name."""
    if audience is None:
        return "aud" not in claims
    held = claims.get("aud")
    if isinstance(held, list):
        return audience in held and all(isinstance(name, str) for name in held)
    return bool(held == audience)


def fit(subject: Any) -> TypeGuard[str]:
    """Whether a ``sub`` can stand in a header and a log line: printable ASCII without spaces at its ends."""
    return (
        isinstance(subject, str)
        and 0 < len(subject) <= _SUBJECT_LENGTH
        and subject.isascii()
        and subject.isprintable()
        and subject == subject.strip()
    )


def granted(value: Any) -> set[str]:
    """The scopes of a token: words of one string (RFC 8693 section 4.2), or a list as some issuers write it."""
    if isinstance(value, str):
        return set(value.split(" "))
    return {item for item in value if isinstance(item, str)} if isinstance(value, list) else set()
