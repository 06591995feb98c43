"""Paths through a tree: forward to a value, back to text."""

import pytest

from gateway.config.problem import Report
from gateway.config.source import read
from gateway.config.tree import Mapping, NodePath, Position, Scalar, Sequence, broken, child, follow, format_path, plain

HERE = Position("a.yaml", 1, 1)


@pytest.fixture
def tree() -> Mapping:
    report = Report()
    found = read(b"a: 1\nb:\n  - x\n  - {c: true}\n", "a.yaml", report)
    assert isinstance(found, Mapping) and report.problems() == []
    return found


def test_plain_values(tree: Mapping) -> None:
    assert plain(tree) == {"a": 1, "b": ["x", {"c": True}]}


def test_only_some_keys(tree: Mapping) -> None:
    part = tree.only(["b", "unknown"])
    assert list(part.entries) == list(part.keys) == ["b"]
    assert part.position == tree.position


@pytest.mark.parametrize(
    ("path", "value", "reached"),
    [
        ((), {"a": 1, "b": ["x", {"c": True}]}, ()),
        (("b", 1, "c"), True, ("b", 1, "c")),
        (("b", 1, "d"), {"c": True}, ("b", 1)),
        (("b", 2), ["x", {"c": True}], ("b",)),
        (("b", -1), ["x", {"c": True}], ("b",)),
        (("a", "deeper"), 1, ("a",)),
        (("z",), {"a": 1, "b": ["x", {"c": True}]}, ()),
    ],
)
def test_follow_ends_at_the_deepest_written_value(
    tree: Mapping, path: NodePath, value: object, reached: NodePath
) -> None:
    node, steps = follow(tree, path)
    assert (plain(node), steps) == (value, reached)


def test_a_child_that_is_not_written(tree: Mapping) -> None:
    assert child(None, "a") is None
    assert child(tree, 0) is None
    assert child(tree.entries["a"], "b") is None


def test_one_broken_reference_breaks_all_above_it() -> None:
    bad = Scalar(None, HERE, broken=True)
    good = Scalar(1, HERE)
    assert broken(Mapping({"a": Sequence((good, bad), HERE)}, {"a": HERE}, HERE))
    assert not broken(Sequence((good, good), HERE))


@pytest.mark.parametrize(
    ("path", "text"),
    [((), ""), (("routes", 2, "rate_limits", 0), "routes[2].rate_limits[0]"), (("a", "b"), "a.b")],
)
def test_a_path_as_text(path: NodePath, text: str) -> None:
    assert format_path(path) == text


def test_a_position_as_text() -> None:
    assert str(Position("policies/auth.yaml", 12, 3)) == "policies/auth.yaml:12:3"
