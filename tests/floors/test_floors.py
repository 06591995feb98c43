"""The rules of the house, read off the sources: floors, doors, sizes, and what no tracked file may hold."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = {
    "core": 0,
    "state": 1,
    "policy": 2,
    "config": 3,
    "proxy": 4,
    "review": 5,
    "ops": 6,
    "demo": 7,
    "process": 7,
    "cli": 8,
}
DOORS = {
    "yaml": ("config/source.py",),
    "lmdb": ("state/lmdb/",),
    "redis": ("state/redis/",),
    "jwt": ("policy/auth/jws.py",),
    "prometheus_client": ("ops/metrics.py",),
    "structlog": ("ops/log.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "httptools": ("proxy/wire/http.py",),
    "aiohttp": ("ops/", "process/", "demo/", "cli/"),
    "pydantic": ("policy/", "config/", "proxy/", "ops/", "process/", "demo/", "cli/"),
    "web.Application": ("ops/", "demo/"),
}
PARTS = {"pydantic_core": "pydantic", "hiredis": "redis"}  # pinned by the package they belong to
IMPORT_NAMES = {"pyyaml": "yaml", "pyjwt": "jwt", "prometheus-client": "prometheus_client"}


def tracked(*patterns: str) -> list[Path]:
    """The files of the next commit: tracked ones, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in sorted(set(listed.split("\0")) - {""}) if (path := ROOT / name).is_file()]


def sources() -> list[tuple[str, str]]:
    """Name below gateway/ and text of each module."""
    return [(str(path.relative_to(ROOT / "gateway")), path.read_text()) for path in tracked("gateway/*.py")]


POLICIES = {Path(name).stem for name, text in sources() if re.search(r"^class \w+\(Stage\)", text, re.M)}


def imported(tree: ast.AST) -> set[str]:
    """Full names of the modules a source imports; ``from a import b`` counts as both ``a`` and ``a.b``."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def floor(name: str) -> int:
    """The floor of a file below gateway/; what lies beside the floors (__main__) is the roof."""
    return FLOORS.get(name.partition("/")[0], 9)


def wrong_imports(name: str, source: str, dependencies: set[str]) -> list[str]:
    """What a module may not import, as sentences."""
    tree = ast.parse(source)
    found = []
    used = {f"web.{node.attr}" for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_web(node)}
    for module in sorted(imported(tree) | used):
        top, *rest = module.split(".")
        top = PARTS.get(top, top)
        if top == "gateway":
            if rest and floor(rest[0]) > floor(name) and rest[0] in FLOORS:
                found.append(f"{name} imports {module}, a floor above")
            policy = rest[1] if len(rest) > 1 and rest[0] == "policy" else ""
            own = name.split("/")[1].removesuffix(".py") if "/" in name else ""
            if policy in POLICIES - {own} and name.startswith("policy/") and name != "policy/kinds.py":
                found.append(f"{name} imports the policy {policy}")
            continue
        for door in (module, top):
            if door in DOORS and not name.startswith(DOORS[door]):
                found.append(f"{name} uses {door}, whose door is {' or '.join(DOORS[door])}")
                break
        if top not in sys.stdlib_module_names and top != "web":
            if floor(name) == 0:
                found.append(f"{name} imports {top}; the lowest floor is standard library only")
            if top not in dependencies:
                found.append(f"{name} imports {top}, which pyproject.toml does not name")
    return found


def _is_web(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id == "web"


@pytest.fixture(scope="module")
def dependencies() -> set[str]:
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.split(r"[\[<>=~!; ]", line)[0].lower() for line in listed}
    return {IMPORT_NAMES.get(name, name) for name in names}


def test_every_import_keeps_to_its_floor_and_its_door(dependencies: set[str]) -> None:
    wrong = [line for name, source in sources() for line in wrong_imports(name, source, dependencies)]
    assert not wrong, "\n".join(wrong)


def test_every_dependency_is_used(dependencies: set[str]) -> None:
    used = {name.partition(".")[0] for _, source in sources() for name in imported(ast.parse(source))}
    assert dependencies <= used


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("core/path.py", "from gateway.state import verbs", "a floor above"),
        ("core/path.py", "import orjson", "standard library only"),
        ("policy/cors.py", "from gateway.policy.body import Body", "imports the policy body"),
        ("policy/cors.py", "from gateway.policy import body", "imports the policy body"),
        ("proxy/pool/pool.py", "def f():\n    import yaml", "whose door is config/source.py"),
        ("config/load.py", "from lmdb import open", "whose door is state/lmdb/"),
        ("proxy/server/server.py", "from aiohttp import web\nweb.Application()", "whose door is ops/"),
        ("ops/health.py", "import requests", "pyproject.toml does not name"),
    ],
)
def test_a_breach_is_seen(name: str, source: str, sentence: str) -> None:
    assert any(sentence in line for line in wrong_imports(name, source, {"aiohttp", "lmdb", "orjson", "yaml"}))


def test_files_and_functions_stay_short() -> None:
    long = []
    for path in tracked("gateway/*.py", "tests/*.py"):
        text = path.read_text()
        if text.count("\n") > 350:
            long.append(f"{path.name}: {text.count(chr(10))} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.name}: {node.name} has {lines} lines")
    assert not long, "\n".join(long)


def test_packages_hold_nothing_of_their_own() -> None:
    assert [str(path) for path in tracked("*__init__.py") if path.read_text().strip()] == []


def test_no_test_sleeps_or_is_left_out() -> None:
    patterns = (r"mark\.skip", r"pytest\.skip\(", r"importorskip\(", r"\bxfail", r"\btime\.sleep\(")
    forbidden = re.compile("|".join(patterns))
    own = Path(__file__)
    assert [str(path) for path in tracked("tests/*.py") if path != own and forbidden.search(path.read_text())] == []


def test_every_exemption_says_why() -> None:
    bare = re.compile(r"#\s*(?:type: ignore|noqa|pragma: no cover)[^#\n]*$", re.MULTILINE)
    own = Path(__file__)
    assert [str(path) for path in tracked("*.py") if path != own and bare.search(path.read_text())] == []


def test_no_tracked_file_names_this_machine_or_a_package_registry() -> None:
    # Put together here, so that this file does not name them either.
    registries = ["registry." + "npmjs", "pypi." + "org", "python" + "hosted", "/simp" + "le/"]
    words = [*registries, *(word for path in (ROOT.parent, Path.home()) if len(word := f"{path}/") > 5)]
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.name}: {word}" for word in words if word in text]
    assert found == []


def test_the_lock_files_pin_every_package_by_hash() -> None:
    for name in ("requirements.lock", "requirements-test.lock", "requirements-build.lock"):
        logical = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        assert [
            line
            for line in logical
            if not re.match(r"[a-z0-9._-]+(?:\[[a-z0-9,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
        ] == []
