"""What every tracked file keeps to: sizes, no sleeping tests, no unexplained exemption, no address of a registry."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.floors.sources import ROOT, imported, parsed, tracked


def test_files_and_functions_stay_short() -> None:
    long = []
    for path in tracked("gateway/*.py", "tests/*.py"):
        text = path.read_text()
        if text.count("\n") > 350:
            long.append(f"{path.name}: {text.count(chr(10))} lines")
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or 0) - node.lineno + 1
                if lines > 60:
                    long.append(f"{path.name}: {node.name} has {lines} lines")
    assert not long, "\n".join(long)


def test_packages_hold_nothing_of_their_own() -> None:
    assert [str(path) for path in tracked("*__init__.py") if path.read_text().strip()] == []


def test_no_test_sleeps_or_is_left_out() -> None:
    patterns = (r"mark\.skip", r"pytest\.skip\(", r"importorskip\(", r"\bxfail", r"\btime\.sleep\(")
    forbidden = re.compile("|".join(patterns))
    own = Path(__file__)
    assert [str(path) for path in tracked("tests/*.py") if path != own and forbidden.search(path.read_text())] == []


def test_no_test_imports_another_test() -> None:
    """What tests share is in fixtures, and in modules whose names say what they are."""
    wrong = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in tracked("tests/*.py", "bench/*.py")
        for module in imported(parsed(path))
        if re.fullmatch(r"tests\.(?:\w+\.)*(?:test_\w+|conftest)", module)
    ]
    assert not wrong, "\n".join(wrong)


def test_every_exemption_says_why() -> None:
    bare = re.compile(r"#\s*(?:type: ignore|noqa|pragma: no cover)[^#\n]*$", re.MULTILINE)
    own = Path(__file__)
    assert [str(path) for path in tracked("*.py") if path != own and bare.search(path.read_text())] == []


def test_no_tracked_file_names_this_machine_or_a_package_registry() -> None:
    # Put together here, so that this file does not name them either.
    registries = ["registry." + "npmjs", "pypi." + "org", "python" + "hosted", "/simp" + "le/"]
    words = [*registries, *(word for path in (ROOT.parent, Path.home()) if len(word := f"{path}/") > 5)]
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [f"{path.name}: {word}" for word in words if word in text]
    assert found == []


def test_the_lock_files_pin_every_package_by_hash() -> None:
    for name in ("requirements.lock", "requirements-test.lock", "requirements-build.lock"):
        logical = (ROOT / name).read_text().replace("\\\n", " ").splitlines()
        assert [
            line
            for line in logical
            if not re.match(r"[a-z0-9._-]+(?:\[[a-z0-9,-]+\])?==\S+ .*--hash=sha256:[0-9a-f]{64}", line)
        ] == []
