"""How the parts of two configurations compare."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.config.load import load as load_config
from gateway.config.model import Config
from gateway.config.orders import compare_parts, compare_upstreams
from gateway.policy.base.order import Effect
from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, seen


def test_equal_configurations_have_no_changes() -> None:
    assert compare_parts(Config(), Config()) == []


@pytest.mark.parametrize(
    ("old", "new", "effects"),
    [
        ("production", "development", [Effect.LOOSENS]),
        ("staging", "production", [Effect.TIGHTENS]),
        ("development", "staging", [Effect.CHANGES]),
    ],
)
def test_only_production_has_the_strict_checks(old: str, new: str, effects: list[Effect]) -> None:
    changes = compare_parts(Config(environment=old), Config(environment=new))
    assert [change.effect for change in changes] == effects
    assert [(change.path, change.before, change.after) for change in changes] == [(("environment",), old, new)]


def load(folder: Path, policies: str = "", upstream: str = "", **env: str) -> Config:
    """The configuration of one upstream and one route, with ``policies`` beside them."""
    (folder / "upstreams.yaml").write_text(
        f"""
version: 1
{policies}
upstreams: {{api: {{endpoints: [{{url: "http://127.0.0.1:1"}}], {upstream}}}}}
routes: [{{name: all, paths: [/a], upstream: api, auth: public}}]
"""
    )
    config = load_config(folder / "upstreams.yaml", env)
    assert isinstance(config, Config), config
    return config


BREAKERS = "breakers: {lenient: {failures: 9}, strict: {failures: 3}, same: {failures: 3}}"
FALLBACKS = "fallbacks: {error: {json: {}, status: 503}, good: {json: {}}, same: {json: {}}, late: {stale: {for: 60s}}}"


@pytest.mark.parametrize(
    ("policies", "old", "new", "expected"),
    [
        (BREAKERS, "breaker: strict", "breaker: lenient", [("upstreams.api.breaker.failures", LOOSENS)]),
        (BREAKERS, "breaker: lenient", "breaker: strict", [("upstreams.api.breaker.failures", TIGHTENS)]),
        (BREAKERS, "breaker: strict", "breaker: same", []),
        (BREAKERS, "breaker: strict", "", [("upstreams.api.breaker", LOOSENS)]),
        (BREAKERS, "", "breaker: strict", [("upstreams.api.breaker", TIGHTENS)]),
        (FALLBACKS, "fallback: error", "fallback: good", [("upstreams.api.fallback.status", LOOSENS)]),
        (FALLBACKS, "fallback: good", "fallback: same", []),
        (FALLBACKS, "", "fallback: good", [("upstreams.api.fallback", LOOSENS)]),
        (FALLBACKS, "fallback: good", "", [("upstreams.api.fallback", TIGHTENS)]),
        (FALLBACKS, "", "fallback: error", [("upstreams.api.fallback", CHANGES)]),
        (FALLBACKS, "fallback: error", "fallback: [late, error]", [("upstreams.api.fallback", LOOSENS)]),
    ],
)
def test_what_an_upstream_names_is_compared_by_what_it_says(
    tmp_path: Path, policies: str, old: str, new: str, expected: list[tuple[str, str]]
) -> None:
    found = compare_parts(load(tmp_path, policies, old), load(tmp_path, policies, new))
    assert seen(found) == expected


def test_an_upstream_of_another_name_differs_in_nothing_but_its_settings(tmp_path: Path) -> None:
    config = load(tmp_path)
    renamed = replace(config, upstreams={"backend": config.upstreams["api"]})
    assert list(compare_upstreams(config, "api", renamed, "backend")) == []
    assert compare_parts(config, renamed) == []
    slower = config.upstreams["api"].model_copy(update={"max_connections": 2000})
    found = list(compare_upstreams(config, "api", replace(config, upstreams={"backend": slower}), "backend"))
    assert seen(found) == [("upstreams.backend.max_connections", LOOSENS)]


def test_files_are_named_from_the_folder_of_their_side(tmp_path: Path) -> None:
    sides = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        sides.append(load(tmp_path / name))
    assert compare_parts(*sides) == []


def test_a_breaker_of_two_upstreams_differs_once(tmp_path: Path) -> None:
    config = load(tmp_path, BREAKERS, "breaker: strict")
    both = replace(config, upstreams={"one": config.upstreams["api"], "two": config.upstreams["api"]})
    strict = config.policies["breakers"]["strict"]
    softer = {"breakers": {"strict": strict.model_copy(update={"failures": 30})}}
    assert seen(compare_parts(both, replace(both, policies=softer))) == [("breakers.strict.failures", LOOSENS)]
