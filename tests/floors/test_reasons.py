"""One name everywhere: each reason and each policy kind has its page, its test and its file."""

import ast
import re
from pathlib import Path

import pytest

from gateway.core.reason import REASONS
from gateway.policy.kinds import KINDS, SECTIONS, Kind
from tests.floors.sources import trees

ROOT = Path(__file__).parents[2]
DOCUMENTED = {
    slug: text
    for slug, text in re.findall(
        r"^## ([a-z_]+)\n(.*?)(?=^## |\Z)", (ROOT / "docs/reasons.md").read_text(), re.M | re.S
    )
}


def test_every_reason_is_explained_and_nothing_else_is() -> None:
    assert list(DOCUMENTED) == list(REASONS), "the same slugs in the same order"


@pytest.mark.parametrize("slug", REASONS)
def test_a_reason_tells_its_status_its_sentence_and_what_to_do(slug: str) -> None:
    text = " ".join(DOCUMENTED[slug].split())
    assert text.startswith(f"**{REASONS[slug].status} ")
    assert REASONS[slug].sentence.replace("{retry_after}", "42") in text
    assert "The user" in text and "The operator" in text


@pytest.mark.parametrize("slug", REASONS)
def test_a_reason_is_given_somewhere_and_tested_somewhere(slug: str) -> None:
    def mentions(folder: str, but: str) -> bool:
        paths = [path for path in (ROOT / folder).rglob("*.py") if path.name != but]
        return any(re.search(rf"\b{slug}\b", path.read_text()) for path in paths)

    assert mentions("gateway", but="reason.py")
    assert mentions("tests", but="test_reasons.py")


@pytest.mark.parametrize("kind", {kind.name: kind for kind in KINDS}.values(), ids=lambda kind: kind.name)
def test_a_policy_kind_has_one_name(kind: Kind) -> None:
    module = ROOT / f"gateway/policy/{kind.name}"
    assert module.with_suffix(".py").is_file() or (module / f"{kind.name}.py").is_file()
    assert list(ROOT.glob(f"tests/policy/**/test_{kind.name}.py"))
    if kind.section:
        assert (ROOT / f"policies/{kind.section}.yaml").is_file()
        assert (ROOT / f"docs/policies/{kind.section}.md").is_file()


def test_every_policy_file_is_of_a_kind() -> None:
    assert {path.stem for path in (ROOT / "policies").glob("*.yaml")} == set(SECTIONS)
    modules = {
        path.stem for path in (ROOT / "gateway/policy").iterdir() if path.stem not in ("__init__", "__pycache__")
    }
    assert modules == {kind.name for kind in KINDS} | {"kinds", "base"}


def test_every_link_between_the_documents_leads_somewhere() -> None:
    broken = []
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            if not (page.parent / target).exists():
                broken.append(f"{page.name}: {target}")
    assert broken == []


BY_LIMIT = {"rate_limited", "account_locked", "address_locked"}
"""Reasons that only a limit gives: the figures say which by name."""


def test_every_refusal_by_a_limit_says_which() -> None:
    nameless = []
    for name, tree in trees().items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            function = getattr(call.func, "id", "")
            first = call.args[0] if call.args else None
            slug = first.value if isinstance(first, ast.Constant) else getattr(first, "id", "")
            by_limit = slug in BY_LIMIT or (slug == "slug" and name.startswith("policy/lockout/"))
            if function == "refuse" and by_limit and "limits" not in {keyword.arg for keyword in call.keywords}:
                nameless.append(f"{name}:{call.lineno}")
    assert nameless == []
