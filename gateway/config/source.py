"""YAML text to a tree with positions. Only this module imports the YAML package.

It reads the events of the parser and builds no objects except text, numbers, booleans, null, lists and mappings.
Scalars follow the core schema of YAML 1.2 (section 10.3.2): ``no`` is text and ``12:30`` is not a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from gateway.config.problem import Report
from gateway.config.tree import Mapping, Node, NodePath, Position, Scalar, Sequence

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 24

_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_TRUE = frozenset(("true", "True", "TRUE"))
_FALSE = frozenset(("false", "False", "FALSE"))
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*|[0-9]+(?=[eE]))([eE][-+]?[0-9]{1,2})?")
_OCTAL = re.compile(r"[-+]?0[0-9]{1,17}")  # to a parser of YAML 1.1
_YES_AND_NO = frozenset(("yes", "no", "on", "off", "y", "n"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


# What the parser stumbles over, in the words of who writes: part of its sentence, ours, and the hint.
_STUMBLES = (
    ("'\\t' that cannot start", "it is indented by a tab", "indent with blanks: YAML takes no tabs"),
    (
        "but found '<scalar>'",
        "a text goes on behind its closing quote",
        "put other quotes around it, or write a quote in it twice",
    ),
    ("sequence entries are not", "a list begins in the line of its key", "begin it in the next line, or write [ ]"),
    (
        "expected <block end>",
        "a line is indented otherwise than those above it",
        "let keys of one mapping begin in one column",
    ),
    ("mapping values are not allowed", "", "look at the indentation, or put quotes around a text with a colon in it"),
    ("could not find expected ':'", "a key has no colon", "write a colon and a blank behind the key"),
    ("unexpected end of stream", "a quote is opened and never closed", "close it"),
    ("but got '{'", "", "put quotes around a text that holds a brace"),
    ("but got '?'", "", "put quotes around a text that holds a question mark"),
    ("cannot start any token", "", "put quotes around the text"),
)
_OPENED = ("found unexpected end of stream", "could not find expected ':'")
"""Stumbles that are due to what was begun before, where the parser says that it was."""


def described(error: yaml.MarkedYAMLError) -> tuple[Any, str, str]:
    """Where ``error`` is, what it is, and a hint of what to do."""
    found = error.problem or error.context or "cannot be understood"
    begun = error.context_mark is not None and any(found.startswith(start) for start in _OPENED)
    mark = error.context_mark if begun else error.problem_mark or error.context_mark
    for part, sentence, hint in _STUMBLES:
        if part in found:
            return mark, sentence or found, hint
    opened = error.context_mark if "flow" in (error.context or "") else None
    return mark, found, f"what is opened in line {opened.line + 1} is not closed" if opened is not None else ""


class _Unreadable(Exception):
    """The file cannot be read further; the problem is in the report."""


def read(octets: bytes, file: str, report: Report) -> Node | None:
    """The tree of one file, or None when it cannot be read at all. Problems go to ``report``; nothing is raised."""
    if len(octets) > MOST_BYTES:
        report.add(Position(file, 1, 1), (), f"is larger than {MOST_BYTES // 1024} KiB")
        return None
    try:
        text = octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = octets[: error.start]
        position = Position(file, before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1)
        report.add(position, (), "is not UTF-8 text", "save the file as UTF-8")
        return None
    try:
        return _TreeReader(text, file, report).document()
    except _Unreadable:
        return None


class _TreeReader:
    def __init__(self, text: str, file: str, report: Report) -> None:
        self._text = text
        self._file = file
        self._report = report
        self._events = self._parse()

    def _parse(self) -> Iterator[yaml.Event]:
        """The parser's events. An error of the parser becomes a problem at the position that it had reached."""
        position = Position(self._file, 1, 1)
        try:
            for event in yaml.parse(self._text, Loader=yaml.SafeLoader):
                position = self._position(event.start_mark)
                yield event
        except yaml.MarkedYAMLError as error:
            mark, sentence, hint = described(error)
            hint = self._quoting_hint(mark) or hint
            self._give_up(self._position(mark) if mark else position, f"is not YAML: {sentence}", hint)
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            position = Position(self._file, before.count("\n") + 1, len(before) - before.rfind("\n"))
            self._give_up(position, "holds a character that YAML does not allow")
        except (ValueError, OverflowError):
            # The scanner does not check that an escape such as "\UFFFFFFFF" names a character.
            self._give_up(position, "is not YAML: it holds an escape or number that has no value")

    def _give_up(self, position: Position, sentence: str, hint: str = "") -> None:
        self._report.add(position, (), sentence, hint)
        raise _Unreadable

    def _position(self, mark: Any) -> Position:
        return Position(self._file, mark.line + 1, mark.column + 1)

    def _quoting_hint(self, mark: Any) -> str:
        lines = self._text.splitlines()
        around = lines[mark.line - 1 : mark.line + 1] if mark and mark.line else lines[:1]
        return 'inside { } or [ ] put quotes around "${NAME}"' if any("${" in line for line in around) else ""

    def document(self) -> Node:
        """The one document of the file; an empty file is an empty mapping."""
        tree: Node = Mapping({}, {}, Position(self._file, 1, 1))
        count = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                count += 1
                if count > 1:
                    self._give_up(self._position(event.start_mark), "starts a second document", "keep one per file")
            elif isinstance(event, yaml.NodeEvent):
                tree = self._node(event, ())
        return tree

    def _node(self, event: yaml.Event, path: NodePath) -> Node:
        position = self._position(event.start_mark)
        if len(path) > MOST_DEPTH:
            self._give_up(position, f"is nested deeper than {MOST_DEPTH} levels")
        if isinstance(event, yaml.NodeEvent) and event.anchor is not None:
            # Aliases can grow without bound (a "billion laughs" file), and they hide a policy's values from a reviewer.
            name = "alias" if isinstance(event, yaml.AliasEvent) else "anchor"
            self._report.add(position, path, f"is an {name}, which is not accepted", "write the value out")
        if isinstance(event, yaml.MappingStartEvent):
            self._refuse_tag(event.tag, position, path)
            return self._mapping(position, path)
        if isinstance(event, yaml.SequenceStartEvent):
            self._refuse_tag(event.tag, position, path)
            return self._sequence(position, path)
        if isinstance(event, yaml.ScalarEvent):
            self._refuse_tag(event.tag, position, path)
            return self._scalar(event, position, path)
        return Scalar(None, position, broken=True)

    def _refuse_tag(self, tag: str | None, position: Position, path: NodePath) -> None:
        if tag is not None:
            self._report.add(
                position, path, "carries a tag, which is not accepted", "remove the word that starts with !"
            )

    def _sequence(self, position: Position, path: NodePath) -> Sequence:
        items: list[Node] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            self._warn_of_surprises(event, (*path, len(items)))
            items.append(self._node(event, (*path, len(items))))
        return Sequence(tuple(items), position)

    def _mapping(self, position: Position, path: NodePath) -> Mapping:
        entries: dict[str, Node] = {}
        keys: dict[str, Position] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            at = self._position(event.start_mark)
            key = self._key(event, at, path)
            below = path if key is None else (*path, key)
            event = next(self._events)
            self._warn_of_surprises(event, below)
            value = self._node(event, below)
            if key is None:
                continue
            if key in entries:
                self._report.add(at, (*path, key), f"is written twice, first in line {keys[key].line}")
                continue
            entries[key] = value
            keys[key] = at
        return Mapping(entries, keys, position)

    def _key(self, event: yaml.Event, position: Position, path: NodePath) -> str | None:
        """The key as text, or None for a key that is not accepted, which goes to the report."""
        node = self._node(event, path)
        if isinstance(node, Scalar) and node.value == "<<" and not node.quoted:
            self._report.add(position, path, "is a merge key, which is not accepted", "write the values out")
        elif isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
            return node.value
        elif not (isinstance(node, Scalar) and node.broken):
            self._report.add(position, path, "has a key that is not a text", "put quotes around the key")
        return None

    def _warn_of_surprises(self, event: yaml.Event, path: NodePath) -> None:
        """Warns of values that other versions of YAML read otherwise."""
        if not isinstance(event, yaml.ScalarEvent) or event.style:
            return
        text, position = event.value, self._position(event.start_mark)
        if _OCTAL.fullmatch(text):
            sentence = f"begins with a zero, and is {int(text)} in YAML 1.2"
            self._report.warn(position, path, sentence, "leave the zero out, or put quotes around a text")
        elif text.lower() in _YES_AND_NO:
            sentence = f"is the text {text} in YAML 1.2"
            self._report.warn(position, path, sentence, "write true or false, or put quotes around a text")

    def _scalar(self, event: yaml.ScalarEvent, position: Position, path: NodePath) -> Scalar:
        text: str = event.value
        if _CONTROL.search(text):
            self._report.add(position, path, "holds a control character")
            return Scalar(None, position, broken=True)
        if event.style:
            return Scalar(text, position, quoted=True, marks=self._marks(event))
        return Scalar(_resolve(text), position, marks=self._marks(event))

    def _marks(self, event: yaml.ScalarEvent) -> tuple[Position, ...]:
        """The position of each reference in a scalar, also in the later lines of a folded one."""
        if "${" not in event.value:
            return ()
        start: Any = event.start_mark
        end: Any = event.end_mark
        raw = self._text[start.index : end.index]
        marks = []
        for match in re.finditer(r"\$\{", raw):
            before = raw[: match.start()]
            column = match.start() - (before.rfind("\n") + 1) + (0 if "\n" in before else start.column)
            marks.append(Position(self._file, start.line + before.count("\n") + 1, column + 1))
        return tuple(marks)


def _resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar in the core schema of YAML 1.2, without octal, hexadecimal and infinity."""
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
