"""A request that may show a change, before it is tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.policy.base.settings import Policy
from gateway.review.diff.change import SentRequest
from gateway.review.diff.draft import Draft
from gateway.review.diff.transitions import Transition
from gateway.review.diff.witness.sample import Sample


class Probe(NamedTuple):
    """``sent`` is tried after ``earlier``. ``shares`` says that what it counts by is shared with other clients, so that nothing may
    have been counted before. ``policy`` is the limit that has to refuse it on the old side, empty for any of its kind."""

    sent: SentRequest
    earlier: tuple[SentRequest, ...] = ()
    shares: bool = False
    policy: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for: a request through a route that shows ``draft``. ``elsewhere`` has by route requests that both sides
    forward; ``now`` is in Unix seconds."""

    draft: Draft
    sample: Sample
    before: Sample | None
    number: int
    now: float
    elsewhere: Mapping[str, Sequence[Transition]] = field(default_factory=dict)

    @property
    def base(self) -> SentRequest:
        """A request that passes."""
        return self.sample.request(self.number)

    @property
    def policies(self) -> tuple[Policy | None, Policy | None]:
        return self.draft.policies

    @property
    def path(self) -> tuple[str, ...]:
        """Where in the policy the change is; empty where the whole is on one side only."""
        return self.draft.detail.path if self.draft.detail is not None else ()

    @property
    def transition(self) -> Transition:
        return self.sample.transition


Probes = Callable[[Question], Iterator[Probe]]
"""Makes requests that may show a change, the likeliest first."""
