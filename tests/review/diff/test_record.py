"""A change as JSON and back: the same change, with the same id."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change, SentRequest, Witness
from gateway.review.diff.record import as_record, from_record

WITNESS = Witness(
    method="POST",
    target="/login",
    headers=(("origin", "https://a.example"),),
    body=b'{"a": "\xff"}',
    claims={"sub": "u1"},
    repeat=6,
    before="rate_limited",
    after="pass",
    earlier=(SentRequest(method="GET", target="/", body=b"\xff", every=1.5),),
)
CHANGE = Change(
    effect=Effect.LOOSENS,
    setting="rate_limits.few.burst",
    before="5",
    after="50",
    why="More calls at once.",
    danger=7,
    routes=("login",),
    where_old="upstreams.yaml:3",
    where_new="upstreams.yaml:4",
    witnesses={"login": WITNESS},
    content="what the id is made of too",
)


def test_nothing_that_is_shown_is_lost() -> None:
    record = json.loads(json.dumps(as_record(CHANGE)))
    again = from_record(record)
    assert again.id == CHANGE.id == record["id"]
    assert as_record(again) == as_record(CHANGE)
    assert again.witnesses == CHANGE.witnesses
    assert replace(CHANGE, content="").id != CHANGE.id, "or the id would not have to be carried along"


@pytest.mark.parametrize("wrong", [{}, {**as_record(CHANGE), "effect": "opens"}, {**as_record(CHANGE), "where": ""}])
def test_what_is_no_record_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        from_record(wrong)
