"""Reading YAML never raises, whatever the text, and what it says about places is true."""

import sys
from pathlib import Path

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.config.environment import Environment
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem, Report
from gateway.config.source import read
from gateway.config.tree import Mapping, Node, Position, Scalar, Sequence, plain

NOTHING = Scalar(None, Position("", 0, 0))


def tree(text: str) -> Node | None:
    report = Report()
    found = read(text.encode(), "a.yaml", report)
    assert report.problems() == []
    return found


def sentences(text: str) -> list[str]:
    report = Report()
    read(text.encode(), "a.yaml", report)
    return [problem.sentence for problem in report.problems()]


def test_scalars_follow_the_core_schema() -> None:
    text = "[1, -2, 1.5, 1e3, true, False, null, ~, no, on, 12:30, 0x10, 2024-01-01, '1', 1_000, .inf, 99999999999999999999]"
    assert plain(tree(text) or NOTHING) == [
        1, -2, 1.5, 1000.0, True, False, None, None, "no", "on", "12:30", "0x10", "2024-01-01", "1", "1_000", ".inf",
        "99999999999999999999",
    ]  # fmt: skip


def test_places() -> None:
    found = tree('a: 1\nb:\n  - x\n  - {c: "${D} and ${E}"}\n')
    assert isinstance(found, Mapping)
    assert str(found.keys["b"]) == "a.yaml:2:1"
    items = found.entries["b"]
    assert isinstance(items, Sequence)
    assert str(items.items[0].position) == "a.yaml:3:5"
    inner = items.items[1]
    assert isinstance(inner, Mapping) and isinstance(inner.entries["c"], Scalar)
    assert [str(position) for position in inner.entries["c"].marks] == ["a.yaml:4:10", "a.yaml:4:19"]


def test_a_scalar_does_not_print_its_value() -> None:
    assert "hunter2" not in repr(tree("a: hunter2"))


def test_an_alias_bomb_costs_nothing() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert len(sentences("\n".join(lines))) == 12 + 11 * 9


def test_deep_nesting_does_not_reach_the_limit_of_the_stack() -> None:
    deep = sys.getrecursionlimit() * 2
    for text in ("[" * deep, "{a: " * deep, "- " * deep, "\n".join(" " * n + "a:" for n in range(300))):
        assert len(sentences(text)) == 1


SYNTAX = st.text(alphabet=st.sampled_from("ab1:-?!&*{}[]#|>'\"%@`,~ \n\t\\$/.xuU<\u00e9\ufeff\x85\u2028"), max_size=60)


@settings(max_examples=400)
@given(st.one_of(st.text(max_size=60), SYNTAX))
@example('"\\UFFFFFFFF"')
@example('"\\ud800"')
@example("%YAML " + "9" * 5000 + ".1\n---\na")
@example("? ? ? a")
@example("&a *a : *a")
@example("a: !<\x00> b")
@example("- - - - !!int x")
def test_any_text_gives_a_tree_or_problems(text: str) -> None:
    report = Report()
    found = read(text.encode("utf-8", "surrogatepass"), "a.yaml", report)
    if found is None:
        assert report.problems()
    else:
        Environment({}, Path("/nonexistent"), report).expand(found)
    for problem in report.problems():
        assert problem.line >= 1 and problem.column >= 1 and problem.sentence


@given(st.binary(max_size=60))
def test_any_bytes_give_a_tree_or_problems(octets: bytes) -> None:
    report = Report()
    assert read(octets, "a.yaml", report) is not None or report.problems()


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-(10**17), 10**17), st.text("abc ${}:é\n'\"", max_size=12))
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=3)
)


@given(VALUES)
def test_what_was_written_is_read(value: object) -> None:
    assert plain(tree(yaml.safe_dump(value, allow_unicode=True, sort_keys=False)) or NOTHING) == value


KEYS = st.sampled_from(
    ["version", "include", "listen", "ops", "state", "upstreams", "defaults", "routes", "auth", "cors", "bodies",
     "rate_limits", "name", "paths", "procedures", "port", "limits", "key", "trpc", "prefix", "endpoints", "url", "x"]
)  # fmt: skip
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
    ),
    max_size=6,
)


@settings(max_examples=200, deadline=None)  # the first example loads the kinds of policy
@given(DOCUMENTS)
def test_any_document_gives_a_configuration_or_problems(tmp_path_factory, document: dict[str, object]) -> None:  # type: ignore[no-untyped-def]  # pytest's fixture
    path = tmp_path_factory.getbasetemp() / "upstreams.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True))
    loaded = load(path, {})
    assert isinstance(loaded, Config) or (loaded and all(isinstance(problem, Problem) for problem in loaded))
