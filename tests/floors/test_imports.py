"""Who may import what: floors, rooms, doors of third-party packages, and no circle anywhere."""

from __future__ import annotations

import ast
import re
import sys
import tomllib

import pytest

from tests.floors.sources import ROOT, arrows, circles, imported, trees

# A module may import its own floor and lower ones.
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
# The same inside a floor, stricter: a room may import itself and rooms of a lower number.
ROOMS = {
    "proxy": {
        "compile": 6,
        "server": 6,
        "flow": 5,
        "routing": 4,
        "upstream": 3,
        "pool": 2,
        "message": 2,
        "wire": 1,
        "observer": 1,
    },
    "state": {"failover": 4, "lmdb": 3, "redis": 3, "memory": 3, "store": 2, "rules": 1},
}
DOORS = {
    "yaml": ("config/source.py",),
    "lmdb": ("state/lmdb/",),
    "redis": ("state/redis/",),
    "jwt": ("policy/auth/jws.py",),
    "aiohttp_cors": ("ops/api/cors.py",),
    "prometheus_client": ("ops/metrics/run.py",),
    "structlog": ("ops/log.py",),
    "watchfiles": ("process/file_events.py",),
    "typer": ("cli/",),
    "rich": ("cli/",),
    "httptools": ("proxy/wire/http.py",),
    "jsonschema_rs": ("policy/schema/",),
    "python_multipart": ("policy/upload/",),
    "aiohttp": ("ops/", "process/", "demo/", "cli/"),
    "pydantic": ("policy/", "config/", "proxy/", "review/policy_tests/", "ops/", "process/", "demo/", "cli/"),
    "web.Application": ("ops/", "demo/"),
}
PARTS = {"pydantic_core": "pydantic", "hiredis": "redis"}  # pinned by the package they belong to
IMPORT_NAMES = {
    "pyyaml": "yaml",
    "pyjwt": "jwt",
    "prometheus-client": "prometheus_client",
    "aiohttp-cors": "aiohttp_cors",
    "jsonschema-rs": "jsonschema_rs",
    "python-multipart": "python_multipart",
}
# What lies in policy/ and is no kind: the table of all kinds, and what every kind is made of.
NO_KIND = {"kinds", "base"}


def part(name: str, depth: int) -> str:
    """The folder or module at ``depth`` of a path below gateway/, or "" when the path ends before."""
    parts = name.removesuffix(".py").split("/")
    return parts[depth] if len(parts) > depth else ""


def floor(name: str) -> int:
    """The floor of a file below gateway/; what lies beside the floors (__main__) is the roof."""
    return FLOORS.get(part(name, 0), 9)


def wrong_arrow(name: str, other: str) -> str:
    """What is wrong with ``name`` importing ``other`` (paths below gateway/), or "" when it may."""
    if floor(other) > floor(name):
        return f"{name} imports {other}, a floor above"
    here, there = part(name, 0), part(other, 0)
    room, other_room = part(name, 1), part(other, 1)
    if here != there or room == other_room:
        return ""
    if here in ROOMS:
        numbers = ROOMS[here]
        if room not in numbers or other_room not in numbers:
            return f"{name} imports {other}: {room} or {other_room} has no number in ROOMS"
        if numbers[other_room] >= numbers[room]:
            return f"{name} imports {other}, a room that is not below"
    if here == "policy" and other_room not in NO_KIND and room != "kinds":
        return f"{name} imports the policy {other_room}"
    if here == "policy" and other_room == "kinds":
        return f"{name} imports the table that imports it"
    return ""


def wrong_packages(name: str, tree: ast.AST, dependencies: set[str]) -> list[str]:
    """The packages a module may not import, as sentences."""
    found = []
    used = {f"web.{node.attr}" for node in ast.walk(tree) if isinstance(node, ast.Attribute) and _is_web(node)}
    for module in sorted(imported(tree) | used):
        top = module.split(".")[0]
        top = PARTS.get(top, top)
        if top == "gateway":
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


def test_every_import_keeps_to_its_floor_and_its_room() -> None:
    wrong = [
        sentence
        for name, others in arrows(trees()).items()
        for other in sorted(others)
        if (sentence := wrong_arrow(name, other))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_by_way_of_others() -> None:
    assert circles(arrows(trees())) == []


def test_every_room_has_its_number() -> None:
    rooms = {(part(name, 0), part(name, 1)) for name in trees() if part(name, 0) in ROOMS}
    assert rooms <= {(here, room) for here, numbers in ROOMS.items() for room in numbers}


def test_every_package_is_imported_at_its_door(dependencies: set[str]) -> None:
    wrong = [line for name, tree in trees().items() for line in wrong_packages(name, tree, dependencies)]
    assert not wrong, "\n".join(wrong)


def test_every_dependency_is_used(dependencies: set[str]) -> None:
    used = {name.partition(".")[0] for tree in trees().values() for name in imported(tree)}
    assert dependencies - {"python_multipart"} <= used


@pytest.mark.parametrize(
    ("name", "other", "sentence"),
    [
        ("core/path.py", "state/store.py", "a floor above"),
        ("process/worker.py", "cli/run.py", "a floor above"),
        ("demo/tutor.py", "cli/run.py", "a floor above"),
        ("ops/health/health.py", "process/worker.py", "a floor above"),
        ("policy/cors.py", "policy/body.py", "imports the policy body"),
        ("policy/cors.py", "policy/auth/claims.py", "imports the policy auth"),
        ("policy/base/stage.py", "policy/cors.py", "imports the policy cors"),
        ("policy/cors.py", "policy/kinds.py", "imports the table that imports it"),
        ("proxy/pool/pool.py", "proxy/upstream/upstream.py", "a room that is not below"),
        ("proxy/pool/pool.py", "proxy/message/head.py", "a room that is not below"),
        ("proxy/server/server.py", "proxy/compile/runtime.py", "a room that is not below"),
        ("proxy/corner/thing.py", "proxy/wire/http.py", "has no number in ROOMS"),
        ("state/rules/gcra.py", "state/store.py", "a room that is not below"),
        ("state/lmdb/store.py", "state/redis/store.py", "a room that is not below"),
    ],
)
def test_a_wrong_arrow_is_seen(name: str, other: str, sentence: str) -> None:
    assert sentence in wrong_arrow(name, other)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("policy/auth/auth.py", "policy/auth/claims.py"),
        ("policy/auth/auth.py", "policy/base/stage.py"),
        ("policy/kinds.py", "policy/cors.py"),
        ("proxy/compile/runtime.py", "proxy/flow/fallback.py"),
        ("proxy/flow/flow.py", "proxy/observer.py"),
        ("cli/run.py", "demo/quickstart.py"),
        ("__main__.py", "cli/app.py"),
    ],
)
def test_a_right_arrow_is_let_be(name: str, other: str) -> None:
    assert wrong_arrow(name, other) == ""


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("core/path.py", "import orjson", "standard library only"),
        ("proxy/pool/pool.py", "def f():\n    import yaml", "whose door is config/source.py"),
        ("config/load.py", "from lmdb import open", "whose door is state/lmdb/"),
        ("policy/base/tools.py", "import hiredis", "whose door is state/redis/"),
        ("proxy/server/server.py", "from aiohttp import web\nweb.Application()", "whose door is ops/"),
        ("ops/health/health.py", "import requests", "pyproject.toml does not name"),
    ],
)
def test_a_package_at_a_wrong_door_is_seen(name: str, source: str, sentence: str) -> None:
    named = {"aiohttp", "lmdb", "orjson", "yaml", "redis"}
    assert any(sentence in line for line in wrong_packages(name, ast.parse(source), named))


@pytest.mark.parametrize(
    "back",
    [
        "from gateway.core.a import A",
        "from gateway.core import a",
        "if TYPE_CHECKING:\n    from gateway.core.a import A",
        "def f():\n    import gateway.core.a",
    ],
)
def test_a_circle_is_seen(back: str) -> None:
    modules = {
        "core/a.py": ast.parse("from gateway.core.b import B"),
        "core/b.py": ast.parse("from gateway.core.c import C"),
        "core/c.py": ast.parse(back),
        "core/d.py": ast.parse("from gateway.core.a import A"),
    }
    assert circles(arrows(modules)) == [["core/a.py", "core/b.py", "core/c.py"]]
