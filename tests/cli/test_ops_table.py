"""Tables of operators: nothing in them can steer a terminal."""

import pytest

from gateway.cli.ops_table import print_table, shown


def test_what_comes_from_outside_is_escaped() -> None:
    assert shown("a\x1b[2Jb") == "a\\x1b[2Jb"
    assert [shown(value) for value in (None, "", [], True, False, 0)] == ["-", "-", "-", "yes", "no", "0"]


def test_a_pipe_gets_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("A", "B"), [("x" * 60, "[red]y[/]"), (None, "z")], ["red"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines] == [["A", "B"], ["x" * 60, "[red]y[/]"], ["-", "z"]]
