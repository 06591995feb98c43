"""What a line says of the stages that its request went through."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.review.replay.evidence import PASSED, UNROUTED, Evidence, verdict_of
from gateway.review.replay.side import ReplayedSide
from gateway.review.replay.steps import AskedStage
from tests.review.replay.configs import config
from tests.review.replay.log_lines import of
from tests.review.replay.recording import NOON


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> tuple[AskedStage, ...]:
    """Of the route ``login``."""
    side = ReplayedSide(config(tmp_path_factory.mktemp("evidence")), NOON)
    return side.steps(side.route(of())[1])


def said(steps: tuple[AskedStage, ...], **more: Any) -> dict[str, str | None]:
    evidence = Evidence(of(**more), steps)
    return {f"{step.kind} {step.when}".strip(): evidence.of(index) for index, step in enumerate(steps)}


def test_who_reached_the_upstream_has_passed_all(steps: tuple[AskedStage, ...]) -> None:
    assert set(said(steps).values()) == {PASSED}
    assert set(said(steps, upstream="127.0.0.1:1", reason="upstream_timeout", status=504).values()) == {PASSED}
    assert set(said(steps, upstream="127.0.0.1:1", reason="token_expired").values()) == {PASSED}, (
        "while it was streamed"
    )


def test_the_stage_that_refused_and_those_behind_it(steps: tuple[AskedStage, ...]) -> None:
    found = said(steps, reason="schema_refused", detail="inputs: auth.login: email missing", status=400)
    assert found == {
        "cors": PASSED,
        "client": PASSED,
        "in_flight": PASSED,
        "rate_limit flood": PASSED,
        "body": PASSED,
        "schema": "schema_refused",
        "rate_limit input": None,
        "lockout": None,
        "breaker": None,
    }


@pytest.mark.parametrize(
    ("reason", "detail", "stage"),
    [
        ("rate_limited", "per-client", "rate_limit flood"),
        ("rate_limited", "per-account", "rate_limit input"),
        ("rate_limited", "per-account: the state store is full", "rate_limit input"),
        ("rate_limited", "50 requests of this address are in flight", "in_flight"),
        ("body_malformed", "per-account: two readings", "rate_limit input"),
        ("body_malformed", "accounts: two readings", "lockout"),
        ("body_malformed", "GET with content", "body"),
        ("media_type_refused", "'text/plain'", "body"),
        ("media_type_refused", "inputs: no JSON", "schema"),
        ("account_locked", "accounts: account", "lockout"),
        ("upstream_resting", "tutor", "breaker"),
    ],
)
def test_of_several_stages_with_one_reason_the_detail_tells_which(
    steps: tuple[AskedStage, ...], reason: str, detail: str, stage: str
) -> None:
    found = said(steps, reason=reason, detail=detail, status=429)
    assert [name for name, verdict in found.items() if verdict == reason] == [stage]


@pytest.mark.parametrize(
    "more", [{"reason": "rate_limited", "detail": UNROUTED}, {"status": 0}, {"reason": "token_missing", "status": 401}]
)
def test_nothing_is_known_where_no_stage_of_the_route_did_it(
    steps: tuple[AskedStage, ...], more: dict[str, Any]
) -> None:
    assert set(said(steps, **more).values()) == {None}


def test_what_a_fallback_responded_to_was_not_refused() -> None:
    assert verdict_of(of(reason="upstream_resting", fallback="sorry")) == PASSED
    assert verdict_of(of(reason="upstream_resting")) == "upstream_resting"
