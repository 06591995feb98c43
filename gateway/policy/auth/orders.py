"""How two policies of ``auth`` compare."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import sha256

from gateway.core.secret import Secret
from gateway.policy.base.order import (
    Danger,
    Effect,
    Order,
    Orders,
    by_inclusion,
    each_by_key,
    larger_set_is_looser,
    more_is_looser,
    optional,
    read_as,
    smaller_set_is_looser,
    undecidable,
)
from gateway.policy.base.written import NONE, duration, size, text

Keys = Secret | str | tuple[Secret | str, ...] | None


def _several(keys: Keys) -> tuple[Secret | str, ...]:
    """The keys by what stands in the files: a variable stands for one key, whatever it holds here."""
    written = () if keys is None else keys if isinstance(keys, tuple) else (keys,)
    return tuple(written)


def _shown(keys: Collection[Secret | str]) -> str:
    """A secret as it is written, and of the text of a public key the beginning of its SHA-256."""
    texts = [
        key.shown if isinstance(key, Secret) else f"sha256:{sha256(key.encode()).hexdigest()[:16]}" for key in keys
    ]
    return texts[0] if len(texts) == 1 else text(texts) if texts else NONE


def _same(wide: Collection[Secret | str], narrow: Collection[Secret | str]) -> bool:
    known, asked = ({key.as_written() if isinstance(key, Secret) else key for key in side} for side in (wide, narrow))
    return known >= asked


_keys: Order[Keys] = read_as(
    _several,
    by_inclusion(
        _same,
        Danger.OPEN,
        "Tokens that are signed with another key pass: whoever has it can speak for every user.",
        "Tokens that are signed with a key that is gone are refused.",
        _shown,
    ),
)


def _typed(value: str | int | bool) -> tuple[str, str | int | bool]:
    """True is 1 in Python, and is not in JSON."""
    return type(value).__name__, value


def _claim(value: str | int | bool) -> str:
    """A text in quotes: "1" is not 1."""
    return f'"{value}"' if isinstance(value, str) else text(value)


ORDERS: Orders = {
    "kind": undecidable(Danger.OPEN, "Another kind of proof is asked for."),
    "algorithms": larger_set_is_looser(
        Danger.OPEN,
        "Tokens that are signed in another way pass.",
        "Tokens that are signed in a way that is gone are refused.",
    ),
    "secret": _keys,
    "public_key": _keys,
    "require": each_by_key(
        Effect.TIGHTENS,
        Danger.OPEN,
        "Genuine tokens of another kind pass, such as a refresh token in place of an access token.",
        "Tokens without this claim are refused.",
        read_as(
            _typed,
            undecidable(
                Danger.OPEN,
                "Tokens with another value of the claim pass.",
                lambda typed: _claim(typed[1]),
            ),
        ),
        _claim,
    ),
    "issuer": optional(
        Effect.LOOSENS,
        Danger.OPEN,
        "Tokens of any issuer pass that has the key.",
        "Tokens of other issuers are refused.",
        undecidable(Danger.OPEN, "Tokens of another issuer pass."),
    ),
    # Without a setting only tokens without the claim pass (RFC 7519 section 4.1.3), so neither is stricter.
    "audience": undecidable(Danger.OPEN, "Tokens that were made for another service pass."),
    "scopes": smaller_set_is_looser(
        Danger.OPEN, "Tokens with fewer scopes pass.", "Tokens without one more scope are refused."
    ),
    "leeway": more_is_looser(
        Danger.CHECK, "Tokens pass for longer after their end.", "Tokens are refused sooner after their end.", duration
    ),
    "max_bytes": more_is_looser(Danger.LOAD, "Longer tokens are looked at.", "Longer tokens are refused unread.", size),
}
