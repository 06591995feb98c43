"""A review on a terminal: each change with its lines, and no character of the files that a terminal acts on."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.cli.diff_text import print_review
from gateway.policy.base.order import Effect
from tests.review.diff.reviews import ADA, HOSTILE, change, review, witness


@pytest.fixture
def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    def lines(*changes: Any, **more: Any) -> str:
        print_review(review(*changes, **more))
        return capsys.readouterr().out

    return lines


def test_nothing_is_one_line(printed: Any) -> None:
    assert printed() == "no change in effect: main and upstreams.yaml decide alike\n"


def test_each_change_with_what_there_is_to_say_of_it(printed: Any) -> None:
    shown = witness(before="rate_limited", repeat=6)
    found = printed(
        change(routes=("login",), witnesses={"login": shown}),
        change(id="c13", acknowledged=ADA, unwitnessed="It takes two requests."),
        change(Effect.CHANGES, setting="region", where_old="", why="Another one."),
        change(Effect.TIGHTENS, setting="a", where_new=""),
        notes=("a note",),
    )
    for part in (
        "loosens   cors.app.origins  [a] -> [a, b]\n",
        "why      More may pass: More pages may call.\n",
        "routes   `login`\n",
        "where    policies/cors.yaml:4 (before: policies/cors.yaml:3)\n",
        "shown by GET /a 6 times at once: rate_limited before, pass now\n",
        "for i in $(seq 6); do curl",
        "Before: HTTP 429 `rate_limited` by the gateway. Now: passes the gateway; the backend may still refuse it.\n",
        "id       c12\n",
        "no curl  It takes two requests.\n",
        "accepted by ada until 2027-01-31: agreed in the meeting\n",
        "changes   region",
        "(before: not written)",
        "tightens  a",
        "not written any more",
        "changes: 1 loosen, 1 loosen and are acknowledged, 1 tighten, 1 do neither\n",
        "note: a note\n",
    ):
        assert part in found, found


def test_no_control_character_reaches_a_terminal(printed: Any) -> None:
    for text in HOSTILE:
        shown = witness(target=text, headers=(("x", text),), body=text.encode())
        one = change(setting=text, before=text, after=text, why=text, routes=(text,), witnesses={text: shown}, id=text)
        found = printed(one, change(acknowledged=(text, text, text)), old=text, new=text, notes=(text,))
        assert found.replace("\n", "").isprintable(), text
        assert "[bold]" not in found
