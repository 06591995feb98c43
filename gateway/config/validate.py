"""Written values to settings, and errors of pydantic to problems in plain sentences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.problem import Report, nearest
from gateway.config.shape import known_keys, secrets
from gateway.config.tree import Mapping, Node, NodePath, Scalar, Sequence, broken, child, follow, plain
from gateway.policy.base.settings import WRITTEN
from gateway.policy.kinds import ROUTE_KINDS, SECTIONS

M = TypeVar("M", bound=BaseModel)

# Kinds of policy that the language has and this version has not. Ignoring one would drop a protection silently.
LATER_SECTIONS = frozenset(("schemas", "uploads", "caches")) - SECTIONS.keys()
LATER_KEYS = frozenset(("schema", "upload", "cache", "watch")) - {kind.route_key for kind in ROUTE_KINDS}
NOT_AVAILABLE = "is not available in this version"
NOT_AVAILABLE_HINT = "remove it: the gateway does not start with a protection it cannot give"

_UNSPECIFIC = "has a value that is not accepted"
_LEAST_HIDDEN = 6  # characters; anything shorter is part of ordinary words and no secret

_Context = dict[str, Any]
_SENTENCES: dict[str, Callable[[_Context], str]] = {
    "missing": lambda _: "is missing",
    "string_type": lambda _: "must be a text: put quotes around it",
    "string_too_short": lambda _: "must not be empty",
    "string_too_long": lambda context: f"must be at most {context['max_length']} characters long",
    "string_pattern_mismatch": lambda _: "has a spelling that is not accepted",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "float_parsing": lambda _: "must be a number",
    "greater_than": lambda context: f"must be more than {context['gt']}",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "less_than": lambda context: f"must be less than {context['lt']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "literal_error": lambda context: f"must be {context['expected'].replace(chr(39), '')}",
    "enum": lambda context: f"must be {context['expected'].replace(chr(39), '')}",
    "too_short": lambda context: f"must have at least {_entries(context['min_length'])}",
    "too_long": lambda context: f"must have at most {_entries(context['max_length'])}",
    "value_error": lambda context: str(context["error"]),
    "assertion_error": lambda context: str(context["error"]),
}
for _kind in ("list_type", "tuple_type", "set_type", "frozen_set_type"):
    _SENTENCES[_kind] = lambda _: "must be a list"
for _kind in ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"):
    _SENTENCES[_kind] = lambda _: "must be a mapping of keys to values"


def parse(model: type[M], node: Node, path: NodePath, base: Path, report: Report) -> M | None:
    """``node``, which stands at ``path``, as a ``model``; None when it has a problem, which goes to ``report``."""
    try:
        parsed = model.model_validate(plain(node), context={**WRITTEN, "base": base})
    except ValidationError as error:
        values = [str(scalar.value) for _, scalar in secrets(model, node)]
        hidden = [value for value in values if len(value) >= _LEAST_HIDDEN]
        for detail in error.errors(include_url=False, include_input=False):
            _add(detail, model, node, path, hidden, report)
        return None
    return None if broken(node) else parsed


def _add(
    detail: ErrorDetails, model: type[BaseModel], node: Node, path: NodePath, hidden: list[str], report: Report
) -> None:
    """Reports one error of pydantic, unless it only follows from a broken reference, which is reported already."""
    written, found = follow(node, tuple(detail["loc"]))
    kind = detail["type"]
    if kind == "extra_forbidden":
        _add_unknown_key(model, node, found, path, report)
        return
    if kind == "missing":
        found = (*found, detail["loc"][-1])
    elif broken(written) or (kind == "too_short" and _is_long_enough(written, detail.get("ctx", {}))):
        return
    describe = _SENTENCES.get(kind)
    sentence = describe(detail.get("ctx", {})) if describe else _UNSPECIFIC
    if any(value in sentence for value in hidden):
        sentence = _UNSPECIFIC
    report.add(written.position, (*path, *found), sentence)


def _add_unknown_key(model: type[BaseModel], node: Node, found: NodePath, path: NodePath, report: Report) -> None:
    key = str(found[-1])
    above, _ = follow(node, found[:-1])
    position = above.keys[key] if isinstance(above, Mapping) else above.position
    if key in LATER_KEYS:
        report.add(position, (*path, *found), NOT_AVAILABLE, NOT_AVAILABLE_HINT)
    else:
        report.add(position, (*path, *found), "is not a known key", nearest(key, known_keys(model, found[:-1])))


def _is_long_enough(written: Node, context: _Context) -> bool:
    """Whether a list only seems too short, because its invalid items are left out."""
    return isinstance(written, Sequence) and len(written.items) >= context["min_length"]


def _entries(count: int) -> str:
    return "one entry" if count == 1 else f"{count} entries"


def mapping_at(node: Mapping, key: str, report: Report) -> Mapping | None:
    """The mapping written under ``key``; None when there is none; any other value there is reported."""
    value = child(node, key)
    if value is None or (isinstance(value, Scalar) and value.value is None):
        return None
    if not isinstance(value, Mapping):
        report.add(value.position, (key,), "must be a mapping of keys to values")
        return None
    return value
