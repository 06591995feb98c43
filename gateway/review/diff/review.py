"""The changes between two sides as a reviewer gets them: with who answers for which, and what there is to note beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.config.acknowledgements import Acknowledgement
from gateway.config.listen_settings import Listen
from gateway.policy.base.order import Effect
from gateway.policy.base.written import code
from gateway.review.diff.change import Change, Witness

PUBLIC = "http://127.0.0.1:8080"
EGRESS = "http://127.0.0.1:8181"


class Acknowledged(NamedTuple):
    """Who answers for a loosening, why, and until which day."""

    by: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedChange:
    """One change, as ``change.Change`` has it, its positions as people find them; ``acknowledged`` where somebody answers for
    it."""

    id: str
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
    acknowledged: Acknowledged | None = None

    @property
    def is_open(self) -> bool:
        """Whether it loosens, and nobody answers for it."""
        return self.effect is Effect.LOOSENS and self.acknowledged is None

    @property
    def entries(self) -> int:
        """How many it counts: one for each route that it concerns."""
        return max(1, len(self.routes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All changes from the side that people call ``old`` to ``new``, the most dangerous first. ``public`` and ``egress`` are
    the addresses of the two listeners, for commands to try. ``sides`` is a sentence about what was compared, ``edited`` are the
    files that differ, and ``route_words`` say of routes which requests they take; each is empty where nobody knows."""

    old: str
    new: str
    changes: tuple[ReviewedChange, ...] = ()
    notes: tuple[str, ...] = ()
    public: str = PUBLIC
    egress: str = EGRESS
    sides: str = ""
    edited: tuple[str, ...] = ()
    route_words: Mapping[str, str] = field(default_factory=dict)

    @property
    def compared(self) -> str:
        """What was compared, in a sentence whose names stand between backticks."""
        return self.sides or f"Compared: {code(self.old)} with {code(self.new)}."

    @property
    def is_open(self) -> bool:
        """Whether something loosens that nobody answers for."""
        return any(change.is_open for change in self.changes)

    def entries(self, effect: Effect) -> int:
        """How many changes of this effect there are, each counted for each route that it concerns."""
        return sum(change.entries for change in self.changes if change.effect is effect)

    def of(self, effect: Effect, acknowledged: bool = False) -> list[ReviewedChange]:
        """The changes of one effect that are, or are not, acknowledged."""
        return [
            each for each in self.changes if each.effect is effect and (each.acknowledged is not None) is acknowledged
        ]


Locate = Callable[[str], str]
"""Where something is in the files of a side, as people find it."""


def reviewed(
    changes: Iterable[Change], acknowledgements: Sequence[Acknowledgement], now: float, old: Locate, new: Locate
) -> tuple[tuple[ReviewedChange, ...], tuple[str, ...]]:
    """The ``changes`` with what the new side's ``acknowledgements`` say of them at ``now`` (Unix seconds), and notes."""
    of_changes = [each for each in acknowledgements if each.loosens is not None]
    in_force = {each.loosens: each for each in of_changes if not each.expired(now)}
    found = tuple(_reviewed(change, in_force.get(change.id), old, new) for change in changes)
    loosened = {change.id for change in found if change.effect is Effect.LOOSENS}
    return found, tuple(_notes(of_changes, in_force, loosened, new))


def _reviewed(change: Change, acknowledgement: Acknowledgement | None, old: Locate, new: Locate) -> ReviewedChange:
    acknowledged = None
    if acknowledgement is not None and change.loosens:
        acknowledged = Acknowledged(acknowledgement.by, acknowledgement.reason, str(acknowledgement.until))
    return ReviewedChange(
        id=change.id,
        effect=change.effect,
        setting=change.setting,
        before=change.before,
        after=change.after,
        why=change.why,
        danger=change.danger,
        routes=change.routes,
        where_old=old(change.where_old),
        where_new=new(change.where_new),
        witnesses=change.witnesses,
        unwitnessed=change.unwitnessed,
        acknowledged=acknowledged,
    )


def _notes(
    all_of_changes: Sequence[Acknowledgement],
    in_force: Mapping[str | None, Acknowledgement],
    loosened: set[str],
    new: Locate,
) -> Iterable[str]:
    for each in all_of_changes:
        at = new(f"{each.position.file}:{each.position.line}")
        if each.loosens not in loosened:
            yield f"{at}: the acknowledgement of {each.loosens} is of nothing that loosens here"
        elif each.loosens not in in_force:
            yield f"{at}: the acknowledgement of {each.loosens} ended on {each.until}, so it counts for nothing"


def listeners(listen: Listen) -> tuple[str, str]:
    """Where the public listener and that for egress are reached from their own host."""
    public = f"{'https' if listen.tls else 'http'}://127.0.0.1:{listen.port or 8080}"
    return public, f"http://127.0.0.1:{listen.egress.port or 8181}" if listen.egress else EGRESS
