"""A change while it is made."""

from __future__ import annotations

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change
from gateway.review.diff.draft import Draft


def test_backwards_it_tightens_with_its_sides_exchanged() -> None:
    change = Change(
        effect=Effect.LOOSENS,
        setting="a.b",
        before="1",
        after="2",
        why="More.",
        danger=50,
        where_old="x:1",
        where_new="y:2",
    )
    back = Draft(change=change).backwards("Less.").change
    assert (back.effect, back.before, back.after, back.where_old, back.where_new, back.danger, back.why) == (
        Effect.TIGHTENS,
        "2",
        "1",
        "y:2",
        "x:1",
        0,
        "Less.",
    )
