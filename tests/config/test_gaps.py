"""One mistake has one message: what builds on a part that cannot be read is not reported too."""

from pathlib import Path

import pytest

from gateway.config.load import load
from tests.config.problems import Problems

ROUTES = """
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api}}}
rate_limits: {per-user: {limit: 5/minute, key: [principal]}}
bodies: {json: {max: 64KiB}}
routes:
"""
ROUTES += "".join(
    f"  - {{name: r{number}, procedures: [a.p{number}], upstream: tutor, rate_limits: [per-user], body: json}}\n"
    for number in range(10)
)


@pytest.mark.parametrize(
    ("defaults", "problem"),
    [
        ("{auth: [a, b], body: json}", "defaults.auth must be one text, and is a list"),
        ("{auth: {a: b}}", "defaults.auth must be one text, and is a mapping"),
        ("{auth: 1}", "defaults.auth must be a text: put quotes around it"),
        (
            "{auth: , body: json}",
            "defaults.auth is empty, and there are routes that do not say themselves who may use them",
        ),
        ("{auht: a}", "defaults.auht is not a known key"),
        ("{zzz: a}", "defaults.zzz is not a known key"),
        ("[auth, a]", "defaults must be a mapping of keys to values"),
        ('{auth: "${NO}"}', "defaults.auth needs the environment variable NO, which is not set"),
        ("{auth: public-ish, rate_limits: {}}", "defaults.rate_limits must be a list"),
    ],
)
@pytest.mark.parametrize("environment", ["development", "production"])
def test_broken_defaults_are_reported_once(
    problems_of: Problems, defaults: str, problem: str, environment: str
) -> None:
    text = f"environment: {environment}\nstate: {{key: '${{KEY}}'}}\ndefaults: {defaults}" + ROUTES
    found = problems_of(text, KEY="9f2c71d4e8ab5036cd17e49a02b6f85d")
    others = ["defaults.auth names public-ish, which is not in auth"] if "public-ish" in defaults else []
    assert sorted(found) == sorted([problem, *others])


@pytest.mark.parametrize(
    ("include", "content"),
    [
        ("[policies.yaml]", "auth: {a: [}"),
        ("[policies.yaml]", "- a list"),
        ("[policies.yaml]", "auth: [a]"),
        ("[policies.yaml]", "autj: {a: {}}"),
        ("[policies.yaml]", "policies: {auth: {a: {}}}"),
        ("[none.yaml]", ""),
        ("policies.yaml", ""),
    ],
)
def test_policies_that_cannot_be_read_are_missed_once(tmp_path: Path, include: str, content: str) -> None:
    routes = "".join(f"  - {{name: r{n}, paths: [/{n}], upstream: tutor, auth: a}}\n" for n in range(5))
    entry = f"version: 1\ninclude: {include}\n{ROUTES.partition('rate_limits')[0]}routes:\n{routes}"
    (tmp_path / "upstreams.yaml").write_text(entry.replace(", trpc: {prefix: /api}", ""))
    (tmp_path / "policies.yaml").write_text(content)
    found = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(found, list) and len(found) == 1, found


@pytest.mark.parametrize(
    ("right", "typo"),
    [
        ("upstreams:", "upstream:"),
        ("upstreams: {tutor", "upstreams: [tutor"),
        ("routes:", "route:"),
        ("trpc: {prefix: /api}", "trpc: {prefix: api/}"),
        ("endpoints", "endpoint"),
    ],
)
def test_what_builds_on_a_broken_part_is_not_reported(problems_of: Problems, right: str, typo: str) -> None:
    text = "auth: {a: {kind: jwt, algorithms: [HS256], secret: '${KEY}'}}\ndefaults: {auth: a}" + ROUTES
    text += '  - {name: closed, procedures: ["b.*"], deny: "no"}\n'
    text += "breakers: {b: {ignore: {r1: [500]}}}\n"
    broken = text.replace(right, typo, 1)
    if "[tutor" in typo:
        broken = broken.replace("{prefix: /api}}}", "{prefix: /api}}]")
    assert problems_of(text, KEY="9f2c71d4e8ab5036cd17e49a02b6f85d") == []
    assert len(problems_of(broken, KEY="9f2c71d4e8ab5036cd17e49a02b6f85d")) == 1


def test_an_empty_auth_of_the_defaults_is_no_problem_where_each_route_has_its_own(problems_of: Problems) -> None:
    assert problems_of("defaults: {auth: }" + ROUTES.replace("rate_limits: [per-user],", "auth: public,")) == []
