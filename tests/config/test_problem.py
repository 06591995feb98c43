"""Problems are reported once, in the order of the files, and point at the deepest written value."""

from gateway.config.problem import Location, Problem, Report, nearest
from gateway.config.source import read
from gateway.config.tree import Position


def test_a_problem_leaves_out_what_is_empty() -> None:
    assert str(Problem("a.yaml", 3, 7, "routes[2].auth", "is missing", "name one")) == (
        "a.yaml:3:7  routes[2].auth  is missing  name one"
    )
    assert str(Problem("a.yaml", 1, 1, "", "is not UTF-8 text")) == "a.yaml:1:1  is not UTF-8 text"


def test_a_problem_as_json() -> None:
    assert Problem("a.yaml", 3, 7, "ops", "is missing").as_dict() == {
        "file": "a.yaml",
        "line": 3,
        "column": 7,
        "path": "ops",
        "sentence": "is missing",
        "hint": "",
    }


def test_problems_come_in_the_order_of_the_files_and_each_once() -> None:
    report = Report()
    for position in (Position("b.yaml", 1, 1), Position("a.yaml", 10, 1), Position("a.yaml", 9, 4)):
        report.add(position, ("x",), "is wrong")
        report.add(position, ("x",), "is wrong")
    assert [(problem.file, problem.line) for problem in report.problems()] == [
        ("a.yaml", 9),
        ("a.yaml", 10),
        ("b.yaml", 1),
    ]


def test_a_value_with_a_problem_gets_no_second_one_that_follows_from_it() -> None:
    report = Report()
    here = Position("a.yaml", 1, 1)
    report.add(here, ("x",), "is wrong")
    report.add_unless_reported(here, ("x",), "is missing")
    report.add_unless_reported(here, ("y",), "is missing")
    assert [f"{problem.path} {problem.sentence}" for problem in report.problems()] == ["x is wrong", "y is missing"]


def test_a_location_points_at_the_deepest_written_value() -> None:
    report = Report()
    tree = read(b"name: login\nlimits:\n  - first\n", "a.yaml", report)
    assert tree is not None
    location = Location(tree, ("routes", 0), report)
    location.add(("limits", 0), "is unknown")
    location.add(("auth",), "is missing")
    assert [str(problem) for problem in report.problems()] == [
        "a.yaml:1:1  routes[0].auth  is missing",
        "a.yaml:3:5  routes[0].limits[0]  is unknown",
    ]


def test_a_warning_is_no_problem_and_points_at_a_value_too() -> None:
    report = Report()
    tree = read(b"name: login\nlimits:\n  - first\n", "a.yaml", report)
    assert tree is not None
    Location(tree, ("routes", 0), report).warn(("limits", 0), "is odd", "mend it")
    report.warn(Position("a.yaml", 1, 1), (), "is old")
    report.warn(Position("a.yaml", 1, 1), (), "is old")
    assert [str(warning) for warning in report.warnings()] == [
        "a.yaml:1:1  is old",
        "a.yaml:3:5  routes[0].limits[0]  is odd  mend it",
    ]
    assert report.problems() == []


def test_hints() -> None:
    assert nearest("acces", ["access", "other"]) == "did you mean access?"
    assert nearest("zzz", ["access", "other"]) == "known: access, other"
    assert nearest("zzz", []) == ""
    assert nearest("zzz", map(str, range(20))) == ""
