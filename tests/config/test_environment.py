"""References: which value replaces them, and where a problem points when none does."""

from pathlib import Path

import pytest

from gateway.config.environment import MOST_FILE_BYTES, Environment
from gateway.config.problem import Report
from gateway.config.source import read
from gateway.config.tree import Mapping, Scalar, plain

VARIABLES = {"NAME": "value", "EMPTY": "", "LIST": "a, b,,c", "TRICKY": "${NAME}"}


def expanded(text: str, base: Path = Path("/nonexistent")) -> tuple[object, list[str]]:
    """The plain value of ``a`` after expansion, and the problems."""
    report = Report()
    tree = read(f"a: {text}\n".encode(), "a.yaml", report)
    assert isinstance(tree, Mapping)
    value = plain(Environment(VARIABLES, base, report).expand(tree))["a"]
    return value, [f"{problem.line}:{problem.column} {problem.sentence}" for problem in report.problems()]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${NAME}", "value"),
        ("http://${NAME}:${UNSET:-80}/", "http://value:80/"),
        ("${EMPTY:-default}", "default"),
        ("${UNSET:-a:-b}", "a:-b"),
        ("$${NAME}", "${NAME}"),
        ("${TRICKY}", "${NAME}"),
        ("${UNSET:-}", None),
        ('"${UNSET:-}"', ""),
        ('["${LIST}", d]', ["a", "b", "c", "d"]),
        ('["x ${LIST}"]', ["x a, b,,c"]),
        ("$NAME", "$NAME"),
    ],
)
def test_values(text: str, value: object) -> None:
    assert expanded(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x${UNSET}", "1:5 needs the environment variable UNSET, which is not set"),
        ("${EMPTY}", "1:4 needs the environment variable EMPTY, which is empty"),
        ('"${NAME} ${UNSET}"', "1:13 needs the environment variable UNSET, which is not set"),
        ('">\\n${UNSET}"', "1:8 needs the environment variable UNSET, which is not set"),
        ('"\\x24{NAME} ${UNSET}"', "1:4 needs the environment variable UNSET, which is not set"),
        ("${NAME", "1:4 has a ${ that is never closed"),
        ("${UNSET:-${NAME}}", "1:4 has a reference inside a default, which is not replaced"),
        ("${NAME:-${UNSET:-x}}", "1:4 has a reference inside a default, which is not replaced"),
        ("${N-AME}", "1:4 has a reference that cannot be read"),
        ("${file:gone}", "1:4 needs the file gone, which cannot be read (No such file or directory)"),
    ],
)
def test_problems_point_at_the_reference(text: str, problem: str) -> None:
    assert expanded(text)[1] == [problem]


def test_a_default_is_remembered_by_the_name_of_its_variable() -> None:
    report = Report()
    tree = read(b"a: ${UNSET:-x}", "a.yaml", report)
    assert tree is not None
    after = Environment(VARIABLES, Path(), report).expand(tree)
    assert isinstance(after, Mapping) and isinstance(after.entries["a"], Scalar)
    assert (after.entries["a"].defaults, after.entries["a"].expanded) == (("UNSET",), True)


def test_a_scalar_with_a_problem_is_broken() -> None:
    report = Report()
    tree = read(b"a: ${UNSET}", "a.yaml", report)
    assert tree is not None
    after = Environment(VARIABLES, Path(), report).expand(tree)
    assert isinstance(after, Mapping) and isinstance(after.entries["a"], Scalar)
    assert after.entries["a"].broken


@pytest.mark.parametrize(
    ("octets", "value", "problems"),
    [
        (b"secret\r\n", "secret", []),
        (b"two\n\n", "two\n", []),
        (b"\xff", None, ["1:4 needs the file token, which is not UTF-8 text"]),
        (b"x" * (MOST_FILE_BYTES + 1), None, ["1:4 needs the file token, which is larger than 64 KiB"]),
    ],
)
def test_files(tmp_path: Path, octets: bytes, value: str | None, problems: list[str]) -> None:
    (tmp_path / "token").write_bytes(octets)
    assert expanded("${file:token}", tmp_path) == (value, problems)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('["${LIST}", d]', ["a, b,,c", "d"]),
        ('["${NAME}", "${UNSET:-}"]', ["value"]),
        ('["${UNSET:-}"]', []),
        ('["${NAME}", ""]', ["value", ""]),
        ('[" ${NAME} "]', [" value "]),
    ],
)
def test_a_secret_in_a_list_is_never_split_and_goes_where_its_default_is_empty(text: str, value: object) -> None:
    tree = read(f"a: {text}\n".encode(), "a.yaml", Report())
    assert isinstance(tree, Mapping)
    environment = Environment(VARIABLES, Path("/nonexistent"), Report(), lambda path: path[:1] == ("a",))
    assert plain(environment.expand(tree))["a"] == value


def test_an_empty_file_is_not_left_out_of_a_list_of_secrets(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    tree = read(b'a: ["${file:empty}", b]', "a.yaml", Report())
    assert isinstance(tree, Mapping)
    environment = Environment(VARIABLES, tmp_path, Report(), lambda path: True)
    assert plain(environment.expand(tree))["a"] == ["", "b"]
