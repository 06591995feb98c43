"""Exact names and prefixes by whole segments; the first in the file wins."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.pattern import compile_paths, compile_procedures, covers, path_problem, procedure_problem


def test_procedures_by_name_and_by_prefix() -> None:
    table = compile_procedures([("auth.login", "login"), ("lessons.*", "lessons"), ("auth.*", "auth")])
    assert table.find("auth.login") == "login"
    assert table.find("auth.signup") == "auth"
    assert table.find("lessons.getAll") == "lessons"
    assert table.find("lessons.sub.getAll") == "lessons"
    for name in ("lessons", "lessonsX.getAll", "Lessons.getAll", "x.lessons.getAll", "", "auth"):
        assert table.find(name) is None


def test_the_first_pattern_wins() -> None:
    table = compile_procedures([("a.*", 1), ("a.b", 2), ("a.b.*", 3), ("a.b.c", 4), ("a.b", 5)])
    assert table.find("a.b") == 1
    assert table.every("a.b") == (1, 2, 5)
    assert table.every("a.b.c") == (1, 3, 4)
    assert table.every("a.b.d") == (1, 3)
    assert table.every("b.a") == ()


def test_paths_by_name_and_by_prefix() -> None:
    table = compile_paths([("/api/health", "health"), ("/files/*", "files"), ("/", "root")])
    assert table.find("/api/health") == "health"
    assert table.find("/files/") == "files"
    assert table.find("/files/a/b") == "files"
    assert table.find("/") == "root"
    for path in ("/files", "/filesystem", "/api/health/", "/api/healthy", "/api", "/x/files/a"):
        assert table.find(path) is None


def test_everything_below_the_root() -> None:
    table = compile_paths([("/a", 1), ("/*", 2)])
    assert table.every("/a") == (1, 2)
    assert table.find("/b/c") == 2


def test_a_table_without_prefixes_and_without_anything() -> None:
    assert compile_paths([("/a", 1)]).find("/b") is None
    assert compile_procedures([]).every("a") == ()


segments = st.lists(st.sampled_from("abc"), min_size=1, max_size=4)
patterns = st.tuples(segments, st.booleans()).map(lambda made: ".".join(made[0]) + ".*" * made[1])


@given(st.lists(patterns, max_size=8), segments.map(".".join))
def test_a_table_agrees_with_reading_the_patterns_in_order(written: list[str], name: str) -> None:
    expected = tuple(place for place, pattern in enumerate(written) if covers(pattern, name))
    table = compile_procedures([(pattern, place) for place, pattern in enumerate(written)])
    assert table.every(name) == expected
    assert table.find(name) == (expected[0] if expected else None)


@given(patterns, patterns, segments.map(".".join))
def test_a_wider_pattern_matches_every_name_of_a_narrower_one(wider: str, narrower: str, name: str) -> None:
    if covers(wider, narrower) and covers(narrower, name):
        assert covers(wider, name)


@pytest.mark.parametrize(
    ("wider", "narrower", "expected"),
    [
        ("auth.*", "auth.login", True),
        ("auth.*", "auth.x.*", True),
        ("auth.*", "auth.*", True),
        ("auth.login", "auth.login", True),
        ("auth.login", "auth.*", False),
        ("auth.x.*", "auth.*", False),
        ("auth.*", "authx.login", False),
        ("/a/*", "/a/b/*", True),
        ("/a/*", "/a", False),
        ("/a/*", "/ab", False),
        ("/*", "/", True),
    ],
)
def test_covers(wider: str, narrower: str, expected: bool) -> None:
    assert covers(wider, narrower) is expected


@pytest.mark.parametrize("pattern", ["auth.login", "lessons.*", "hello", "a.b.c", "a.b.*", "_a1.b2"])
def test_procedure_patterns(pattern: str) -> None:
    assert procedure_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["", "*", ".*", "a.", "a..b", "a*", "a.*.b", "a/b", "a,b", "a.b*", "a-b", "1a", "a.*\n"]
)
def test_no_procedure_pattern(pattern: str) -> None:
    assert procedure_problem(pattern)


@pytest.mark.parametrize("pattern", ["/", "/*", "/a", "/a/", "/a/*", "/a/b.c", "/@me", "/a%20b"])
def test_path_patterns(pattern: str) -> None:
    assert path_problem(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["", "a", "*", "/a*", "/*/b", "/a/**", "/a?b", "//", "/a/../b", "/%61", "/%40me", "/a;b", "/a//*", "/é"]
)
def test_no_path_pattern(pattern: str) -> None:
    assert path_problem(pattern)
