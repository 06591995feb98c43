"""No ``Any`` where rooms meet: what a module offers to others says what it is."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.floors.sources import trees

FLOORS = ("core/", "state/", "policy/", "proxy/", "ops/", "process/")
# A decoded JSON object is of any shape. So is what a coroutine yields and is sent, which `is_untyped` knows.
JSON_OBJECTS = ("dict[str, Any]", "Mapping[str, Any]", "MutableMapping[str, Any]")
# Public names that take or give what has no type, and why.
UNTYPED = {
    "core/secret.py:Secret.__deepcopy__": "the signature of copy.deepcopy",
}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public(name: str) -> bool:
    return not name.startswith("_") or (name.startswith("__") and name.endswith("__"))


def annotations(tree: ast.AST, owner: str = "") -> Iterator[tuple[str, ast.expr]]:
    """Qualified name and annotation of what a module offers: functions, methods, attributes, those set on ``self``."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from annotations(node, f"{owner}{node.name}.")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and is_public(node.target.id):
            yield f"{owner}{node.target.id}", node.annotation
        elif isinstance(node, Function):
            if is_public(node.name):
                yield from ((f"{owner}{node.name}", annotation) for annotation in signature(node))
            if owner:
                yield from ((f"{owner}{name}", annotation) for name, annotation in set_on_self(node))


def signature(function: Function) -> list[ast.expr]:
    """The annotations of what a function takes and gives."""
    args = function.args
    given = [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg]
    annotations = [*(one.annotation for one in given if one), function.returns]
    return [annotation for annotation in annotations if annotation is not None]


def set_on_self(method: Function) -> Iterator[tuple[str, ast.expr]]:
    """Name and annotation of the public attributes that a method sets."""
    for node in ast.walk(method):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Attribute) and is_public(node.target.attr):
            yield node.target.attr, node.annotation


def is_untyped(annotation: ast.AST) -> bool:
    """Whether an annotation holds an ``Any`` outside the types in which it says nothing wrong."""
    if isinstance(annotation, ast.Name):
        return annotation.id == "Any"
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation) in JSON_OBJECTS:
        return False
    if isinstance(annotation, ast.Subscript) and ast.unparse(annotation).startswith("Coroutine[Any, Any, "):
        assert isinstance(annotation.slice, ast.Tuple)
        return is_untyped(annotation.slice.elts[2])
    return any(is_untyped(child) for child in ast.iter_child_nodes(annotation))


def untyped(name: str, tree: ast.AST) -> set[str]:
    """``path:Class.name`` of everything a module offers without saying what it is."""
    return {f"{name}:{offered}" for offered, annotation in annotations(tree) if is_untyped(annotation)}


def test_what_rooms_offer_each_other_has_a_type() -> None:
    found = {one for name, tree in trees().items() if name.startswith(FLOORS) for one in untyped(name, tree)}
    assert sorted(found - UNTYPED.keys()) == [], "a Protocol of one need says more than Any"
    assert sorted(UNTYPED.keys() - found) == [], "no longer so: take it off the list"


@pytest.mark.parametrize(
    "source",
    [
        "def f(x: Any) -> None: ...",
        "def f() -> list[Any]: ...",
        "class A:\n    route: Any",
        "class A:\n    def __init__(self) -> None:\n        self.route: Any = None",
        "class A:\n    def f(self, *more: Any) -> None: ...",
        "class A:\n    def f(self, then: Callable[[Any], None]) -> None: ...",
        "route: Coroutine[Any, Any, Any] = g()",
    ],
)
def test_an_untyped_joint_is_seen(source: str) -> None:
    assert untyped("proxy/a.py", ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        "def _f(x: Any) -> None: ...",
        "class _A:\n    route: Any",
        "class A:\n    def __init__(self) -> None:\n        self._parser: Any = None",
        "def f(claims: dict[str, Any]) -> Coroutine[Any, Any, int]: ...",
        "def f() -> None:\n    inner: Any = 1",
    ],
)
def test_what_is_private_or_open_by_nature_is_let_be(source: str) -> None:
    assert untyped("proxy/a.py", ast.parse(source)) == set()
