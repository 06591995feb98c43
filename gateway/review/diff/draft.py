"""A change while it is made: with the requests that may show it, before its witnesses are looked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from gateway.policy.base.order import Effect, SettingChange
from gateway.policy.base.settings import Policy
from gateway.review.diff.change import Change
from gateway.review.diff.transitions import Transition

Path = tuple[str, ...]
"""The keys that lead to a setting, from the root of the files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """``requests`` has by route requests that it forwards on the new side, one of each class. ``policies`` are the policy on each
    side where the change is in one, and ``detail`` what differs in it. ``example`` is an input that a schema admits now, as JSON."""

    change: Change
    requests: Mapping[str, Sequence[Transition]] = field(default_factory=dict)
    section: str = ""
    policies: tuple[Policy | None, Policy | None] = (None, None)
    detail: SettingChange | None = None
    example: str = ""

    def backwards(self, why: str) -> Draft:
        """What the other direction is, of a change that loosens: it tightens, and ``why`` says so."""
        change = self.change
        back = replace(
            change,
            effect=Effect.TIGHTENS,
            before=change.after,
            after=change.before,
            where_old=change.where_new,
            where_new=change.where_old,
            danger=0,
            why=why,
        )
        return Draft(change=back)
