"""Tests mirror the code: gateway/a/b.py is tested by tests/a/test_b.py, and a test module says whose test it is."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from tests.floors.sources import ROOT, sources, tracked

# A module without a test module of its own, and why one would say nothing more.
TESTED_ELSEWHERE = {
    "__main__.py": "three lines, which tests/cli/test_app.py runs as a process",
    "policy/upload/refused.py": "three exceptions without behaviour, which tests/policy/upload/test_form_judge.py reads",
    "ops/api/admin.py": "a protocol; tests/process/test_admin.py has the real one, tests/ops/api a double in memory",
    "review/diff/witness/probe.py": "two records without behaviour, which every test of witnesses goes through",
    "state/lmdb/names.py": "constants; every test of the store reads and writes records by them",
    "policy/base/file_flaw.py": "a record without methods, which tests/policy/schema/test_files.py reads",
    "proxy/flow/step.py": "names of steps, all of which tests/proxy/flow/test_life.py goes through",
    "proxy/message/request.py": "a record without methods, which tests/proxy/message/test_parser.py reads",
    "proxy/observer.py": "a protocol and its double that does nothing; tests/ops/test_observer.py has the real one",
    "proxy/pool/errors.py": "two exceptions without behaviour",
    "proxy/pool/phase.py": "an enumeration; tests/proxy/pool/test_connection.py goes through its members",
}
# A test module without a module: it tests what a whole room does together.
OF_A_WHOLE_ROOM = {
    "config/test_cases.py": "every problem that a configuration can have, as golden files",
    "review/diff/test_one_line_changes.py": "what the diff says of a change of each setting of the language",
    "proxy/test_breakers.py": "a circuit between a route, its upstream and the store, as the client sees it",
    "proxy/test_concurrency.py": "the limit of calls to an upstream, as the client sees it",
    "proxy/test_cost.py": "how many instructions a request takes through all rooms",
    "proxy/test_faults.py": "an upstream that breaks the protocol, as the client sees it",
    "proxy/test_garbage.py": "what a request leaves to the garbage collector",
    "proxy/test_pace.py": "what slow clients hold of all that others need, as those see it",
    "proxy/test_pace_judging.py": "what slow clients do to breakers and endpoints, as other clients see it",
    "proxy/test_pace_tries.py": "how an upstream is tried whatever clients do, as they see it",
    "proxy/test_timeouts.py": "every time limit of a request, as the client sees it",
}
# Folders that mirror nothing: the house's rules, the shipped files, the project's scripts, editors, whole runs on the wire, and what the
# dearest input costs in all rooms, and what any input does to them.
NO_MIRROR = ("floors", "policies", "scripts", "bench", "trpc", "editors", "wire", "browser", "cost", "fuzz")

ADVICE = """
Name the test of gateway/a/b.py tests/a/test_b.py, or tests/a/test_b_<one side of it>.py beside that.
Where a test of its own would say nothing more, add a line with the reason to TESTED_ELSEWHERE or OF_A_WHOLE_ROOM in
tests/floors/test_mirror.py."""


def mirror_of(module: str) -> str:
    """Where the test of a module is: ``a/b.py`` -> ``a/test_b.py``."""
    path = PurePath(module)
    return str(path.with_name(f"test_{path.name}"))


def without_test(modules: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The modules whose test module is missing."""
    present = set(tests)
    return sorted(name for name in modules if mirror_of(name) not in present)


def without_module(modules: Iterable[str], tests: Iterable[str]) -> list[str]:
    """The test modules that are of no module, and of no side of one."""
    stems = tuple(mirror_of(name).removesuffix(".py") for name in modules)
    sides = tuple(f"{stem}_" for stem in stems)
    return sorted(name for name in tests if name.removesuffix(".py") not in stems and not name.startswith(sides))


def mirroring() -> list[str]:
    """Paths below tests/ of the test modules that mirror gateway/."""
    names = [str(path.relative_to(ROOT / "tests")) for path in tracked("tests/*.py") if path.name.startswith("test_")]
    return [name for name in names if not name.startswith(tuple(f"{folder}/" for folder in NO_MIRROR))]


def test_every_module_has_its_test() -> None:
    missing = set(without_test(sources(), mirroring()))
    wrong = sorted(missing - set(TESTED_ELSEWHERE))
    assert not wrong, f"no test for {', '.join(wrong)}\n{ADVICE}"


def test_every_test_is_of_a_module() -> None:
    stray = set(without_module(sources(), mirroring()))
    wrong = sorted(stray - set(OF_A_WHOLE_ROOM))
    assert not wrong, f"no module of its name for tests/{', tests/'.join(wrong)}\n{ADVICE}"


def test_the_lists_hold_only_what_is_so() -> None:
    missing, stray = without_test(sources(), mirroring()), without_module(sources(), mirroring())
    assert [name for name in TESTED_ELSEWHERE if name not in missing] == []
    assert [name for name in OF_A_WHOLE_ROOM if name not in stray] == []


def test_a_missing_and_a_stray_test_are_seen() -> None:
    modules = ["core/path.py", "core/units.py"]
    tests = ["core/test_path.py", "core/test_path_hostile.py", "core/test_corner.py", "test_units.py"]
    assert without_test(modules, tests) == ["core/units.py"]
    assert without_module(modules, tests) == ["core/test_corner.py", "test_units.py"]
