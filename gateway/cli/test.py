"""``gateway test``: do the policies decide as their tests say?"""

from __future__ import annotations

import gc
import json as jsonlib
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, load_or_exit, show, show_warnings
from gateway.cli.tested import as_dict, coverage_as_dict, coverage_lines, lines_of, too_little, unknown_test
from gateway.config.problem import Problem
from gateway.config.stand_ins import StandIns
from gateway.config.tree import NodePath, format_path
from gateway.ops.plain import clean
from gateway.review.policy_tests.files import FOLDER, PolicyTest, files_in, read_tests
from gateway.review.policy_tests.run import PolicyTestResult, Runner

FileNames = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[FILES]...", help="Files with tests, or folders of them; policies/tests unless given."),
]
Only = Annotated[str, typer.Option("--only", help="Only tests with this in their name; * is any text.")]
FailUnder = Annotated[
    float | None,
    typer.Option(
        "--fail-under", help="The answer is no where fewer per cent of routes, policies or reasons are tested."
    ),
]
At = Annotated[
    str, typer.Option("--at", help="When tests begin that do not say it, such as 2027-01-31T12:00:00Z; now.")
]
Placeholders = Annotated[
    bool,
    typer.Option("--placeholders/--no-placeholders", help="Fill in variables and files that are not here, as in CI."),
]

UNCOLLECTED = 200
"""Tests after which their garbage is collected: each leaves half a MiB, whatever it sends."""


class Filled(StandIns):
    """Stands in for secrets and addresses that are not here. ``unfit`` are the settings whose value nobody can guess."""

    def __init__(self) -> None:
        StandIns.__init__(self)
        self.unfit: list[str] = []

    def value(
        self, name: str, path: NodePath, secret: bool, within: Callable[[str], str] = lambda text: text
    ) -> str | None:
        """See ``StandIns.value``."""
        found = StandIns.value(self, name, path, secret, within)
        if found is None:
            self.unfit.append(f"{format_path(path)} needs {name}")
        return found


def test(
    files: FileNames = None,
    only: Only = "",
    fail_under: FailUnder = None,
    at: At = "",
    placeholders: Placeholders = True,
    config: ConfigPath = DEFAULT_PATH,
    json: AsJson = False,
) -> None:
    """Run the policy tests. Exit code 0 when all pass, 1 when one fails or too little is tested, 2 with a wrong input.

    The files are compiled as `gateway run` does it, and each test begins with an empty store, by a clock of its own: nothing is
    written or connected to. It shows what no test touches: routes, policies, and reasons to refuse.
    """
    begun = time.time() if not at else _moment(at, json)
    if fail_under is not None and not 0 <= fail_under <= 100:
        _refuse("--fail-under takes per cent, from 0 to 100", json)
    filled = Filled() if placeholders else None
    loaded = load_or_exit(config, json, stand_ins=filled)
    if filled is not None and filled.unfit:
        _refuse(f"{', '.join(filled.unfit)}, which is not set and decides what the tests see", json)
    paths = _paths(files, config.parent, json)
    tests, problems, warnings = read_tests(paths, loaded, config.parent)
    if problems:
        _report(problems, json)
    chosen = [one for one in tests if _is_meant(only, one)]
    if not chosen:
        _refuse(unknown_test(only, tests), json)
    runner = Runner(loaded, begun)
    results = _run(runner, _shown(chosen))
    coverage = runner.touched.coverage()
    short = [] if fail_under is None else too_little(coverage, fail_under)
    failed = [result for result in results if not result.ok]
    if json:
        typer.echo(
            jsonlib.dumps(
                {
                    "ok": not failed and not short,
                    "passed": len(results) - len(failed),
                    "failed": len(failed),
                    "tests": [as_dict(result) for result in results],
                    "coverage": coverage_as_dict(coverage),
                    "fail_under": fail_under,
                    "too_little": short,
                    "warnings": [warning.as_dict() for warning in warnings],
                    "placeholders": filled.names if filled else [],
                }
            )
        )
    else:
        show_warnings(warnings)
        _print(results, failed)
        for line in coverage_lines(coverage) if not only else ():
            typer.echo(line)
        if short:
            typer.echo(f"too little is tested: {', '.join(short)}, and --fail-under is {fail_under:g}", err=True)
    if failed or short:
        raise typer.Exit(1)


def _run(runner: Runner, tests: Iterable[PolicyTest]) -> list[PolicyTestResult]:
    """How ``tests`` go. What they have made is garbage that only the collector finds; it is looked for now and then, since to
    free it takes a fifth of the time."""
    results: list[PolicyTestResult] = []
    gc.disable()
    try:
        for number, test in enumerate(tests, 1):
            results.append(runner.run(test))
            if number % UNCOLLECTED == 0:
                gc.collect()
    finally:
        gc.enable()
    return results


def _print(results: Sequence[PolicyTestResult], failed: Sequence[PolicyTestResult]) -> None:
    for result in failed:
        typer.echo("\n".join(lines_of(result)))
    requests = sum(result.test.requests for result in results)
    if failed:
        typer.echo(f"failed: {len(failed)} of {len(results)} tests, with {requests} requests")
    else:
        typer.echo(f"ok: {len(results)} tests pass, with {requests} requests")


def _is_meant(only: str, one: PolicyTest) -> bool:
    return fnmatch(one.name.lower(), f"*{only.lower()}*")


def _paths(files: Sequence[Path] | None, base: Path, as_json: bool) -> list[Path]:
    """The files with tests; ends the process where there are none."""
    found: list[Path] = []
    for path in files or [base / FOLDER]:
        if path.is_dir() or not files:
            inside = files_in(path)
            if not inside:
                _refuse(f"there are no tests in {clean(str(path))}: a file of them ends in .yaml", as_json)
            found += inside
        else:
            found.append(path)
    return list(dict.fromkeys(found))


def _moment(text: str, as_json: bool) -> float:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min
    if found.tzinfo is None:
        _refuse("--at takes a moment with its time zone, such as 2027-01-31T12:00:00Z", as_json)
    return found.timestamp()


def _shown(tests: Sequence[PolicyTest]) -> Iterable[PolicyTest]:
    """``tests``, with a progress bar on a terminal."""
    if not sys.stderr.isatty():
        return tests
    from rich.progress import track

    from gateway.cli.load import console

    return track(tests, "Testing", console=console(stderr=True), transient=True)


def _refuse(sentence: str, as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(jsonlib.dumps({"ok": False, "error": sentence, "problems": []}))
    typer.echo(f"gateway test: {sentence}", err=True)
    raise typer.Exit(2)


def _report(problems: list[Problem], as_json: bool) -> NoReturn:
    if as_json:
        typer.echo(jsonlib.dumps({"ok": False, "problems": [problem.as_dict() for problem in problems]}))
    else:
        show(problems, "nothing was tested")
    raise typer.Exit(2)
