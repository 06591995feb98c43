"""What the pages show of policy tests is what the command does with the shipped files."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

import pytest

from gateway.config.shape import models_below
from gateway.review.policy_tests.language import WrittenFile
from gateway.review.policy_tests.words import FAILURES
from tests.cli.command_line import run
from tests.shell_blocks import in_order

ROOT = Path(__file__).parents[2]
LANGUAGE = (ROOT / "docs" / "policy-tests.md").read_text()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shutil.copy(ROOT / "upstreams.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def yaml_of(page: str) -> str:
    """The first block of YAML with tests in it."""
    blocks = re.findall(r"^( *)```yaml\n(.*?)^ *```", page, flags=re.MULTILINE | re.DOTALL)
    return next(textwrap.dedent(block) for _, block in blocks if "expect:" in block)


def test_the_example_of_the_review_is_the_commands_own(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "reviewing.md").read_text()
    found = re.search(r"\$ sed -i '/(.+)/d' upstreams.yaml\n\$ gateway test --only \"(.+)\"\n((?:.+\n)+)```", page)
    assert found is not None
    gone, only, shown = found.groups()
    lines = (checkout / "upstreams.yaml").read_text().splitlines(keepends=True)
    (checkout / "upstreams.yaml").write_text("".join(line for line in lines if gone not in line))
    assert run("test", "--only", only) == 1
    # Lines move without what is shown being another; ... stands for some of them.
    printed = [re.sub(r"\.yaml:\d+ *", ".yaml ", line) for line in capsys.readouterr().out.splitlines()]
    expected = [re.sub(r"\.yaml:\d+ *", ".yaml ", line) for line in shown.splitlines() if line != "..."]
    assert in_order([re.escape(line) for line in expected], printed)


def test_the_example_of_the_language_passes(checkout: Path) -> None:
    (checkout / "policies" / "tests" / "example.yaml").write_text(yaml_of(LANGUAGE))
    assert run("test", "policies/tests/example.yaml") == 0


def test_every_key_of_the_language_is_on_its_page() -> None:
    keys = {field.alias or name for _, model in models_below(WrittenFile) for name, field in model.model_fields.items()}
    prose = re.sub(r"^```.*?^```", "", LANGUAGE, flags=re.MULTILINE | re.DOTALL)
    words = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", prose))))
    assert sorted((keys | set(FAILURES)) - words) == []


def test_the_tests_of_a_new_route_pass(checkout: Path) -> None:
    entry = checkout / "upstreams.yaml"
    entry.write_text(entry.read_text().replace("- lessons.submit\n", "- lessons.submit\n      - lessons.bookmark\n"))
    (checkout / "policies" / "inputs" / "lessons.bookmark.json").write_text('{"type": "object"}')
    written = yaml_of((ROOT / "docs" / "adding-a-route.md").read_text())
    (checkout / "policies" / "tests" / "new.yaml").write_text(f"tests:\n{written}")
    assert run("test", "policies/tests/new.yaml") == 0
