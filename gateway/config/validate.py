"""Written values to settings, and errors of pydantic to problems in plain sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.config.environment import shown_references
from gateway.config.hints import nearest_key, unknown_key, value_hint
from gateway.config.problem import Report
from gateway.config.shape import holds_secrets, known_keys, secrets
from gateway.config.tree import Mapping, Node, NodePath, Scalar, Sequence, broken, child, follow, plain
from gateway.core.secret import Secret
from gateway.core.secret_text import secret_flaw, without_line_end
from gateway.policy.base.settings import WRITTEN, Advice
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


def parse(
    model: type[M], node: Node, path: NodePath, base: Path, report: Report, meant: Collection[str] = ()
) -> M | None:
    """``node``, which stands at ``path``, as a ``model``; None when it has a problem, which goes to ``report``. Keys in
    ``meant`` are there and misspelt, which is reported already."""
    found = list(secrets(model, node)) if holds_secrets(model) else []
    flawed = {below for below, scalar in found if _add_flaw((*path, *below), scalar, report)}
    try:
        parsed = model.model_validate(_with_references(plain(node), found), context={**WRITTEN, "base": base})
    except ValidationError as error:
        values = [str(scalar.value) for _, scalar in found]
        hidden = [value for value in values if len(value) >= _LEAST_HIDDEN]
        details = error.errors(include_url=False, include_input=False)
        misspelt = {(key,) for key in meant} | set(_meant(details, model))
        for detail in details:
            if detail["loc"] in flawed or (detail["type"] == "missing" and detail["loc"] in misspelt):
                continue
            _add(detail, model, node, path, hidden, report)
        return None
    return None if flawed or broken(node) else parsed


def _with_references(values: Any, found: Collection[tuple[NodePath, Scalar]]) -> Any:
    """``values`` with what is written of each secret that comes from somewhere else: two sides are compared by that."""
    for path, scalar in found:
        if not (path and scalar.expanded and isinstance(scalar.value, str) and scalar.value):
            continue
        group = values
        for key in path[:-1]:
            group = group[key]
        group[path[-1]] = Secret(without_line_end(scalar.value), scalar.written, shown_references(scalar.written))
    return values


def _add_flaw(path: NodePath, scalar: Scalar, report: Report) -> bool:
    """Reports what came along with a secret by accident. Returns whether something did."""
    flaw = next(iter(scalar.flaws), None)
    if flaw is None and isinstance(scalar.value, str) and "request_headers" not in path and not scalar.broken:
        flaw = secret_flaw(without_line_end(scalar.value))
    if flaw is not None:
        report.add(scalar.position, path, *flaw)
    return flaw is not None


def _meant(details: list[ErrorDetails], model: type[BaseModel]) -> Iterator[NodePath]:
    """The paths of known keys that unknown ones seem to be meant for."""
    for detail in details:
        if detail["type"] == "extra_forbidden":
            above, key = tuple(detail["loc"][:-1]), str(detail["loc"][-1])
            known = nearest_key(key, known_keys(model, above))
            if known is not None:
                yield (*above, known)


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
    context = detail.get("ctx", {})
    describe = _SENTENCES.get(kind)
    sentence = describe(context) if describe else _UNSPECIFIC
    if kind == "string_type" and not isinstance(written, Scalar):
        sentence = f"must be one text, and is a {'list' if isinstance(written, Sequence) else 'mapping'}"
    wrong = context.get("error")
    hint = wrong.hint if isinstance(wrong, Advice) else value_hint(kind, written, (*path, *found), _choices(context))
    if any(value in sentence or value in hint for value in hidden):
        sentence, hint = _UNSPECIFIC, ""
    report.add(written.position, (*path, *found), sentence, hint)


def _add_unknown_key(model: type[BaseModel], node: Node, found: NodePath, path: NodePath, report: Report) -> None:
    key = str(found[-1])
    above, _ = follow(node, found[:-1])
    position = above.keys[key] if isinstance(above, Mapping) else above.position
    if key in LATER_KEYS:
        report.add(position, (*path, *found), NOT_AVAILABLE, NOT_AVAILABLE_HINT)
    else:
        hint = unknown_key(key, known_keys(model, found[:-1]), (*path, *found[:-1]))
        report.add(position, (*path, *found), "is not a known key", hint)


def _choices(context: _Context) -> list[str]:
    """The words that pydantic would accept."""
    return [word.strip("'") for word in re.split(r", | or ", str(context.get("expected", "")))]


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
