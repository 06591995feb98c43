"""What the documents and docstrings name exists: files, modules, and the headings that links lead to."""

import re
from pathlib import Path

import pytest

from gateway.proxy.flow.step import Step
from tests.floors.sources import ROOT, sources, tracked

# A program writes the report, and the reviews of prepared changes, which are of other files; the changelog also names what is gone.
PAGES = [
    path
    for path in tracked("*.md")
    if path.name not in ("REPORT.md", "CHANGELOG.md") and path.parent.name != "ten_changes"
]
TOP = {path.relative_to(ROOT).parts[0] for path in tracked("*/*")}
FLOORS = {name.partition("/")[0] for name in sources()}
# Folders and files of a run or of a user's own configuration, which no checkout has.
NOT_IN_A_CHECKOUT = ("var/", "policies/schemas.yaml")

_BACKTICKS = re.compile(r"`+([^`\n]+)`+")
_PATH = re.compile(r"[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*/?")
_MODULE = re.compile(r"(?:gateway|bench|tests)(?:\.[a-z_]+)+")


def missing(text: str, names: set[str]) -> list[str]:
    """The files and modules in backticks in ``text`` that do not exist; ``names`` are the names of all files."""
    return [name for part in _BACKTICKS.findall(text) for name in part.split() if not exists(name, names)]


def exists(name: str, names: set[str]) -> bool:
    """Whether ``name`` is no path and no module, or one that exists."""
    name = name.rstrip(",;:")
    if _MODULE.fullmatch(name):
        return _is_module(name)
    if not _PATH.fullmatch(name) or name.startswith(NOT_IN_A_CHECKOUT):
        return True
    if name.endswith((".py", ".lua")) and "/" not in name:
        return name in names
    top = name.partition("/")[0]
    if "/" not in name or top not in (*TOP, *FLOORS):
        return True
    return any(
        (folder / f"{name.rstrip('/')}{ending}").exists()
        for folder in (ROOT, ROOT / "gateway")
        for ending in ("", ".py")
    )


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    # The last part may be a name inside a module.
    return any(place.is_dir() or place.with_suffix(".py").exists() for place in (path, path.parent))


@pytest.fixture(scope="module")
def names() -> set[str]:
    return {path.name for path in tracked("*.py", "*.lua")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page: Path, names: set[str]) -> None:
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert missing(prose, names) == []


def headings(page: Path) -> set[str]:
    """The anchors of a page, as its headings make them."""
    titles = re.findall(r"^#+ (.*)$", page.read_text(), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_to_a_heading_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:\s]*\.md)?#([^)\s]+)\)", page.read_text())
    wrong = [
        f"{target}#{anchor}"
        for target, anchor in links
        if anchor not in headings(page.parent / target if target else page)
    ]
    assert wrong == []


def test_what_docstrings_and_comments_name_exists(names: set[str]) -> None:
    assert [f"{path}: {name}" for path, text in sources().items() for name in missing(text, names)] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("`gateway/core/path.py`, `core/path`, `tests/floors` and `bench.redis_cost`", []),
        ("``gateway.core.path`` and `gateway.core.path.canonical`", []),
        ("`var/state/locks.json`, `/health/ready`, `state.path`, `python -m bench.soak`, `application/json`", []),
        ("`gateway/core/paths.py`", ["gateway/core/paths.py"]),
        ("in `proxy/passage` and ``take_all.lua``", ["proxy/passage", "take_all.lua"]),
        ("`python -m bench.nothing.there`", ["bench.nothing.there"]),
    ],
)
def test_a_name_of_nothing_is_seen(text: str, found: list[str], names: set[str]) -> None:
    assert missing(text, names) == found


def test_the_architecture_has_a_line_for_each_step_of_a_request() -> None:
    text = (ROOT / "docs/architecture.md").read_text()
    assert re.findall(r"^\| `([A-Z]+)` \|", text, flags=re.MULTILINE) == [step.name for step in Step]


def test_each_threat_has_one_row() -> None:
    rows = [line.split(" | ")[0] for line in (ROOT / "THREATS.md").read_text().split("\n") if line.startswith("| **")]
    assert len(rows) > 30 and sorted(set(rows)) == sorted(rows)
