"""Every regular expression of the gateway takes time that is linear in what it reads."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterator
from itertools import permutations
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from tests.cost.awkward import MARKS, MOST, OTHERS
from tests.floors.sources import ROOT, sources
from tests.processor_time import takes_at_most

SIZES = (20, 300, 8192)
"""Characters: few first, since a pattern whose time is exponential would take for ever with more."""

LINEAR = 5 * MOST
"""Seconds for the longest: what is quadratic takes ten times as long."""

# Not asked on behalf of clients: the demo stands for a backend, and the rest reads files when the gateway starts.
ELSEWHERE = ("demo/", "cli/", "config/")


class Found(NamedTuple):
    """A pattern of a module, and the one method of it that is in use, if only that is kept."""

    where: str
    pattern: re.Pattern[Any]
    method: str


def modules() -> list[str]:
    return [name for name in sources() if not name.startswith(ELSEWHERE) and not name.endswith("__main__.py")]


def imported(name: str) -> ModuleType:
    return importlib.import_module("gateway." + name.removesuffix(".py").replace("/", "."))


def patterns_in(value: Any, where: str, depth: int = 0) -> Iterator[Found]:
    if isinstance(value, re.Pattern):
        yield Found(where, value, "")
    elif isinstance(owner := getattr(value, "__self__", None), re.Pattern):
        yield Found(where, owner, value.__name__)
    elif depth < 2 and isinstance(value, dict):
        for one in value.values():
            yield from patterns_in(one, where, depth + 1)
    elif depth < 2 and isinstance(value, tuple | list):
        for one in value:
            yield from patterns_in(one, where, depth + 1)


def all_patterns() -> list[Found]:
    found = {}
    for name in modules():
        for key, value in vars(imported(name)).items():
            for one in patterns_in(value, f"{name}:{key}"):
                found.setdefault((one.pattern, one.method), one)
    return list(found.values())


def tree(pattern: re.Pattern[Any]) -> Any:
    return re._parser.parse(pattern.pattern, pattern.flags)  # type: ignore[attr-defined]  # since 3.11 at this place


def nodes(parsed: Any) -> Iterator[tuple[Any, Any]]:
    """Every node of a parsed pattern, with its argument."""
    for operator, argument in parsed:
        yield operator, argument
        for inner in argument if isinstance(argument, tuple | list) else (argument,):
            if type(inner).__name__ == "SubPattern":
                yield from nodes(inner)
            elif isinstance(inner, list):
                for branch in inner:
                    yield from nodes(branch) if type(branch).__name__ == "SubPattern" else ()


def alphabet(pattern: re.Pattern[Any]) -> list[str]:
    """The characters that the pattern itself names, of each class its first."""
    found = []
    for operator, argument in nodes(tree(pattern)):
        if str(operator) == "LITERAL":
            found.append(chr(argument))
        elif str(operator) == "IN":
            for kind, member in argument:
                found += (
                    [chr(member if str(kind) == "LITERAL" else member[0])] if str(kind) in ("LITERAL", "RANGE") else []
                )
                break
    return list(dict.fromkeys(found))[:8]


def literal(pattern: re.Pattern[Any]) -> str:
    """What the pattern begins with, as far as it names that."""
    begins = ""
    for operator, argument in tree(pattern):
        if str(operator) != "LITERAL":
            break
        begins += chr(argument)
    return begins


def texts(pattern: re.Pattern[Any], size: int) -> Iterator[str]:
    """Long texts of what the pattern names and of what it does not, with an end that it does not expect, or not there."""
    own = alphabet(pattern)
    for unit in dict.fromkeys((*own, *map("".join, permutations(own, 2)), *MARKS, *OTHERS)):
        for before in dict.fromkeys(("", literal(pattern), *own[:1])):
            for after in dict.fromkeys(("\0", *own[:2])):
                yield (before + unit * (size // len(unit)))[:size] + after


def slow_text(found: Found) -> str:
    """The first text for which the pattern takes too long."""
    pattern = found.pattern
    of_text = isinstance(pattern.pattern, str)
    methods: list[Callable[[Any], object]] = [getattr(pattern, found.method or "fullmatch")]
    if not found.method:
        methods.append(lambda value: pattern.sub("" if of_text else b"", value))
    for size in SIZES:
        for text in texts(pattern, size):
            value = text if of_text else text.encode()
            for method in methods:
                if not takes_at_most(LINEAR, lambda method=method, value=value: method(value)):  # type: ignore[misc]  # the values of now
                    return f"{len(text)} characters of {text[:30]!a}"
    return ""


FOUND = all_patterns()


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.where)
def test_a_pattern_is_linear(found: Found) -> None:
    assert slow_text(found) == ""


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.where)
def test_no_group_is_possessive(found: Found) -> None:
    """Before CPython 3.11.5 such a group keeps what it has read when it fails (cpython gh-106052): see core.grammar."""
    for operator, argument in nodes(tree(found.pattern)):
        if str(operator) in ("POSSESSIVE_REPEAT", "ATOMIC_GROUP"):
            repeated = argument[-1] if str(operator) == "POSSESSIVE_REPEAT" else argument
            assert [str(kind) for kind, _ in repeated] in (["IN"], ["LITERAL"], ["NOT_LITERAL"], ["ANY"])


WRITTEN = {"policy/upload/pattern.py": "compiled"}
"""The functions that compile an expression of the configuration. Each module counts the ways of such a one to match a text, and
takes none that has many of them (tests/policy/upload/test_pattern.py)."""


def compilations(name: str) -> tuple[list[int], list[int]]:
    """The lines of a module that compile a pattern on its floor, and those that do it elsewhere or use one unkept. A text that is
    escaped is no pattern: looking for it is linear."""
    parsed = ast.parse((ROOT / "gateway" / name).read_text())
    functions = [node for node in ast.walk(parsed) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inside = {id(node) for function in functions for node in ast.walk(function)}
    written = {id(node) for function in functions if function.name == WRITTEN.get(name) for node in ast.walk(function)}
    good, bad = [], []
    for node in ast.walk(parsed):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="compile")) if id(node) not in inside:
                good.append(node.lineno)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id="re"), attr="compile"),
                args=[ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="escape"))],
            ):
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr="compile")) if id(node) in written:
                pass
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attribute)) if attribute != "escape":
                bad.append(node.lineno)
    return good, bad


@pytest.mark.parametrize("name", modules())
def test_every_pattern_is_compiled_where_it_is_found(name: str) -> None:
    good, bad = compilations(name)
    assert bad == []
    assert len(good) <= sum(1 for value in vars(imported(name)).values() for _ in patterns_in(value, name))


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+b", r'"(?:[^"\\]|\\.)*"', r"a*a*a*b", r"\s+$", r"(?:[^%]+|%[0-7])*"],
)
def test_a_pattern_that_is_not_linear_is_seen(pattern: str) -> None:
    assert slow_text(Found("here", re.compile(pattern), ""))
