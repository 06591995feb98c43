"""The sources as the rules read them: tracked files, syntax trees, and what imports what."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """The files of the next commit: tracked ones, and new ones that are not ignored."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(path for name in sorted(set(listed.split("\0")) - {""}) if (path := ROOT / name).is_file())


@cache
def sources() -> dict[str, str]:
    """Path below gateway/ -> text, of every module. A package's own file is empty, and so no module."""
    paths = [path for path in tracked("gateway/*.py") if path.name != "__init__.py"]
    return {str(path.relative_to(ROOT / "gateway")): path.read_text() for path in paths}


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text())


@cache
def trees() -> dict[str, ast.Module]:
    """Path below gateway/ -> syntax tree, of every module."""
    return {name: parsed(ROOT / "gateway" / name) for name in sources()}


def imported(tree: ast.AST) -> set[str]:
    """Full names of the modules a source imports, those in functions and under ``TYPE_CHECKING`` included.

    ``from a import b`` counts as both ``a`` and ``a.b``.
    """
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module or ""}
    return names


def module_of(name: str) -> str:
    """The dotted name of the module at a path below gateway/."""
    return ".".join(("gateway", *Path(name).with_suffix("").parts))


def arrows(modules: Mapping[str, ast.AST]) -> dict[str, set[str]]:
    """Path -> paths it imports, among ``modules`` (path below gateway/ -> tree)."""
    path_of = {module_of(name): name for name in modules}
    return {
        name: {path_of[other] for other in imported(tree) if other in path_of} - {name}
        for name, tree in modules.items()
    }


def circles(graph: Mapping[str, Iterable[str]]) -> list[list[str]]:
    """The sets of nodes that reach each other, each sorted (Tarjan's strongly connected components)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(node: str) -> None:
        number[node] = lowest[node] = len(number)
        stack.append(node)
        for other in sorted(graph[node]):
            if other not in number:
                visit(other)
                lowest[node] = min(lowest[node], lowest[other])
            elif other in stack:
                lowest[node] = min(lowest[node], number[other])
        if lowest[node] == number[node]:
            start = stack.index(node)
            if len(stack) - start > 1:
                found.append(sorted(stack[start:]))
            del stack[start:]

    for node in graph:
        if node not in number:
            visit(node)
    return found
