"""Requests through a compiled configuration without a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.core.failure import CallFailure
from gateway.policy.base.parts import KeptParts
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Canonical
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.dry_run.trace import NOT_REACHED, PASS
from tests.review.dry_run.configs import ENTRY, NOON, made, shipped

INFO = DryRequest("GET", "/info?x=1")


def test_a_request_passes_to_its_upstream_and_its_response_comes_back(tmp_path: Path) -> None:
    found = DryRun(made(tmp_path), at=NOON).run(INFO, ScriptedResponse(203, {"x-from": "there"}, b"[1]"))
    assert (found.verdict, found.status, found.body, found.route) == (PASS, 203, b"[1]", "info")
    assert found.field("x-from") == "there"
    assert found.canonical == Canonical("GET", "/info", "x=1")
    assert [each[:3] for each in found.forwarded] == [("tutor", "GET", "/info?x=1")]
    assert (b"host", b"127.0.0.1:1") in [pair for each in found.forwarded for pair in each.fields]
    assert {stage.verdict for stage in found.stages} == {PASS}


def test_each_of_many_dry_runs_begins_anew_with_parts_that_they_share(tmp_path: Path) -> None:
    config, parts = made(tmp_path), KeptParts()
    for _ in range(3):
        dry_run = DryRun(config, at=NOON, parts=parts)
        assert [dry_run.run(INFO).verdict for _ in range(3)] == [PASS, PASS, "rate_limited"]


def test_limits_count_and_time_is_moved_by_hand(tmp_path: Path) -> None:
    dry_run = DryRun(made(tmp_path), at=NOON)
    assert [dry_run.run(INFO).verdict for _ in range(3)] == [PASS, PASS, "rate_limited"]
    refused = dry_run.run(INFO)
    assert refused.status == 429
    assert refused.forwarded == ()
    assert [stage.verdict for stage in refused.stages if stage.kind == "rate_limit"] == ["rate_limited"]
    dry_run.clock.advance(30)
    assert dry_run.run(INFO).verdict == PASS
    assert dry_run.run(DryRequest("GET", "/info", address="2001:db8::1")).verdict == PASS


def test_claims_are_judged_by_the_policy_of_the_route(tmp_path: Path) -> None:
    dry_run = DryRun(made(tmp_path), at=NOON)

    def verdict(**claims: object) -> str:
        dry_run.clock.advance(60)
        return dry_run.run(DryRequest("GET", "/mine", claims=claims)).verdict

    assert verdict() == verdict(sub="u1") == PASS
    assert verdict(type="refresh") == "claim_refused"
    assert verdict(exp=NOON) == "token_expired"
    assert verdict(sub="") == verdict(aud="another") == "token_invalid"
    none = dry_run.run(DryRequest("GET", "/mine"))
    assert [none.verdict, none.status] == ["token_missing", 401]
    assert (
        dry_run.run(DryRequest("GET", "/mine", {"authorization": "Bearer a.b.c"}, address="::1")).verdict
        == "token_invalid"
    )


def test_what_no_route_takes_and_what_is_denied_is_refused_by_name(tmp_path: Path) -> None:
    dry_run = DryRun(made(tmp_path), at=NOON)
    refused = {
        target: dry_run.run(DryRequest("GET", target)).verdict for target in ("/closed", "/none", "/a%2fb", "/a b")
    }
    assert refused == {
        "/closed": "route_denied",
        "/none": "no_route",
        "/a%2fb": "path_ambiguous",
        "/a b": "head_malformed",
    }
    assert dry_run.run(DryRequest("POST", "/info", address="::1")).verdict == "method_not_allowed"
    assert dry_run.run(DryRequest("GET", "/health")).status == 200


@pytest.mark.parametrize("failure", CallFailure)
def test_every_way_in_which_a_call_fails_has_its_reason(tmp_path: Path, failure: CallFailure) -> None:
    entry = ENTRY.replace("trpc: {prefix: /api/trpc}", "timeouts: {total: 3s, response: 2s, body: 1s}")
    dry_run = DryRun(made(tmp_path, entry), at=NOON)
    found = dry_run.run(INFO, ScriptedResponse(failure=failure))
    expected = {CallFailure.RESET_REUSED: CallFailure.RESET, CallFailure.TOTAL_TIMEOUT: CallFailure.TIMEOUT}
    assert found.verdict == expected.get(failure, failure).slug
    assert dry_run.clock.elapsed < 5


def test_a_slow_response_is_slow_to_the_breaker_too(tmp_path: Path) -> None:
    breaker = "breakers: {quick: {failures: 1, slow_after: 1s, recover_after: 10s}}\n"
    entry = ENTRY.replace("trpc: {prefix: /api/trpc}", "breaker: quick").replace(
        "rate_limits: [two]", "rate_limits: []"
    )
    dry_run = DryRun(made(tmp_path, entry + breaker), at=NOON)
    assert dry_run.run(INFO, ScriptedResponse(after=0.5)).verdict == PASS
    assert dry_run.run(INFO, ScriptedResponse(after=2.0)).verdict == PASS
    resting = dry_run.run(INFO)
    assert (resting.verdict, resting.stages[-1].kind, resting.stages[-1].verdict) == (
        "upstream_resting",
        "breaker",
        "upstream_resting",
    )
    dry_run.clock.advance(10)
    assert dry_run.run(INFO).verdict == PASS


def test_stages_behind_a_refusal_are_not_reached(tmp_path: Path) -> None:
    found = DryRun(made(tmp_path), at=NOON).run(DryRequest("GET", "/mine"))
    verdicts = [stage.verdict for stage in found.stages]
    at = verdicts.index("token_missing")
    assert set(verdicts[:at]) == {PASS}
    assert set(verdicts[at + 1 :]) <= {NOT_REACHED}


def test_a_policy_that_only_reports_does_so_until_its_last_day(tmp_path: Path) -> None:
    entry = ENTRY.replace("require: {type: access}", "require: {type: access}, mode: report, until: 2026-01-01")
    dry_run = DryRun(made(tmp_path, entry), at=NOON)
    found = dry_run.run(DryRequest("GET", "/mine"))
    assert (found.verdict, found.reported) == (PASS, ("token_missing",))
    assert [stage.verdict for stage in found.stages if stage.kind == "auth"] == ["report: token_missing"]
    dry_run.clock.advance(12 * 3600)
    assert dry_run.run(DryRequest("GET", "/mine")).verdict == "token_missing"


def test_it_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = shipped()
    monkeypatch.chdir(tmp_path)
    DryRun(config, at=NOON).run(DryRequest("GET", "/api/info"))
    assert list(tmp_path.iterdir()) == []
    assert not config.state.path.exists() or config.state.path.is_dir()


async def test_it_runs_while_another_loop_is_running(tmp_path: Path) -> None:
    assert DryRun(made(tmp_path), at=NOON).run(INFO).verdict == PASS
