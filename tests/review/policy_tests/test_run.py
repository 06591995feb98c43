"""Policy tests run on the compiled configuration: each from an empty store on, by a clock that it moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.request import DryRequest
from gateway.review.policy_tests.run import PolicyTestResult, Runner
from tests.review.policy_tests.written import ENTRY, NOON, config_of, policy_tests


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return config_of(tmp_path_factory.mktemp("entry"))


def results(text: str, config: Config, folder: Path) -> list[PolicyTestResult]:
    runner = Runner(config, NOON)
    return [runner.run(one) for one in policy_tests(text, config, folder)]


LOGIN = "{method: POST, target: /api/trpc/auth.login, json: {json: {email: a@b.co}}}"
GOOD = f"""
  - {{name: a limit, repeat: 3, request: {{target: /few}}, before: {{verdict: pass}}, expect: {{verdict: rate_limited, status: 429, headers: {{retry-after: 30}}}}}}
  - {{name: the next test begins anew, repeat: 2, request: {{target: /few}}, expect: {{verdict: pass}}}}
  - {{name: time gives it back, repeat: 9, every: 30s, request: {{target: /few}}, before: {{verdict: pass}}, expect: {{verdict: pass}}}}
  - name: a lock ends
    request: {LOGIN}
    upstream: {{status: 401}}
    steps:
      - {{repeat: 2, before: {{status: 401}}, expect: {{status: 401}}}}
      - {{expect: {{verdict: account_locked, headers: {{retry-after: 600}}}}}}
      - {{after: 9m, expect: {{verdict: account_locked, sent: null}}}}
      - {{after: 61s, upstream: {{status: 200}}, expect: {{verdict: pass, sent: {{upstream: tutor}}}}}}
  - name: a breaker opens, rests and is tried with one call
    request: {{target: /below/a}}
    upstream: {{fails: timeout}}
    steps:
      - {{repeat: 2, before: {{verdict: upstream_timeout}}, expect: {{verdict: upstream_timeout, fallback: gone, json: {{rests: true}}}}}}
      - {{upstream: {{status: 200}}, expect: {{verdict: upstream_resting, status: 503, fallback: gone, sent: null}}}}
      - {{after: 30s, upstream: {{status: 200}}, expect: {{verdict: pass, fallback: null}}}}
      - {{upstream: {{status: 200}}, expect: {{verdict: pass}}}}
  - {{name: somebody, request: {{target: /api/trpc/notes.get, claims: {{sub: u1}}}}, expect: {{verdict: pass, route: mine}}}}
  - {{name: another token, request: {{target: /api/trpc/notes.get, claims: {{type: refresh}}}}, expect: {{verdict: claim_refused}}}}
  - {{name: nobody, request: {{target: /api/trpc/notes.get}}, expect: {{verdict: token_missing, status: 401, sent: null}}}}
  - {{name: an old token, request: {{target: /api/trpc/notes.get, claims: {{exp: 1801396799}}}}, at: "2027-01-31T12:00:00Z", expect: {{verdict: token_expired}}}}
  - {{name: an old token before, request: {{target: /api/trpc/notes.get, claims: {{exp: 1801396799}}}}, at: "2027-01-31T11:00:00Z", expect: {{verdict: pass}}}}
  - {{name: many addresses, repeat: 200, request: {{target: /few, address: 10.0.<n>.1}}, before: {{verdict: pass}}, expect: {{verdict: pass}}}}
  - {{name: the fourth call fails, repeat: 4, request: {{target: /below/a}}, expect: {{verdict: pass}}}}
"""


def test_sequences_with_moving_time(config: Config, tmp_path: Path) -> None:
    found = results(GOOD, config, tmp_path)
    assert len(found) == 12
    assert [(one.test.name, one.failed, one.error) for one in found if not one.ok] == []


def test_what_no_route_of_the_files_takes_has_a_name_too(config: Config, tmp_path: Path) -> None:
    batch = "/api/trpc/notes.get,public.get?batch=1"
    entry = ENTRY + "  - {name: anybody, procedures: [public.get], upstream: tutor, auth: public}\n"
    found = results(
        f"""
  - {{name: a batch, request: {{target: "{batch}", claims: {{}}}}, expect: {{verdict: pass, route: batch}}}}
  - {{name: no batch, request: {{target: /few}}, expect: {{route: batch}}}}
  - {{name: nothing, request: {{target: /nothing}}, expect: {{verdict: no_route, route: unmatched}}}}
  - {{name: nothing either, request: {{target: /nothing}}, expect: {{verdict: no_route, route: null}}}}
  - {{name: something, request: {{target: /few}}, expect: {{route: unmatched}}}}
""",
        config_of(tmp_path, entry),
        tmp_path,
    )
    assert [one.test.name for one in found if not one.ok] == ["no batch", "something"]


def test_a_test_runs_no_further_than_it_is_asked_to(
    config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(dry_run: DryRun, request: DryRequest, response: object = None) -> Outcome:
        sent.append(request.target)
        return real(dry_run, request)

    real, sent = DryRun.run, list[str]()
    monkeypatch.setattr(DryRun, "run", run)
    text = (
        "  - {name: a, repeat: 9, request: {target: /few}, before: {verdict: pass}, expect: {verdict: rate_limited}}\n"
    )
    (test,) = policy_tests(text, config, tmp_path)
    first = next(Runner(config, NOON).failures(test))
    assert (first.number, len(sent)) == (3, 3)


def test_a_failing_test_names_each_thing_and_where_it_is_expected(config: Config, tmp_path: Path) -> None:
    text = """
  - name: wrong
    repeat: 3
    request: {target: /few}
    before: {verdict: rate_limited}
    expect:
      verdict: pass
      headers: {retry-after: 5}
"""
    (one,) = results(text, config, tmp_path)
    first, last = one.failed
    assert (first.number, last.number, first.step.number) == (1, 3, 1)  # of two that failed before the last the first
    assert [(each.name, each.expected, each.got, at.line) for each, at in first.wrong] == [
        ("verdict", "rate_limited", "pass", 6)
    ]
    assert [(each.name, each.expected, each.got, at.line) for each, at in last.wrong] == [
        ("verdict", "pass", "rate_limited", 8),
        ("headers.retry-after", "5", "30", 9),
    ]
    spoke = [stage for stage in last.outcome.stages if stage.verdict == "rate_limited"]
    assert [(stage.policy, stage.where.rpartition("/")[2]) for stage in spoke] == [("few", "upstreams.yaml:11")]


def test_a_step_that_fails_does_not_hide_the_next(config: Config, tmp_path: Path) -> None:
    text = "  - {name: a, request: {target: /few}, steps: [{expect: {status: 201}}, {expect: {status: 200}}, {expect: {status: 202}}]}\n"
    (one,) = results(text, config, tmp_path)
    assert [(each.step.number, each.outcome.status) for each in one.failed] == [(1, 200), (3, 429)]


def test_a_test_that_cannot_go_on_fails_alone(config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(dry_run: DryRun, request: DryRequest, response: object = None) -> Outcome:
        if request.target == "/few":
            raise RuntimeError("the gateway has a bug")
        return real(dry_run, request)

    real = DryRun.run
    monkeypatch.setattr(DryRun, "run", run)
    text = "".join(
        f"  - {{name: {path}, request: {{target: {path}}}, expect: {{verdict: pass}}}}\n"
        for path in ("/few", "/below/a")
    )
    first, second = results(text, config, tmp_path)
    assert (first.ok, first.error, second.ok) == (False, "the gateway has a bug", True)
