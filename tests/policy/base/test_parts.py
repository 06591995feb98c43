"""Parts of a runtime: made anew for what serves, once for who builds many."""

from __future__ import annotations

from gateway.policy.base.parts import NOT_KEPT, KeptParts


def test_what_serves_has_parts_of_its_own() -> None:
    assert NOT_KEPT.part("a", lambda: []) is not NOT_KEPT.part("a", lambda: [])


def test_who_builds_many_runtimes_makes_each_part_once() -> None:
    parts = KeptParts()
    made = parts.part(("schema", b"{}"), lambda: [1])
    assert parts.part(("schema", b"{}"), lambda: [2]) is made
    assert parts.part(("schema", b"[]"), lambda: [2]) == [2]
    assert KeptParts().part(("schema", b"{}"), lambda: [3]) == [3]


def test_a_part_of_none_is_made_once_too() -> None:
    parts = KeptParts()
    made: list[None] = []
    for _ in range(2):
        parts.part("a", lambda: made.append(None))
    assert made == [None]
