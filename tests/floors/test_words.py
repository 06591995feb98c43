"""The field's words: names in gateway/ are of HTTP, of proxies and of asyncio, and each has one meaning."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections import defaultdict
from collections.abc import Mapping

import pytest

from tests.floors.sources import ROOT, sources, tracked, trees

# Words of a private language, in no identifier, and what to say for them:
OUR_OWN = {
    "told": "on_..., done, reported, enforced",
    "tell": "notify, report, respond",
    "hear": "on_..., receive, record",
    "heard": "received, recorded, on_reply",
    "passage": "flow",
    "turn": "iteration, batch, epoch",
    "standing": "status, fallback",
    "keepsake": "locks_file",
    "patience": "timeout, watchdog",
    "lane": "connection",
    "desk": "admin",
    "plane": "runtime",
    "picture": "status",
    "said": "body, message, output",
    "say": "send, write, report",
    "says": "send, write, report",
    "resting": "idle, open",
    "place": "position, index, slot, permit",
    "answer": "response",
    "answers": "responses",
}
# Names that users see stay as they are.
SEEN_BY_USERS = {"process/supervisor.py": {"place"}}  # a field of the log line worker_died
# In comments and docstrings some of them are ordinary English. These are not needed there either.
IN_PROSE = re.compile(r"\b(?:told|heard|passage|keepsake|patience|lane|desk|standing_in)\b")
# Names that classes of several modules share, since code finds them by that name.
SHARED_CLASS_NAMES = {
    "Settings": "the settings of each policy kind, found by this name in the kind's module",
}


def words(identifier: str) -> set[str]:
    """The words in ``snake_case``, ``CamelCase`` and ``CAPITALS``, in small letters."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", identifier)}


def names_of_our_own(text: str) -> set[str]:
    """The identifiers of a source that hold a word of a private language."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME and words(token.string) & OUR_OWN.keys()}


def class_names(modules: Mapping[str, ast.AST]) -> dict[str, list[str]]:
    """Class name -> modules that define one, where there are several."""
    found = defaultdict(list)
    for name, tree in modules.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(name)
    return {name: modules for name, modules in found.items() if len(modules) > 1}


def test_identifiers_are_the_fields_words() -> None:
    found = {name: names for name, text in sources().items() if (names := names_of_our_own(text))}
    assert found == SEEN_BY_USERS, f"instead: {OUR_OWN}"


def test_prose_is_the_fields_words() -> None:
    wrong = []
    for path in (path for path in tracked("gateway/*") if path.suffix in (".py", ".lua")):
        name = path.relative_to(ROOT / "gateway").as_posix()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if IN_PROSE.search(line):
                wrong.append(f"{name}:{number}: {line.strip()}")
    assert not wrong, "\n".join(wrong)


def test_a_class_name_has_one_meaning() -> None:
    found = class_names(trees())
    assert {name: modules for name, modules in found.items() if name not in SHARED_CLASS_NAMES} == {}
    assert SHARED_CLASS_NAMES.keys() <= found.keys()


@pytest.mark.parametrize("name", ["told", "_told_all", "on_heard", "Desk", "StoreDesk", "PATIENCE", "add_unless_told"])
def test_a_word_of_our_own_is_seen(name: str) -> None:
    assert names_of_our_own(f"{name} = 1") == {name}


@pytest.mark.parametrize("name", ["returned", "desktop", "planet", "notify", "outstanding", "turnstile", "replace"])
def test_a_word_of_the_field_is_let_be(name: str) -> None:
    assert names_of_our_own(f"{name} = 'told'  # heard") == set()


def test_a_second_class_of_one_name_is_seen() -> None:
    assert class_names({"a.py": ast.parse("class A: ..."), "b.py": ast.parse("class A: ...\nclass B: ...")}) == {
        "A": ["a.py", "b.py"]
    }
