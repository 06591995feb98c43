"""When an old key can go: once nothing was verified with it for as long as a token lives."""

from __future__ import annotations

from gateway.ops.health.token_keys import KeyFigures, token_keys

NOON = 1_767_268_800.0
PRINTS = {"access": ["new", "old"]}
KEYS = {"new": ("access", "new"), "old": ("access", "old")}


def test_an_old_key_goes_a_tokens_life_after_its_last_token() -> None:
    figures = KeyFigures({KEYS["new"]: 5, KEYS["old"]: 2}, {KEYS["old"]: NOON}, {("access",): 900.0})
    (new, old) = token_keys(PRINTS, figures, NOON - 60, NOON + 899)["access"]
    assert new == {"key": "new", "verified": 5, "last_verified_at": None, "can_go": False, "can_go_at": None}
    assert old == {
        "key": "old",
        "verified": 2,
        "last_verified_at": "2026-01-01T12:00:00Z",
        "can_go": False,
        "can_go_at": "2026-01-01T12:15:00Z",
    }
    assert token_keys(PRINTS, figures, NOON - 60, NOON + 900)["access"][1]["can_go"]
    assert not token_keys(PRINTS, figures, NOON + 60, NOON + 900)["access"][1]["can_go"], "served for too short a time"


def test_nobody_knows_before_a_token_was_seen() -> None:
    for key in token_keys(PRINTS, KeyFigures({}, {}, {}), NOON, NOON + 1e6)["access"]:
        assert (key["verified"], key["can_go"], key["can_go_at"]) == (0, False, None)
