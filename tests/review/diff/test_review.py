"""Who answers for which change, until when, and what there is to note."""

from __future__ import annotations

from datetime import UTC, date, datetime

from gateway.config.acknowledgements import Acknowledgement
from gateway.config.listen_settings import Listen
from gateway.config.tree import Position
from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change
from gateway.review.diff.review import Review, listeners, reviewed

NOW = datetime(2027, 1, 15, tzinfo=UTC).timestamp()
LOOSENS, TIGHTENS = (
    Change(effect=effect, setting="cors.a.origins", before="[a]", after="[b]", why="w", where_new="cors.yaml:3")
    for effect in (Effect.LOOSENS, Effect.TIGHTENS)
)


def of(id: str | None, until: date = date(2027, 1, 31), line: int = 9) -> Acknowledgement:
    return Acknowledgement(id, None if id else "f", "ada", "agreed", until, Position("a.yaml", line, 5))


def result(*acknowledgements: Acknowledgement, changes: tuple[Change, ...] = (LOOSENS, TIGHTENS)) -> Review:
    found, notes = reviewed(changes, acknowledgements, NOW, lambda at: f"old/{at}", lambda at: f"new/{at}")
    return Review(old="a", new="b", changes=found, notes=notes)


def test_what_loosens_is_open_and_its_lines_are_as_people_find_them() -> None:
    found = result()
    assert found.is_open and found.notes == ()
    assert [(each.id, each.effect) for each in found.changes] == [
        (LOOSENS.id, Effect.LOOSENS),
        (TIGHTENS.id, Effect.TIGHTENS),
    ]
    assert (found.changes[0].where_old, found.changes[0].where_new) == ("old/", "new/cors.yaml:3")


def test_an_acknowledgement_of_its_id_covers_it() -> None:
    found = result(of(LOOSENS.id))
    assert not found.is_open and found.notes == ()
    assert found.changes[0].acknowledged == ("ada", "agreed", "2027-01-31")
    assert (found.entries(Effect.LOOSENS), found.of(Effect.LOOSENS)) == (1, [])
    assert found.of(Effect.LOOSENS, acknowledged=True) == [found.changes[0]]


def test_one_that_is_over_covers_nothing_unless_there_is_another() -> None:
    over = of(LOOSENS.id, date(2027, 1, 14))
    found = result(over)
    assert found.is_open
    assert found.notes == (
        f"new/a.yaml:9: the acknowledgement of {LOOSENS.id} ended on 2027-01-14, so it counts for nothing",
    )
    assert not result(over, of(LOOSENS.id)).is_open
    assert not result(of(LOOSENS.id, date(2027, 1, 15))).is_open


def test_one_of_something_else_covers_nothing_and_is_noted() -> None:
    found = result(of("c0"), of(TIGHTENS.id), of(None))
    assert found.is_open and found.changes[1].acknowledged is None
    assert [note.partition(" is of ")[2] for note in found.notes] == ["nothing that loosens here"] * 2


def test_a_loosening_that_grows_has_another_id() -> None:
    wider = Change(effect=Effect.LOOSENS, setting="cors.a.origins", before="[a]", after="[b, c]", why="w")
    assert result(of(LOOSENS.id), changes=(wider,)).is_open


def test_where_the_listeners_are() -> None:
    assert listeners(Listen()) == ("http://127.0.0.1:8080", "http://127.0.0.1:8181")
    written = Listen.model_validate({"port": 81, "tls": {"cert": "c", "key": "k"}, "egress": {"port": 82}})
    assert listeners(written) == ("https://127.0.0.1:81", "http://127.0.0.1:82")
