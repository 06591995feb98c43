"""The bucket that somebody has in a limit, for operators who ask how much of it is left."""

from __future__ import annotations

from typing import NamedTuple

from gateway.policy.base.bucket import address_key, condensed, length_prefixed, network_key, principal_key
from gateway.policy.base.pointer import input_key
from gateway.policy.rate_limit.limit import prefix_of
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.state.rules.gcra import Take


class Person(NamedTuple):
    """Whom an operator asks about, empty where it is not known: the claim ``sub``, the client's address, the account as it
    signs in."""

    subject: str = ""
    address: str = ""
    account: str = ""


def bucket_of(name: str, settings: Settings, person: Person) -> Take | None:
    """A take of nothing from the bucket of ``person`` in the limit ``name``, None where its key needs more than is known,
    such as a route. Raises ValueError for an account that names none (``policy.base.pointer``)."""
    parts = []
    for word in settings.key:
        part = _part(word, person)
        if not part:
            return None
        parts.append(part)
    bucket = prefix_of(name, settings.key) + b"".join(parts)
    return Take(bucket, 0, settings.limit.limit, settings.limit.period, settings.at_once)


def _part(word: str, person: Person) -> bytes:
    if word in ("address", "network") and person.address:
        return address_key(person.address) if word == "address" else network_key(person.address)
    if word == "principal" and person.subject:
        return principal_key(person.subject, person.address)
    if word.startswith("input:") and person.account:
        return length_prefixed(condensed(input_key(person.account)))
    return b""
