"""``${NAME}``, ``${NAME:-default}`` and ``${file:/path}``: references to the environment in the files.

``$${`` is a literal ``${``. A value that replaces a reference is not searched for further references.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from collections.abc import Mapping as Variables
from functools import partial
from pathlib import Path

from gateway.config.files_read import FilesRead
from gateway.config.problem import Report
from gateway.config.stand_ins import StandIns
from gateway.config.tree import Mapping, Node, NodePath, Position, Scalar, Sequence
from gateway.core.secret_text import secret_flaw, without_line_end

MOST_FILE_BYTES = 64 * 1024

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)(\}?)")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_NESTED = re.compile(r"(?<!\$)\$\{")
_FORMS = "write ${NAME}, ${NAME:-default} or ${file:/path}; $${ stands for a literal ${"


class Environment:
    """Replaces references by the values of ``variables`` and of files. Relative file names start at ``base``. ``holds_secret``
    says of a path of a file whether what is there is a secret: a comma in one separates nothing. ``stand_ins`` takes the place
    of what is missing, in a check without secrets."""

    def __init__(
        self,
        variables: Variables[str, str],
        base: Path,
        report: Report,
        holds_secret: Callable[[NodePath], bool] = lambda path: False,
        stand_ins: StandIns | None = None,
        reads: FilesRead | None = None,
    ) -> None:
        self._variables = variables
        self._base = base
        self._report = report
        self._holds_secret = holds_secret
        self._stand_ins = stand_ins
        self._reads = reads or FilesRead()

    def expand(self, node: Node, path: NodePath = ()) -> Node:
        """``node`` with every reference replaced. One that cannot be replaced is reported, and its scalar is ``broken``."""
        if isinstance(node, Mapping):
            entries = {key: self.expand(value, (*path, key)) for key, value in node.entries.items()}
            return Mapping(entries, node.keys, node.position)
        if isinstance(node, Sequence):
            items: list[Node] = []
            empty: list[str] = []
            for index, item in enumerate(node.items):
                spread = self._spread(item, (*path, index))
                items += spread
                # A secret that is left out is none, wherever it would come from.
                if not spread and isinstance(item, Scalar) and not self._holds_secret((*path, index)):
                    empty += [self._source(match[1]) for match in _REFERENCE.finditer(str(item.value))]
            return Sequence(tuple(items), node.position, tuple(empty))
        return self._scalar(node, path)

    def _spread(self, item: Node, path: NodePath) -> list[Node]:
        """The list items of one written item: an item that is one reference may bring in several, separated by commas."""
        after = self.expand(item, path)
        if not (isinstance(item, Scalar) and isinstance(after, Scalar) and after.expanded and not after.broken):
            return [after]
        whole = _REFERENCE.fullmatch(str(item.value))
        if self._holds_secret(path):
            # Left out like any other, where it is empty by the default that is written: `[${NEW}, ${OLD:-}]`. An empty
            # file is another matter: somebody meant to put a secret into it.
            left_out = not after.value and whole and not whole[1].startswith("file:")
            return [] if left_out else [after]
        parts = str(after.value or "").split(",") if whole else [str(after.value)]
        return [
            Scalar(
                part.strip(),
                after.position,
                expanded=True,
                defaults=after.defaults,
                sources=after.sources,
                written=after.written,
                flaws=after.flaws,
            )
            for part in parts
            if part.strip()
        ]

    def _scalar(self, scalar: Scalar, path: NodePath) -> Scalar:
        text = scalar.value
        if not isinstance(text, str) or "${" not in text:
            return scalar
        taken: list[str] = []
        sources: list[str] = []
        flaws: list[tuple[str, str]] = []
        parts: list[str] = []
        sound = True
        end = 0
        for match in _REFERENCE.finditer(text):
            parts.append(text[end : match.start()])
            end = match.end()
            if match[0] == "$${":
                parts.append("${")
                continue
            value = self._value(match, self._mark(scalar, match.start()), path, taken, text)
            sources.append(self._source(match[1]))
            flaws += _flaws(match[1], value)
            sound = sound and value is not None
            parts.append(value or "")
        joined = "".join((*parts, text[end:]))
        # An unquoted reference with an empty value is null, like a key without a value.
        value_or_null = joined if joined or scalar.quoted else None
        return Scalar(
            value_or_null,
            scalar.position,
            scalar.quoted,
            expanded=True,
            defaults=tuple(taken),
            sources=tuple(sources),
            written=text,
            flaws=tuple(flaws),
            broken=not sound,
        )

    def _mark(self, scalar: Scalar, offset: int) -> Position:
        text = str(scalar.value)
        ordinal = text.count("${", 0, offset)
        # Escapes in quoted text can hide a reference from the count of marks; then the position of the text is used.
        return scalar.marks[ordinal] if len(scalar.marks) == text.count("${") else scalar.position

    def _value(
        self, match: re.Match[str], position: Position, path: NodePath, taken: list[str], text: str
    ) -> str | None:
        """The value of one reference in ``text``, or None when it has none, which is reported."""
        inner = match[1]
        if not match[2]:
            self._report.add(position, path, "has a ${ that is never closed", _FORMS)
            return None
        if inner.startswith("file:") and inner != "file:":
            return self._file(inner.removeprefix("file:"), position, path, text)
        variable = _VARIABLE.fullmatch(inner)
        if not variable:
            self._report.add(position, path, "has a reference that cannot be read", _FORMS)
            return None
        name, default = variable[1], variable[2]
        if default and _NESTED.search(default):
            self._report.add(position, path, "has a reference inside a default, which is not replaced", _FORMS)
            return None
        value = without_line_end(self._variables.get(name, ""))
        if value:
            return value
        secret = self._holds_secret(path)
        # What is optional in development, such as state.key, is needed in production; a second key or a Redis is not.
        needed = default is None or (not default and secret and self._counts(path))
        if self._stand_ins is not None and needed:
            return self._stand_ins.value(name, path, secret, partial(_within, text))
        if default is None:
            state = "is empty" if name in self._variables else "is not set"
            hint = self._missing_hint(name)
            self._report.add(position, path, f"needs the environment variable {name}, which {state}", hint)
        elif default:
            taken.append(name)
        return default

    def _counts(self, path: NodePath) -> bool:
        """Whether a secret that is empty by default counts as one: an item of a list is a key for whoever sets the variable."""
        by_reference = self._stand_ins is not None and self._stand_ins.replaces_files()
        return path[-1] in ("key", "token") or (by_reference and isinstance(path[-1], int))

    def _missing_hint(self, name: str) -> str:
        close = difflib.get_close_matches(name, set(self._variables) - {name}, n=1, cutoff=0.85)
        return f"set {name}; {close[0]} is set: is it meant?" if close else f"set {name}"

    def _file(self, name: str, position: Position, path: NodePath, text: str) -> str | None:
        hint = ""
        within = partial(_within, text)
        if self._stand_ins is not None and self._stand_ins.replaces_files():
            return self._stand_ins.value(name, path, self._holds_secret(path), within)
        try:
            octets = self._reads.read(self._base / name, MOST_FILE_BYTES)
            if len(octets) > MOST_FILE_BYTES:
                raise ValueError("is larger than 64 KiB")
            content = without_line_end(octets.decode("utf-8"))
            if not content:
                raise ValueError("is empty")
            return content
        except UnicodeDecodeError:
            reason, hint = "is not UTF-8 text", "save it as UTF-8; a key has to be PEM"
        except OSError as error:
            if self._stand_ins is not None:
                return self._stand_ins.value(name, path, self._holds_secret(path), within)
            reason = f"cannot be read ({error.strerror})"
        except ValueError as error:
            reason = str(error) if str(error).startswith("is ") else "has no readable name"
        self._report.add(position, path, f"needs the file {name}, which {reason}", hint)
        return None

    def _source(self, reference: str) -> str:
        """What replaces ``reference``, for people."""
        if reference.startswith("file:"):
            return f"file {reference.removeprefix('file:')}"
        name, default, written = reference.partition(":-")
        filled_in = self._stand_ins is not None and name in self._stand_ins.names and not written
        found = self._variables.get(name) or filled_in or not default
        return f"environment {name}" if found else f"default of {name}"


def shown_references(written: str) -> str:
    """The references in ``written``, for people: what is around them, and their defaults, may be secret."""
    found = [match for match in _REFERENCE.finditer(written) if match[0] != "$${"]
    return ", ".join(_shown_reference(match[1]) for match in found)


def _shown_reference(inner: str) -> str:
    name, mark, default = inner.partition(":-")
    return f"${{{name}{mark}{'...' if default else ''}}}"


def _within(text: str, value: str) -> str:
    """``text`` with ``value`` in place of each of its references."""
    return _REFERENCE.sub(lambda match: "${" if match[0] == "$${" else value, text)


def _flaws(reference: str, value: str | None) -> list[tuple[str, str]]:
    """What ``value`` has that no secret has, with the name of its variable or file."""
    found = secret_flaw(value) if value else None
    name = reference.partition(":-")[0].removeprefix("file:")
    return [(f"{name} {found[0]}", found[1])] if found is not None else []
