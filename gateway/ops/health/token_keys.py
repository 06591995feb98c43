"""The section of /health about the keys of tokens: what each has verified, and when an old one can go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gateway.ops.plain import rfc3339

Key = tuple[str, ...]
"""A policy and the fingerprint of one of its keys."""


class KeyFigures(NamedTuple):
    """What all workers have counted: good tokens by key, when the last of them was verified (Unix seconds), and by policy
    the longest life of a token (seconds)."""

    verified: Mapping[Key, float]
    last: Mapping[Key, float]
    lifetimes: Mapping[Key, float]


def token_keys(
    prints: Mapping[str, Sequence[str]], figures: KeyFigures, loaded_at: float, now: float
) -> dict[str, list[dict[str, Any]]]:
    """The keys of each policy by their fingerprints, in the order in which they are written. They are served since
    ``loaded_at``; Unix seconds.

    A key behind the first one can go when it has verified nothing for as long as a token lives: by then every token that
    it was for has ended. The longest life is taken from the tokens that were seen; while none was, nobody can know.
    """
    return {
        policy: [_key((policy, key), position, figures, loaded_at, now) for position, key in enumerate(keys)]
        for policy, keys in prints.items()
    }


def _key(key: Key, position: int, figures: KeyFigures, loaded_at: float, now: float) -> dict[str, Any]:
    last = figures.last.get(key, 0.0)
    lifetime = figures.lifetimes.get(key[:1], 0.0)
    free_at = max(last, loaded_at) + lifetime if position and lifetime else None
    return {
        "key": key[1],
        "verified": int(figures.verified.get(key, 0)),
        "last_verified_at": rfc3339(last) if last else None,
        "can_go": free_at is not None and now >= free_at,
        "can_go_at": None if free_at is None else rfc3339(free_at),
    }
