"""What operators meet has a line in docs/: every event of the log, and every key of the language."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

from gateway.config.load import shipped_kinds
from gateway.config.schema import schemas
from tests.floors.sources import ROOT, tracked, trees

_CODE = re.compile(r"^```.*?^```|`[^`\n]+`", flags=re.MULTILINE | re.DOTALL)


def events(tree: ast.AST) -> Iterator[str]:
    """The names of the events that a module logs: the text that a call of ``event`` or ``_on_event`` begins with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "").endswith("event"):
            for first in node.args[:1]:
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def keys(schema: Any) -> Iterator[str]:
    """The keys that a JSON Schema gives to objects, at any depth."""
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name == "properties":
                yield from inner
            yield from keys(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from keys(inner)


def code(pattern: str) -> set[str]:
    """The words in backticks and in blocks of the pages."""
    texts = (part for page in tracked(pattern) for part in _CODE.findall(page.read_text()))
    return {word for text in texts for word in re.findall(r"[a-z0-9_]+", text)}


def test_every_event_of_the_log_is_on_the_page_of_operations() -> None:
    found = {name for tree in trees().values() for name in events(tree)}
    assert {"started", "state_away", "header_withheld"} <= found
    assert found - code("docs/operations.md") == set()


def test_every_key_of_the_language_is_in_the_docs() -> None:
    found = {name for schema in schemas(shipped_kinds()).values() for name in keys(schema)}
    assert {"redis", "drain", "lockouts", "send_timeout"} <= found
    assert found - code("docs/*.md") == set()


def test_every_key_of_the_entry_file_is_on_the_page_of_configuration_or_of_its_subject() -> None:
    text = (ROOT / "docs/configuration.md").read_text()
    missing = [name for name in schemas(shipped_kinds())["upstreams"]["properties"] if f"`{name}" not in text]
    assert missing == []
