"""Only the settings of the operators' listener, whatever the rest of the files says.

An operator who lifts a lock at night must not have to mend a route first.
"""

from __future__ import annotations

from collections.abc import Mapping as Named
from pathlib import Path

from gateway.config.environment import Environment
from gateway.config.file_bytes import read_bytes
from gateway.config.model import Ops
from gateway.config.problem import Problem, Report
from gateway.config.source import MOST_BYTES, read
from gateway.config.tree import Mapping, Position, Scalar
from gateway.config.validate import parse


def load_ops(path: Path, env: Named[str, str]) -> Ops | list[Problem]:
    """The part ``ops`` of the entry file at ``path``, or why it cannot be read; never raises for input. Only references in
    that part are replaced, so a variable that is missing elsewhere does not matter."""
    report, elsewhere = Report(), Report()
    try:
        octets = read_bytes(path, MOST_BYTES)
    except OSError as error:
        report.add(Position(str(path), 1, 1), (), f"cannot be read ({error.strerror})")
        return report.problems()
    tree = read(octets, str(path), elsewhere)
    if tree is None:
        return elsewhere.problems()
    node = tree.entries.get("ops") if isinstance(tree, Mapping) else None
    if node is None or (isinstance(node, Scalar) and node.value is None):
        return Ops()
    expanded = Environment(env, path.parent, report).expand(node, ("ops",))
    return parse(Ops, expanded, ("ops",), path.parent, report) or report.problems()
