"""What tests touch of a configuration, and what none of them does."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.core.reason import REASONS
from gateway.policy.kinds import SECTIONS
from gateway.review.policy_tests.coverage import CoveredPart, PolicyCoverage
from gateway.review.policy_tests.run import Runner
from tests.floors.sources import trees
from tests.review.policy_tests.written import ENTRY, NOON, config_of, policy_tests


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return config_of(tmp_path_factory.mktemp("entry"))


def covered(text: str, config: Config, folder: Path) -> PolicyCoverage:
    runner = Runner(config, NOON)
    for test in policy_tests(text, config, folder) if text else ():
        assert runner.run(test).ok
    return runner.touched.coverage()


def test_without_tests_nothing_is_touched(config: Config, tmp_path: Path) -> None:
    found = covered("", config, tmp_path)
    assert found.routes.missing == ("closed", "login", "few", "mine", "below")
    assert found.targets.missing == (
        "closed admin.reset", "login auth.login", "few /few", "mine notes.get", "mine notes.all", "below /below/*",
    )  # fmt: skip
    # ``spare`` is used by nobody: it decides nothing that a test could see
    assert set(found.policies.missing) == {
        "auth.token", "rate_limits.few", "bodies.json", "cors.app", "lockouts.guesses", "breakers.resting",
        "fallbacks.gone", "response_headers.secure",
    }  # fmt: skip
    assert "lockouts.guesses account_locked" in found.settings.missing
    assert "auth.token scope_missing" not in found.settings.names
    assert {part.percent for part in found.parts.values()} == {0.0}


def test_a_route_is_touched_by_a_request_with_an_expectation_alone(config: Config, tmp_path: Path) -> None:
    text = """
  - {name: a, request: {target: /api/trpc/notes.get, claims: {}}, expect: {verdict: pass}}
  - name: b
    steps: [{request: {target: /few}}, {request: {target: /below/x}, expect: {verdict: pass}}]
"""
    found = covered(text, config, tmp_path)
    assert found.routes.missing == ("closed", "login", "few")
    assert found.targets.missing == ("closed admin.reset", "login auth.login", "few /few", "mine notes.all")


def test_all_calls_of_a_batch_are_touched(config: Config, tmp_path: Path) -> None:
    text = "  - {name: a, request: {target: '/api/trpc/notes.get,notes.all?batch=1', claims: {}}, expect: {verdict: pass}}\n"
    found = covered(text, config, tmp_path)
    assert "mine notes.get" not in found.targets.missing and "mine notes.all" not in found.targets.missing


def test_a_policy_is_touched_when_it_refuses(config: Config, tmp_path: Path) -> None:
    passing = covered("  - {name: a, request: {target: /few}, expect: {verdict: pass}}\n", config, tmp_path)
    assert "rate_limits.few" in passing.policies.missing and "rate_limited" in passing.reasons.missing
    text = "  - {name: a, repeat: 3, request: {target: /few}, expect: {verdict: rate_limited}}\n"
    refusing = covered(text, config, tmp_path)
    assert "rate_limits.few" not in refusing.policies.missing and "rate_limited" not in refusing.reasons.missing
    assert "rate_limits.few rate_limited" not in refusing.settings.missing


def test_each_reason_of_a_policy_is_a_setting(config: Config, tmp_path: Path) -> None:
    text = "  - {name: a, request: {target: /api/trpc/notes.get}, expect: {verdict: token_missing}}\n"
    found = covered(text, config, tmp_path)
    assert "auth.token" not in found.policies.missing
    assert [name for name in found.settings.missing if name.startswith("auth.token")] == [
        "auth.token claim_refused", "auth.token token_expired", "auth.token token_invalid",
    ]  # fmt: skip


def test_fields_of_responses_are_touched_where_a_test_expects_some(config: Config, tmp_path: Path) -> None:
    row = "  - {name: a, request: {target: /few}, expect: {verdict: pass%s}}\n"
    assert "response_headers.secure" in covered(row % "", config, tmp_path).policies.missing
    named = covered(row % ", headers: {x-safe: 'yes'}", config, tmp_path)
    assert "response_headers.secure" not in named.policies.missing


def test_a_fallback_is_touched_when_it_responds(config: Config, tmp_path: Path) -> None:
    text = "  - {name: a, request: {target: /few}, upstream: {fails: connect}, expect: {fallback: gone}}\n"
    found = covered(text, config, tmp_path)
    assert "fallbacks.gone" not in found.policies.missing and "upstream_unreachable" not in found.reasons.missing
    assert "breakers.resting" in found.policies.missing


def test_a_policy_that_only_reports_is_touched_when_it_would_refuse(tmp_path: Path) -> None:
    reporting = config_of(tmp_path, ENTRY.replace("few: {limit", "few: {mode: report, limit"))
    text = "  - {name: a, repeat: 3, request: {target: /few}, expect: {verdict: pass, would_refuse: rate_limited}}\n"
    found = covered(text, reporting, tmp_path)
    assert "rate_limits.few" not in found.policies.missing and "rate_limited" not in found.reasons.missing


def test_the_reasons_are_those_that_the_configuration_can_give(config: Config, tmp_path: Path) -> None:
    found = covered("", config, tmp_path).reasons.names
    assert {"route_denied", "batch_refused", "account_locked", "upstream_resting", "claim_refused"} <= set(found)
    assert not {"scope_missing", "schema_refused", "draining", "token_revoked", "upstream_total_timeout"} & set(found)
    plain = config_of(tmp_path, "version: 1\nupstreams: {a: {endpoints: [{url: 'http://127.0.0.1:1'}]}}\nroutes: [{name: a, paths: [/a], upstream: a, auth: public}]\n")  # fmt: skip
    assert "route_denied" not in covered("", plain, tmp_path).reasons.names


def test_a_share_is_rounded_down() -> None:
    assert CoveredPart(tuple(map(str, range(3000))), ("1",)).percent == 99.9
    assert CoveredPart((), ()).percent == 100.0
    assert CoveredPart(("a", "b", "c"), ("a",)).as_dict() == {
        "covered": 2,
        "total": 3,
        "percent": 66.6,
        "missing": ["a"],
    }


# Reasons that a policy gives for what another one is about, or only beside it, and why they are not counted as its own.
NOT_ITS_OWN = {
    ("schemas", "path_ambiguous"): "a query that has two readings, on routes with a schema for it",
    ("uploads", "media_type_refused"): "no form: the body policy of the route refuses it before",
    ("uploads", "batch_refused"): "a form for several calls",
    ("fallbacks", "no_healthy_endpoint"): "a reason that it stands in for, not one that it gives",
}


def mentioned(section: str) -> Iterator[str]:
    """The reasons that the modules of a kind name outside of ``reasons``."""
    kind = SECTIONS[section]
    for name, tree in trees().items():
        if name.startswith((f"policy/{kind.name}.py", f"policy/{kind.name}/")):
            declared = {
                id(node)
                for function in ast.walk(tree)
                if isinstance(function, ast.FunctionDef) and function.name == "reasons"
                for node in ast.walk(function)
            }
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and node.value in REASONS and id(node) not in declared:
                    yield str(node.value)


def declared_by(section: str) -> set[str]:
    kind = SECTIONS[section]
    return {
        str(node.value)
        for name, tree in trees().items()
        if name.startswith((f"policy/{kind.name}.py", f"policy/{kind.name}/"))
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name == "reasons"
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and node.value in REASONS
    }


@pytest.mark.parametrize("section", SECTIONS)
def test_a_kind_declares_the_reasons_that_it_gives(section: str) -> None:
    others = {reason for of, reason in NOT_ITS_OWN if of == section}
    assert set(mentioned(section)) - declared_by(section) == others
