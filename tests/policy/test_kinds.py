"""The one table of kinds, and a new kind that works everywhere after four edits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.kinds import KINDS, ROUTE_KINDS, SECTIONS
from tests.policy.toy_kinds import MOTTO, ROOT, SLOGAN, copied, edited

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor: {endpoints: [{url: "${UPSTREAM:-http://127.0.0.1:1}"}], trpc: {prefix: /api/trpc}}
defaults: {auth: public, motto: [red]}
routes:
  - {name: inherits, procedures: [a.inherits], upstream: tutor}
  - {name: says, procedures: [a.says], upstream: tutor, motto: [blue], slogan: loud}
  - {name: looks, paths: [/looks], methods: [POST], upstream: tutor, motto: [], slogan: loud}
  - {name: denies, paths: [/denied], deny: "closed for good"}
"""
MOTTOS = "mottos:\n  red: {word: red}\n  blue: {word: blue}\n"
SLOGANS = "slogans:\n  loud: {word: hurrah}\n"


def run(house: Path, *words: str, cwd: Path, text: str = "") -> subprocess.CompletedProcess[str]:
    """Python with the copy of the package at ``house`` in front of everything; the tests' fixtures are this tree's."""
    # What the copy executes is not counted as the coverage of this tree.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "COV_"))}
    env |= {"PYTHONPATH": f"{house}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-P", *words]
    return subprocess.run(command, cwd=cwd, env=env, input=text, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with two more kinds."""
    house = copied(tmp_path_factory.mktemp("house"))
    MOTTO.add(house)
    SLOGAN.add(house)
    return house


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with a configuration that names policies of both kinds."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    (tmp_path / "policies" / "mottos.yaml").write_text(MOTTOS)
    (tmp_path / "policies" / "slogans.yaml").write_text(SLOGANS)
    return tmp_path


def gateway(house: Path, files: Path, *words: str) -> Any:
    done = run(house, "-m", "gateway", *words, "--json", cwd=files)
    assert done.stderr == ""
    return json.loads(done.stdout)


def test_four_edits_add_a_kind(house: Path) -> None:
    assert edited(house) == {
        "gateway/policy/kinds.py",
        "gateway/core/reason.py",
        *(f"gateway/policy/{toy.name}.py" for toy in (MOTTO, SLOGAN)),
        *(f"tests/policy/test_{toy.name}.py" for toy in (MOTTO, SLOGAN)),
    }


def test_its_own_test_passes(house: Path) -> None:
    tests = [f"tests/policy/test_{toy.name}.py" for toy in (MOTTO, SLOGAN)]
    done = run(house, "-m", "pytest", "-c", os.devnull, "--rootdir", ".", "-p", "no:cacheprovider", *tests, cwd=house)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_is_in_the_language(house: Path, files: Path) -> None:
    done = run(house, "-m", "gateway", "check", cwd=files)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_name_that_is_not_defined_is_found_where_it_stands(house: Path, files: Path) -> None:
    entry = ENTRY.replace("motto: [blue]", "motto: [blue, bleu]").replace("motto: [red]", "motto: [rde]")
    (files / "upstreams.yaml").write_text(entry.replace("[], slogan: loud", "[], slogan: quiet"))
    done = run(house, "-m", "gateway", "check", cwd=files)
    assert done.returncode == 2
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("upstreams.yaml:")] == [
        "upstreams.yaml:5:34  defaults.motto[0]  names rde, which is not in mottos  did you mean red?",
        "upstreams.yaml:8:71  routes[1].motto[1]  names bleu, which is not in mottos  did you mean blue?",
        "upstreams.yaml:9:89  routes[2].slogan  names quiet, which is not in slogans  known: loud",
    ]


def test_a_setting_that_it_does_not_have_is_found_where_it_stands(house: Path, files: Path) -> None:
    (files / "policies" / "mottos.yaml").write_text(MOTTOS + "  green: {wrod: green, word: a}\n")
    done = run(house, "-m", "gateway", "check", cwd=files)
    assert "policies/mottos.yaml:4:11  mottos.green.wrod  is not a known key" in done.stdout + done.stderr


def test_it_is_listed_with_the_routes(house: Path, files: Path) -> None:
    found = {route["name"]: route for route in gateway(house, files, "routes")}
    assert {name: (route["motto"], route["slogan"]) for name, route in found.items()} == {
        "inherits": (["red"], None),
        "says": (["blue"], "loud"),
        "looks": ([], "loud"),
        "denies": (["red"], None),
    }


def test_editors_know_it(house: Path, files: Path) -> None:
    found = gateway(house, files, "schema")
    section = found["mottos"]["properties"]["mottos"]
    assert section["additionalProperties"]["required"] == ["word"]
    entry = found["upstreams"]["properties"]
    route = entry["routes"]["items"]["properties"]
    assert route["motto"]["description"] == "Names a motto."
    assert {"type": "array", "items": {"type": "string"}} in route["motto"]["anyOf"]
    assert {"type": "string"} in route["slogan"]["anyOf"]
    assert "motto" in entry["defaults"]["properties"]
    assert "slogan" not in entry["defaults"]["properties"]


REQUESTS = {
    # method, target, x-word, body: status and reason
    ("POST", "/api/trpc/a.inherits", "red", "{}"): (403, "motto_refused"),
    ("POST", "/api/trpc/a.inherits", "blue", "{}"): (200, None),
    ("POST", "/api/trpc/a.says", "red", "{}"): (200, None),
    ("POST", "/api/trpc/a.says", "blue", "{}"): (403, "motto_refused"),
    # a batch has what any of its routes asks for
    ("POST", "/api/trpc/a.inherits,a.says?batch=1", "red", "{}"): (403, "motto_refused"),
    ("POST", "/api/trpc/a.inherits,a.says?batch=1", "blue", "{}"): (403, "motto_refused"),
    ("POST", "/api/trpc/a.inherits,a.says?batch=1", "green", "{}"): (200, None),
    ("POST", "/api/trpc/a.inherits,a.inherits?batch=1", "blue", "{}"): (200, None),
    # a kind that looks inside finds the body there
    ("POST", "/looks", "red", "hurrah"): (403, "slogan_refused"),
    ("POST", "/looks", "red", "hooray"): (200, None),
    ("POST", "/api/trpc/a.inherits,a.says?batch=1", "green", "hurrah"): (403, "slogan_refused"),
    ("POST", "/api/trpc/a.inherits", "green", "hurrah"): (200, None),
    # nothing is spent on what is refused anyway
    ("GET", "/denied", "red", ""): (403, "route_denied"),
}


def test_it_decides_on_the_wire(house: Path, files: Path) -> None:
    script = str(Path(__file__).with_name("toy_wire.py"))
    done = run(house, script, str(files / "upstreams.yaml"), cwd=files, text=json.dumps(list(REQUESTS)))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["package"] == str(house / "gateway")
    assert [tuple(response) for response in found["responses"]] == list(REQUESTS.values())


def test_rows_of_one_section_say_the_same_about_the_language() -> None:
    for kind in KINDS:
        if kind.section:
            first = SECTIONS[kind.section]
            for fact in ("name", "settings", "route_key", "about", "many", "inherited", "opt_out", "per_call"):
                assert getattr(kind, fact) == getattr(first, fact)


def test_a_route_key_and_a_section_mean_one_kind() -> None:
    assert len({kind.route_key for kind in ROUTE_KINDS}) == len(ROUTE_KINDS)
    assert all(kind.settings is not None for kind in SECTIONS.values())


def test_what_is_inherited_is_named_by_routes() -> None:
    assert not [kind.name for kind in KINDS if (kind.inherited or kind.many or kind.opt_out) and not kind.route_key]


def test_what_reads_the_input_waits_for_the_body() -> None:
    assert {kind.name for kind in KINDS if kind.reads_input} == {"rate_limit", "lockout"}
    assert not [kind.name for kind in KINDS if kind.reads_input and not kind.needs_body]


def test_what_stays_on_refusals_looks_at_no_body() -> None:
    assert not [kind.name for kind in KINDS if kind.on_refusals and kind.needs_body]
    assert not [kind.name for kind in KINDS if kind.writes_headers and not kind.on_refusals]


def test_a_stage_that_looks_at_its_mode_is_said_to_know_it() -> None:
    """Otherwise one stage would serve the routes that enforce it and those that only report."""
    for kind in KINDS:
        if kind.build is None or not kind.section:
            continue
        room = ROOT / "gateway" / "policy" / kind.name
        files = [*room.rglob("*.py")] if room.is_dir() else [room.with_suffix(".py")]
        looks = any("settings.mode" in file.read_text() for file in files)
        assert looks == kind.knows_mode, kind.name
