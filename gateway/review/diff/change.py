"""One difference in effect between two configurations, as people and programs read it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Literal

from gateway.policy.base.order import Effect

_ID_BYTES = 15
"""Whoever can write both a harmless change and a harmful one must not find two with one id: 2**60 tries."""

PASS = "pass"
"""The verdict of a request that no stage refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentRequest:
    """A request that is sent ``repeat`` times, each ``every`` seconds after what was sent before.

    ``claims`` are those of its token, None where it has none. ``upstream`` is the status that the upstream responds with to each.
    """

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    address: str = ""
    claims: Mapping[str, object] | None = None
    listener: Literal["public", "egress"] = "public"
    repeat: int = 1
    every: float = 0.0
    upstream: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness(SentRequest):
    """A request that shows a change: the old side refuses it by name, and the new one lets it pass.

    The verdicts ``before`` and ``after``, each ``pass`` or the slug of a reason, are those of the last that is sent. ``earlier``
    are sent before it.
    """

    before: str
    after: str
    earlier: tuple[SentRequest, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference in effect.

    ``routes`` are the names of the routes that it concerns, as the new side has them, or the old one where the new has none;
    empty for a setting of no route. ``setting`` is such as ``rate_limits.per-client.burst`` or ``routes.login.auth``. ``before``
    and ``after`` are as people write them, without secrets. ``where_old`` and ``where_new`` are ``file:line``, empty for nowhere.
    ``why`` is a plain sentence. ``danger`` is higher where it is worse. ``witnesses`` has one request by route for a loosening
    that one request shows; ``unwitnessed`` says why where none is there.

    ``content`` is what the change depends on beside what is shown of it, such as a schema. ``id`` is a digest of all that the
    change does, and of neither lines nor the sequence of routes: an acknowledgement of one is of no other.
    """

    effect: Effect
    setting: str
    before: str
    after: str
    why: str
    danger: int = 0
    routes: tuple[str, ...] = ()
    where_old: str = ""
    where_new: str = ""
    witnesses: Mapping[str, Witness] = field(default_factory=dict)
    unwitnessed: str = ""
    content: str = field(default="", repr=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        octets = json.dumps(
            [self.effect, self.setting, self.before, self.after, sorted(self.routes), self.content]
        ).encode()
        digest = blake2b(octets, digest_size=_ID_BYTES, person=b"change").hexdigest()
        object.__setattr__(self, "id", f"c{digest}")  # a letter first: of digits alone YAML makes a number

    @property
    def loosens(self) -> bool:
        return self.effect is Effect.LOOSENS


_RANK = {Effect.LOOSENS: 0, Effect.CHANGES: 1, Effect.TIGHTENS: 2}


def by_danger(change: Change) -> tuple[object, ...]:
    """A key for sorting: what loosens first, and among those the most dangerous."""
    return _RANK[change.effect], -change.danger, change.setting, change.routes, change.before, change.after
