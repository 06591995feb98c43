"""The table of refusals. That docs/reasons.md and the log agree with it, tests/floors/test_reasons.py holds."""

from __future__ import annotations

import re
from http import HTTPStatus

import pytest

from gateway.core.reason import REASONS, TRPC_CODES, Reason


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_reason_can_be_sent_in_both_formats(reason: Reason) -> None:
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason.slug)
    assert 400 <= HTTPStatus(reason.status) < 600
    assert (reason.rpc_code, reason.rpc_name) == TRPC_CODES[reason.status]


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_its_sentence_is_one_for_people_and_promises_a_wait_only_in_seconds(reason: Reason) -> None:
    assert reason.title[0].isupper()
    assert not reason.title.endswith(".")
    assert reason.sentence.endswith(".")
    assert re.findall(r"\{.*?\}.{8}", reason.sentence) in ([], ["{retry_after} seconds"])


def test_reasons_are_equal_when_they_are_one_object() -> None:
    """Prepared responses are found by it, so its hash is that of an identity."""
    reason = REASONS["no_route"]
    twin = Reason(reason.slug, reason.status, reason.title, reason.sentence)
    assert twin != reason
    assert len({reason, twin, REASONS["no_route"]}) == 2
