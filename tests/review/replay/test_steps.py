"""The stages of a route, how each is asked, and how two of a kind are related."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.reason import REASONS
from gateway.policy.kinds import KINDS
from gateway.review.replay.side import ReplayedSide
from gateway.review.replay.steps import SLUGS, Ask, AskedStage, Relation, Relations, relation
from tests.review.replay.configs import config
from tests.review.replay.log_lines import of
from tests.review.replay.recording import NOON


def test_a_stage_is_asked_itself_where_a_log_holds_what_it_judges_by(tmp_path: Path) -> None:
    side = ReplayedSide(config(tmp_path), NOON)
    login = {f"{step.kind} {step.when}".strip(): step.ask for step in side.steps(side.route(of())[1])}
    assert login == {
        "cors": Ask.ITSELF,
        "client": Ask.ITSELF,
        "in_flight": Ask.ITSELF,
        "rate_limit flood": Ask.ITSELF,
        "body": Ask.ITSELF_FIRST,
        "schema": Ask.RECORD,
        "rate_limit input": Ask.RECORD,
        "lockout": Ask.RECORD,
        "breaker": Ask.ITSELF,
    }
    paid = side.steps(side.route(of(path="/api/trpc/ai.ask", procedures=["ai.ask"]))[1])
    assert [step.ask for step in paid if step.kind == "auth"] == [Ask.RECORD]
    assert [(step.names, step.ask) for step in paid if step.when == "authenticated"] == [(("per-user",), Ask.ITSELF)]


def test_every_kind_that_refuses_has_its_reasons_and_they_exist() -> None:
    silent = {"identity", "response_headers", "fallback"}
    assert SLUGS.keys() == {kind.name for kind in KINDS} - silent
    assert set().union(*SLUGS.values()) <= REASONS.keys()


@pytest.mark.parametrize(
    ("change", "kind", "found"),
    [
        (("per-client: {", "per-client: { "), "rate_limit", Relation.SAME),
        (("burst: 60", "burst: 61"), "rate_limit", Relation.LOOSER),
        (("burst: 60", "burst: 59"), "rate_limit", Relation.STRICTER),
        (("300/minute, burst: 60", "200/minute, burst: 90"), "rate_limit", Relation.UNKNOWN),
        (('"email": {"type": "string"}', '"email": {"type": "number"}'), "schema", Relation.UNKNOWN),
    ],
)
def test_how_a_stage_is_related_to_one_of_its_kind(
    change: tuple[str, str], kind: str, found: Relation, tmp_path: Path
) -> None:
    old, new = config(tmp_path / "old"), config(tmp_path / "new", change)
    before, after = _of_kind(ReplayedSide(old, NOON), kind), _of_kind(ReplayedSide(new, NOON), kind)
    assert Relations(old, new).to(before, after, ["auth.login"]) is found


def test_the_schema_of_another_procedure_has_no_say(tmp_path: Path) -> None:
    change = ('"email": {"type": "string"}', '"email": {"type": "number"}')
    old, new = config(tmp_path / "old"), config(tmp_path / "new", change)
    before, after = _of_kind(ReplayedSide(old, NOON), "schema"), _of_kind(ReplayedSide(new, NOON), "schema")
    assert Relations(old, new).to(before, after, ["auth.logout"]) is Relation.SAME


def test_what_cannot_be_compared_is_unknown(tmp_path: Path) -> None:
    policies = config(tmp_path).policies
    assert relation(policies["auth"]["token"], policies["cors"]["app"]) is Relation.UNKNOWN
    assert relation(None, policies["cors"]["app"]) is Relation.UNKNOWN


def test_report_mode_is_no_difference_of_what_is_judged(tmp_path: Path) -> None:
    token = config(tmp_path).policies["auth"]["token"]
    assert relation(token, token.model_copy(update={"mode": "report"})) is Relation.SAME


def _of_kind(side: ReplayedSide, kind: str) -> AskedStage:
    return next(step for step in side.steps(side.route(of())[1]) if step.kind == kind)
