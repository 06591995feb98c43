"""The keys of an ``auth`` policy as they are written: one, or a few while one takes the place of another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from gateway.core.secret import MASK, Secret
from gateway.policy.auth.public_key import public_key
from gateway.policy.base.settings import parse_secret

MOST_KEYS = 3
"""Of one policy: the new one, the one before, and one more for a change that was not finished. A token with a wrong
signature is tried with each, and anybody may send such."""

K = TypeVar("K", Secret, str)


def _few(parse: Callable[[Any], K]) -> Callable[[Any], K | tuple[K, ...] | None]:
    """Reads one key or a list of them. A list of one is that one, so that both are the same configuration."""

    def read(value: Any) -> K | tuple[K, ...] | None:
        if not isinstance(value, list | tuple):
            return None if value is None else parse(value)
        if not value:
            raise ValueError("is an empty list: name the key that tokens are signed with")
        if len(value) > MOST_KEYS:
            raise ValueError(
                f"names {len(value)} keys, and a wrong signature is tried with each: keep at most {MOST_KEYS}, "
                "and remove those that no good token is signed with any more"
            )
        keys = tuple(parse(item) for item in value)
        if not all(keys):
            raise ValueError("has an empty entry: remove it, or write what it is to be")
        if any(key in keys[:index] for index, key in enumerate(keys)):
            raise ValueError("names the same key twice: remove one of them")
        return keys[0] if len(keys) == 1 else keys

    return read


def _public(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a text: put quotes around it")
    return public_key(value)


def _schema(one: dict[str, Any]) -> WithJsonSchema:
    several = {"type": "array", "items": one, "minItems": 1, "maxItems": MOST_KEYS, "uniqueItems": True}
    return WithJsonSchema({"anyOf": [one, several, {"type": "null"}]})


SecretKeys = Annotated[
    Secret | tuple[Secret, ...] | None,
    PlainValidator(_few(parse_secret)),
    PlainSerializer(lambda _: MASK, return_type=str, when_used="json"),
    _schema({"type": "string", "x-secret": True}),
]
"""A shared secret, or a list: the new one first."""

PublicKeys = Annotated[str | tuple[str, ...] | None, PlainValidator(_few(_public)), _schema({"type": "string"})]
"""The PEM text of a public key, or a list: the new one first."""
