"""What a stage may decide about a request: a refusal, a response of its own, or nothing, which lets the request pass."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.issue import Issue
from gateway.core.reason import REASONS, Reason

RefusedBy = tuple[str, str, str]
"""A limit that refuses a request: its section, its name, and ``enforce`` or ``report``."""


def by_limit(section: str, name: str) -> RefusedBy:
    """The limit ``name`` of ``section``, which refuses."""
    return section, name, "enforce"


@dataclass(slots=True)
class Refusal:
    """One request that is refused. One value may refuse many requests, so it is never changed.

    ``detail`` is for the log and is never sent; ``headers`` are raw pairs for the response. ``retry_after`` is in whole
    seconds, 0 when waiting does not help; ``close`` ends the connection after the response. ``limits``: the limits that
    refuse it. ``reply`` is sent in place of the response that tells why, where the client can read none; it counts as refused
    all the same. ``details`` are added to the response that tells why. ``policy`` is the one that would have refused a request
    which it let pass, such as ``cors.app``; where limits would have, these say it.
    """

    reason: Reason
    detail: str = ""
    retry_after: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False
    limits: tuple[RefusedBy, ...] = ()
    reply: Reply | None = None
    details: Details | None = None
    policy: str = ""

    @property
    def refused_by(self) -> tuple[str, ...]:
        """The policies that would have refused it, such as ``rate_limits.per-client``."""
        return tuple(f"{section}.{name}" for section, name, _ in self.limits) or (self.policy,)


def refuse(
    slug: str,
    detail: str = "",
    *,
    retry_after: int = 0,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    close: bool = False,
    limits: tuple[RefusedBy, ...] = (),
    reply: Reply | None = None,
) -> Refusal:
    """The refusal whose reason is named ``slug``. Raises KeyError for a slug that is not in the table."""
    return Refusal(REASONS[slug], detail, retry_after, headers, close, limits, reply)


@dataclass(slots=True)
class Reply:
    """A final response that a stage makes itself and that refuses nothing: a preflight's 204, a stored response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


@dataclass(slots=True)
class Details:
    """What the response to a refused request names beside the reason. ``sentence``, where there is one, takes the place of the
    reason's."""

    issues: tuple[Issue, ...] = ()
    sentence: str = ""


Verdict = Refusal | Reply | None
