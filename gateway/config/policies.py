"""The named policies: the files that hold them, and their settings."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.acknowledgements import KEY
from gateway.config.environment import Environment
from gateway.config.files_read import FilesRead
from gateway.config.gaps import Gaps
from gateway.config.names import NAME_PATTERN, NOT_A_NAME, matches
from gateway.config.problem import Report
from gateway.config.source import MOST_BYTES, read
from gateway.config.tree import Mapping, Node, NodePath, Position, Scalar, Sequence, child, follow
from gateway.config.validate import (
    LATER_SECTIONS,
    NOT_AVAILABLE,
    NOT_AVAILABLE_HINT,
    mapping_at,
    parse,
)
from gateway.policy.base.file_flaw import FileFlaw
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import SECTIONS


@dataclass(slots=True)
class Files:
    """The files read so far, in order."""

    environment: Environment
    report: Report
    paths: list[Path] = field(default_factory=list)
    reads: FilesRead = field(default_factory=FilesRead)

    def read(self, path: Path) -> Mapping | None:
        """The expanded tree of one file, or None when it cannot be read or is no mapping, which is reported."""
        start = Position(str(path), 1, 1)
        try:
            octets = self.reads.read(path, MOST_BYTES)
        except OSError as error:
            self.report.add(start, (), f"cannot be read ({error.strerror})")
            return None
        self.paths.append(path)
        tree = read(octets, str(path), self.report)
        if isinstance(tree, Scalar) and tree.value is None:
            tree = Mapping({}, {}, tree.position)
        if tree is not None and not isinstance(tree, Mapping):
            self.report.add(tree.position, (), "must be a mapping of keys to values")
            return None
        expanded = self.environment.expand(tree) if tree is not None else None
        return expanded if isinstance(expanded, Mapping) else None


@dataclass(frozen=True, slots=True)
class Written:
    """One policy as it is written, before it is parsed."""

    section: str
    name: str
    node: Node
    position: Position


def included(entry: Mapping, folder: Path, report: Report, reads: FilesRead) -> list[Path]:
    """The files that ``include`` names, each once, in the order of their names."""
    patterns = child(entry, "include")
    found: set[Path] = set()
    for index, item in enumerate(patterns.items if isinstance(patterns, Sequence) else ()):
        if not isinstance(item, Scalar) or not isinstance(item.value, str) or item.broken:
            continue
        reads.match(folder, item.value)
        names = glob.glob(item.value, root_dir=folder, recursive=True)
        files = {folder / name for name in names if os.path.isfile(folder / name)}
        if not files:
            report.add(
                item.position, ("include", index), "matches no file", "patterns start at the folder of this file"
            )
        found |= files
    return sorted(found)


def gather(tree: Mapping, kinds: Named[str, type[Policy]], report: Report) -> list[Written]:
    """The policies that one file holds."""
    found = []
    for section in tree.entries:
        if section in LATER_SECTIONS:
            report.add(tree.keys[section], (section,), NOT_AVAILABLE, NOT_AVAILABLE_HINT)
        if section not in kinds:
            continue
        policies = mapping_at(tree, section, report)
        for name, node in policies.entries.items() if policies else ():
            found.append(Written(section, name, node, policies.keys[name] if policies else node.position))
    return found


def refuse_other_keys(tree: Mapping, kinds: Named[str, type[Policy]], report: Report, gaps: Gaps) -> None:
    """Reports keys at the top of an included file that are neither a kind of policy nor ``acknowledge``; ``gaps`` gets what they seem to mean."""
    for key in tree.entries:
        if key not in kinds and key not in LATER_SECTIONS and key != KEY:
            gaps.unknown_key(tree, key, [*kinds, KEY], "is not a kind of policy", report)


def unique(policies: list[Written], report: Report) -> dict[tuple[str, str], Written]:
    """The policies by section and name. A name that is taken, reserved or misspelt is reported."""
    found: dict[tuple[str, str], Written] = {}
    for policy in policies:
        path = (policy.section, policy.name)
        first = found.setdefault(path, policy)
        if first is not policy:
            report.add(
                policy.position, path, f"is defined twice, first at {first.position}", "rename or remove one of them"
            )
        if not matches(NAME_PATTERN, policy.name):
            report.add(policy.position, path, NOT_A_NAME)
        if policy.section in SECTIONS and policy.name and policy.name == SECTIONS[policy.section].opt_out:
            report.add(policy.position, path, "is a reserved name: in a route it means that everyone may come in")
    return found


def understand(
    policies: dict[tuple[str, str], Written],
    kinds: Named[str, type[Policy]],
    base: Path,
    report: Report,
    reads: FilesRead,
) -> dict[str, dict[str, Policy]]:
    """The settings of every valid policy, by section and name."""
    settings: dict[str, dict[str, Policy]] = {section: {} for section in kinds}
    for (section, name), policy in policies.items():
        parsed = parse(kinds[section], policy.node, (section, name), base, report)
        if parsed is None:
            continue
        kind = SECTIONS.get(section)
        if kind is not None and kind.read_files is not None:
            folder, known = Path(policy.position.file).parent, set(reads.most)
            parsed, flaws = kind.read_files(parsed, folder, reads.read)
            for directory in {os.path.dirname(path) for path in reads.most.keys() - known} or {str(folder)}:
                reads.match(Path(directory), "*")  # whatever its pattern is, a file that is new may match it
            _add(flaws, policy, report)
        settings[section][name] = parsed
    return settings


def _add(flaws: Iterable[FileFlaw], policy: Written, report: Report) -> None:
    """Reports what was found in the files that ``policy`` names."""
    path: NodePath = (policy.section, policy.name)
    for found in flaws:
        add = report.warn if found.warning else report.add
        if found.file:
            add(Position(found.file, found.line, found.column), path, found.sentence, found.hint)
        else:
            node, below = follow(policy.node, ("files",))
            add(node.position, (*path, *below), found.sentence, found.hint)
