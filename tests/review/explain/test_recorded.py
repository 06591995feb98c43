"""Refusals of the log explained."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.core.reason import REASONS
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.trace import NOT_REACHED, PASS
from gateway.review.explain.recorded import _KINDS, Recorded
from tests.review.dry_run.configs import NOON, shipped
from tests.review.dry_run.requests import SENT, Sent


def line_of(sent: Sent, found: Any) -> dict[str, Any]:
    names = [call.procedure for call in found.calls]
    return {
        "event": "request", "id": found.request_id, "method": sent.request.method, "path": found.canonical.path,
        "route": found.route, "status": found.status, "reason": found.verdict if found.verdict != PASS else None,
        "detail": found.detail, "listener": sent.request.listener, "procedures": names, "client": "198.51.100.9",
    }  # fmt: skip


def test_the_stage_that_refused_is_found_by_what_the_log_has_of_it() -> None:
    config = shipped()
    dry_run, recorded, known = DryRun(config, at=NOON), Recorded(config, NOON), set()
    for sent in SENT:
        dry_run.clock.advance(sent.after)
        found = dry_run.run(sent.request, sent.response)
        refusing = [stage for stage in found.stages if stage.verdict not in (PASS, NOT_REACHED)]
        if not refusing or found.route in ("unmatched", "batch"):
            continue
        again = recorded.explanation(line_of(sent, found)).outcome
        assert (again.verdict, again.status, again.route) == (found.verdict, found.status, found.route)
        if again.stages:
            named = [(stage.kind, stage.policy) for stage in again.stages if stage.verdict not in (PASS, NOT_REACHED)]
            assert named == [(stage.kind, stage.policy) for stage in refusing][:1], (sent, found.detail)
            known.add(found.verdict)
    assert len(known) > 8, known


@pytest.mark.parametrize("start", [start for start, _ in _KINDS])
def test_the_reasons_are_those_of_the_table(start: str) -> None:
    assert any(slug.startswith(start) for slug in REASONS)


def test_a_line_of_other_files_says_so() -> None:
    line = {"path": "/api/info", "route": "gone", "config": "0" * 12, "reason": "no_route"}
    notes = Recorded(shipped(), NOON).explanation(line).notes
    assert any("000000000000" in note for note in notes)
    assert any("another route" in note for note in notes)


def test_a_line_without_a_path_is_of_no_canonical_request_and_of_no_stages() -> None:
    recorded = Recorded(shipped(), NOON)
    unread = {
        "event": "request",
        "id": "a",
        "method": "",
        "path": "",
        "route": None,
        "status": 400,
        "reason": "head_malformed",
    }
    found = recorded.explanation(unread)
    assert (found.canonical, list(found.stages), list(found.above)) == ("", [], [])
    ambiguous = {**unread, "method": "GET", "path_sent": "/api//x", "reason": "path_ambiguous"}
    assert recorded.explanation(ambiguous).canonical == ""
    assert (
        recorded.explanation({**unread, "method": "GET", "path": "/api/nope", "reason": "no_route"}).canonical
        == "GET /api/nope"
    )
