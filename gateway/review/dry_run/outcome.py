"""What has become of one request of a dry run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gateway.core.fields import Pair
from gateway.review.dry_run.trace import TracedStage
from gateway.review.dry_run.wire import Forwarded


class Canonical(NamedTuple):
    """The one spelling of a request under which it is routed, checked and forwarded; empty for a head that has none."""

    method: str
    path: str
    query: str


class TracedCall(NamedTuple):
    """One tRPC call of a request, and the route that it takes."""

    procedure: str
    route: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """``verdict`` is ``pass`` or the slug of the reason; ``status``, ``fields`` and ``body`` are what a client gets, 0 and nothing
    where it gets no response. ``reported`` are the slugs that ``mode: report`` let pass, ``fallback`` the one that responded.
    ``forwarded`` is what reached upstreams. ``detail`` is what the log says beyond the slug. ``whole``: the response has come to
    its end. ``route`` is ``unmatched`` where none takes the request."""

    canonical: Canonical
    route: str
    calls: tuple[TracedCall, ...]
    stages: tuple[TracedStage, ...]
    verdict: str
    status: int
    fields: tuple[Pair, ...]
    body: bytes
    reported: tuple[str, ...] = ()
    fallback: str = ""
    detail: str = ""
    forwarded: tuple[Forwarded, ...] = ()
    whole: bool = True
    request_id: str = ""

    def field(self, name: str) -> str | None:
        """The value of the response's field of that lower-case name, None without one; several are joined by commas."""
        values = [value.decode("latin-1") for key, value in self.fields if key.lower() == name.encode()]
        return ", ".join(values) if values else None
