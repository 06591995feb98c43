"""Once there are schemas, every input has one, or says why not."""

import json
from pathlib import Path

import pytest

from gateway.config.checks.coverage import SchemaCoverage, coverage_of
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from tests.config.problems import Problems

ENTRY = """\
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc, aliases: {auth.signin: auth.login}}}
bodies: {json: {max: 64KiB, types: [application/json]}, any: {}, form: {max: 1MiB, types: [multipart/form-data]}}
uploads: {voice: {parts: {audio: {types: [audio/webm], max: 1MB}}}}
schemas: {inputs: {files: inputs/*.json}}
defaults: {auth: public, body: json, schema: inputs}
routes:
"""
SCHEMA = {"type": "object"}


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    """The folder of the schemas, with one for ``auth.login``."""
    folder = tmp_path / "inputs"
    folder.mkdir()
    (folder / "auth.login.json").write_text(json.dumps(SCHEMA))
    return folder


def entry(*routes: str) -> str:
    return ENTRY + "".join(f"  - {{upstream: tutor, {route}}}\n" for route in routes)


LOGIN = "name: login, procedures: [auth.login]"


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("name: a, procedures: [auth.logout]", "routes[1].procedures[0] auth.logout has no schema in inputs"),
        ("name: a, procedures: [chat.*]", "routes[1].procedures[0] chat.* has no schema in inputs"),
        ("name: a, procedures: [a.b], schema: null", "routes[1].schema is missing: nothing says what its inputs have"),
        ("name: a, paths: [/a], methods: [POST]", "routes[1].schema has no a.json for the body of this route"),
        ("name: a, paths: [/a], methods: [GET, PUT]", "routes[1].schema has no a.json for the body of this route"),
        ("name: a, paths: [/a], methods: [DELETE]", "routes[1].schema has no a.json for the body of this route"),
        ("name: a, paths: [/a], methods: [POST], schema: null", "routes[1].schema is missing"),
        ("name: b, procedures: [auth.other], schema: input", "routes[1].schema names input, which is not in schemas"),
        ("name: b, procedures: [auth.other], schema: {none: ''}", "routes[1].schema gives no reason"),
        ("name: b, procedures: [auth.other], schema: {none: why, or: else}", "routes[1].schema gives no reason"),
        ("name: b, procedures: [auth.other], schema: none", "routes[1].schema gives no reason"),
        ("name: b, procedures: [auth.other], schema: {non: x}", "routes[1].schema is neither a name nor a reason"),
        ("name: b, procedures: [auth.other], schema: [inputs]", "routes[1].schema is neither a name nor a reason"),
        (
            "name: b, procedures: [auth.other], body: null",
            "routes[1].body is missing, and schema has the body read whole",
        ),
        ("name: b, procedures: [auth.other], body: any", "routes[1].body names any, which lets more than 4 MiB pass"),
    ],
)
def test_what_is_not_covered(inputs: Path, problems_of: Problems, route: str, problem: str) -> None:
    (inputs / "auth.other.json").write_text("true")
    (found,) = problems_of(entry(LOGIN, route))
    assert found.startswith(problem)


@pytest.mark.parametrize("stem", ["auth.logn", "Auth.login", "auth.signin"])
def test_a_file_of_another_name_is_to_be_renamed(inputs: Path, stem: str) -> None:
    (inputs / "auth.login.json").rename(inputs / f"{stem}.json")
    (inputs / "auth.logout.json").write_text("true")  # near as well, and in its place
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry("name: login, procedures: [auth.login, auth.logout]"))
    found = load(path, {})
    assert isinstance(found, list)
    assert [problem.hint for problem in found] == [f"rename {stem}.json to auth.login.json"]


def test_a_policy_without_a_file_is_one_problem(inputs: Path, problems_of: Problems) -> None:
    (inputs / "auth.login.json").unlink()
    (found,) = problems_of(entry(LOGIN, "name: a, paths: [/a], methods: [POST]"))
    assert found.startswith("schemas.inputs.files matches no file")


def test_the_problem_says_what_to_write(inputs: Path) -> None:
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry("name: a, procedures: [auth.login, auth.logout]"))
    found = load(path, {})
    assert isinstance(found, list)
    assert found == [
        Problem(
            str(path),
            9,
            57,
            "routes[0].procedures[1]",
            "auth.logout has no schema in inputs",
            'write inputs/auth.logout.json, {"type": "null"} for no input, or schema: {none: "why"} at the route',
        )
    ]


@pytest.mark.parametrize(
    "route",
    [
        "name: a, procedures: [chat.send], schema: {none: 'checked by the backend'}",
        "name: a, procedures: [chat.send], deny: 'closed'",
        "name: a, procedures: [auth.*]",
        "name: a, paths: [/a], methods: [GET]",
        "name: a, paths: [/a], methods: [POST], schema: {none: 'signed by its sender'}",
        "name: a, paths: [/a], methods: [POST], upload: voice, body: form",
    ],
)
def test_what_is_covered(inputs: Path, problems_of: Problems, route: str) -> None:
    listen = "listen: {egress: {port: 8181}}\n" if "egress" in route else ""
    assert problems_of(listen + entry(LOGIN, route)) == []


def test_routes_of_the_backend_itself_are_not_asked(inputs: Path, problems_of: Problems) -> None:
    text = entry(LOGIN, "name: a, listener: egress, paths: [/a], methods: [POST]").replace(
        "{upstream: tutor, name: a", "{upstream: ai, name: a"
    )
    text = text.replace("upstreams:\n", 'upstreams:\n  ai: {endpoints: [{url: "http://127.0.0.1:2"}]}\n')
    assert problems_of("listen: {egress: {port: 8181}}\n" + text) == []


def test_a_pattern_needs_a_file_for_each_name(inputs: Path) -> None:
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry(LOGIN, "name: a, procedures: [chat.*]"))
    problems = load(path, {})
    assert isinstance(problems, list)
    assert problems[0].hint.startswith('write inputs/chat.NAME.json for each, {"type": "null"} for no input')


def test_without_schemas_nothing_is_asked_for(problems_of: Problems) -> None:
    text = entry("name: a, procedures: [auth.logout]").replace("schemas: {inputs: {files: inputs/*.json}}\n", "")
    assert problems_of(text.replace(", schema: inputs}", "}")) == []


def test_the_count_has_aliases_and_patterns_by_their_files(inputs: Path) -> None:
    for name in ("chat.send", "chat.list", "hook"):
        (inputs / f"{name}.json").write_text("true")
    routes = [
        LOGIN,
        "name: send, procedures: [chat.send]",
        "name: chat, procedures: [chat.*]",
        "name: closed, procedures: [old.call], deny: 'closed'",
        "name: hook, paths: [/hook], methods: [POST]",
        "name: info, paths: [/info]",
        "name: free, paths: [/free], methods: [POST], schema: {none: 'signed'}",
    ]
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry(*routes))
    config = load(path, {})
    assert isinstance(config, Config), "\n".join(map(str, config))
    found = coverage_of(config)
    assert found == SchemaCoverage(5, 5, 2, 2)
    assert str(found) == "5 of 5 procedures, 2 of 2 routes"


def test_what_only_looks_like_a_mistake_in_a_schema_keeps_nothing_from_running(
    inputs: Path, warnings_of: Problems
) -> None:
    (inputs / "auth.login.json").write_text(json.dumps({"pattern": "^(?=a)", "descripton": ""}))
    found = warnings_of(entry(LOGIN))
    assert len(found) == 2 and "look-around" in found[0] and "no keyword" in found[1], found


def test_a_schema_that_is_for_nothing_is_warned_of(inputs: Path, warnings_of: Problems) -> None:
    (inputs / "auth.lgoin.json").write_text("true")
    (inputs / "hook.query.json").write_text("true")
    found = warnings_of(entry(LOGIN, "name: hook, paths: [/hook]"))
    assert found == ["schemas.inputs.files has auth.lgoin.json, which is for no procedure and no route"]


def test_a_schema_is_for_one_thing(inputs: Path, problems_of: Problems) -> None:
    found = problems_of(entry(LOGIN, "name: auth.login, paths: [/a], methods: [POST]"))
    assert found == ["schemas.inputs.files has auth.login.json for a procedure and for a route"]


def test_mistakes_in_a_file_are_problems_of_the_configuration(inputs: Path) -> None:
    (inputs / "auth.login.json").write_text('{\n  "type": "strin"\n}')
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry(LOGIN))
    found = load(path, {})
    assert isinstance(found, list)
    (problem,) = found
    assert (problem.file, problem.line, problem.column) == (str(inputs / "auth.login.json"), 2, 3)
    assert problem.path == "schemas.inputs"


def test_a_pattern_starts_at_the_folder_of_its_own_file(tmp_path: Path) -> None:
    folder = tmp_path / "policies" / "inputs"
    folder.mkdir(parents=True)
    (folder / "auth.login.json").write_text("true")
    (tmp_path / "policies" / "schemas.yaml").write_text("schemas: {inputs: {files: inputs/*.json}}\n")
    text = entry(LOGIN).replace("schemas: {inputs: {files: inputs/*.json}}\n", "include: [policies/*.yaml]\n")
    (tmp_path / "upstreams.yaml").write_text("version: 1\n" + text)
    config = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(config, Config), "\n".join(map(str, config))


def test_the_digest_is_of_what_is_in_the_files(inputs: Path) -> None:
    path = inputs.parent / "upstreams.yaml"
    path.write_text("version: 1\n" + entry(LOGIN))
    digests = []
    for text in ("true", "{}", "true"):
        (inputs / "auth.login.json").write_text(text)
        config = load(path, {})
        assert isinstance(config, Config)
        digests.append(config.digest)
    assert digests[0] == digests[2] != digests[1]
