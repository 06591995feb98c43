"""Hints of what to write instead: for keys that nobody knows, names of the wrong kind, values of the wrong type, and YAML
that cannot be read.

A hint never repeats a value that may be a secret, only keys, names and words of the language.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable
from collections.abc import Mapping as Named
from functools import cache

from pydantic import BaseModel

from gateway.config.model import Entry
from gateway.config.shape import models_below
from gateway.config.tree import Node, NodePath, Scalar, Sequence
from gateway.policy.kinds import ROUTE_KINDS, SECTIONS

# What other gateways call it.
_OTHER_WORDS = {
    "backend": "upstream",
    "cluster": "upstream",
    "destination": "upstream",
    "service": "upstream",
    "target": "upstream",
    "to": "upstream",
    "match": "paths",
    "uri": "paths",
    "url": "endpoints",
    "urls": "endpoints",
    "hosts": "endpoints",
    "servers": "endpoints",
    "targets": "endpoints",
    "authentication": "auth",
    "circuit_breaker": "breaker",
    "healthcheck": "health_check",
    "jwt_secret": "secret",
    "rate": "limit",
    "retry": "retries",
    "ssl": "tls",
    "certificate": "cert",
    "threads": "workers",
}

_CLOSE = 0.7
"""The likeness (difflib's ratio) from which on a key is taken for a misspelt one, before it is looked for elsewhere."""

# What a missing key looks like; those of one section alone are under its name too.
_SAMPLES = {
    "account": "account: /email",
    "algorithms": "algorithms: [HS256]",
    "cert": "cert: chain.pem",
    "endpoints": 'endpoints: [{url: "http://127.0.0.1:8787"}]',
    "kind": "kind: jwt",
    "listen.key": "key: key.pem",
    "prefix": "prefix: /api/trpc",
    "rate_limits.key": "key: [address]",
    "rate_limits.limit": "limit: 100/minute",
    "url": 'url: "http://127.0.0.1:8787"',
    "version": "version: 1",
}

_YES_AND_NO = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}
_LISTS = frozenset(("list_type", "tuple_type", "set_type", "frozen_set_type"))
_MAPPINGS = frozenset(("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"))
_NUMBERS = frozenset(("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing"))
_WORDS = frozenset(("literal_error", "enum"))


def nearest_key(key: str, known: Collection[str], cutoff: float = 0.6) -> str | None:
    """The one of ``known`` that ``key`` is a misspelling of, or another gateway's word for; None when it is neither."""
    low = key.lower().replace("-", "_")
    other = _OTHER_WORDS.get(low)
    if other in known:
        return other
    if low in known:
        return low
    close = difflib.get_close_matches(low, sorted(known), n=1, cutoff=cutoff)
    return close[0] if close else None


def unknown_key(key: str, known: Collection[str], path: NodePath = ()) -> str:
    """The hint for a key that is none of ``known``: the one that is meant, where it belongs, and those that there are.

    ``path`` leads to the mapping that it is in.
    """
    parts = []
    sure = nearest_key(key, known, _CLOSE)
    homes = [home for home in _homes().get(key, ()) if home != _home_of(path)] if not sure else []
    likely = sure or (None if homes else nearest_key(key, known))
    if likely:
        parts.append(f"did you mean {likely}?")
    elif homes:
        parts.append(f"{key} belongs {' or '.join(homes[:3])}: look at the indentation")
    if known:
        parts.append(f"known: {', '.join(sorted(known))}")
    return "; ".join(parts).replace("?; ", "? ")


@cache
def _homes() -> Named[str, tuple[str, ...]]:
    """Every key of the language, and the mappings that it belongs to, in words."""
    found: dict[str, list[str]] = {key: ["at the top of the entry file"] for key in (*Entry.model_fields, *SECTIONS)}
    models: list[tuple[type[BaseModel], NodePath]] = [(Entry, ())]
    models += [(kind.settings, (section, "NAME")) for section, kind in SECTIONS.items() if kind.settings]
    for model, path in models:
        for below, inner in models_below(model, path):
            for name, field in inner.model_fields.items():
                homes = found.setdefault(field.alias or name, [])
                if below and _home_of(below) not in homes:
                    homes.append(_home_of(below))
    return {key: tuple(homes) for key, homes in found.items()}


def _home_of(path: NodePath) -> str:
    """Where a mapping is, in words: ``below upstreams.NAME.timeouts``, or ``to a route``."""
    if not path:
        return "at the top of the entry file"
    if path[0] == "routes":
        return "to a route"
    words = [str(key) for key in path if isinstance(key, str)]
    if words[0] in SECTIONS or words[0] == "upstreams":
        words[1:2] = ["NAME"]
    return f"below {'.'.join(words)}"


def unknown_name(name: str, section: str, known: Named[str, Collection[str]], words: Collection[str] = ()) -> str:
    """The hint for a name that is not defined in ``section``. ``known`` has the names of all sections, ``words`` are
    accepted in place of a name."""
    names = [*known.get(section, ()), *words]
    if name in names:
        return ""
    close = difflib.get_close_matches(name, sorted(names), n=1)
    if close:
        return f"did you mean {close[0]}?"
    for other, theirs in known.items():
        if name in theirs:
            key = next((kind.route_key for kind in ROUTE_KINDS if kind.section == other), "")
            return f"{name} is one of {other}" + (f": name it after {key}" if key else "")
    return f"known: {', '.join(sorted(names))}" if 0 < len(names) <= 12 else f"define it under {section}"


def value_hint(kind: str, written: Node, path: NodePath, choices: Iterable[str] = ()) -> str:
    """The hint for an error of pydantic of that ``kind`` in the value ``written`` at ``path``. ``choices`` are the words
    that are accepted there."""
    if kind == "missing":
        sample = _SAMPLES.get(f"{path[0]}.{path[-1]}") or _SAMPLES.get(str(path[-1]))
        return f"write {sample}" if sample else ""
    if kind in _LISTS:
        return "put it in brackets, a single one too" if isinstance(written, Scalar) else "begin each item with a dash"
    if kind in _MAPPINGS:
        return _mapping_hint(written, path)
    if kind == "string_type" and not isinstance(written, Scalar):
        return "write one, without brackets" if isinstance(written, Sequence) else "write its name alone"
    if not isinstance(written, Scalar):
        return ""
    text = written.value if isinstance(written.value, str) else ""
    if kind.startswith("bool_"):
        meant = _YES_AND_NO.get(text.lower())
        return f"write {meant}: {text} is a text in YAML 1.2" if meant else ""
    if kind in _NUMBERS and isinstance(written.value, str) and not written.expanded:
        return "write digits only: no blanks, underscores, units or 0x"
    return _choice_hint(written, list(choices)) if kind in _WORDS else ""


def _mapping_hint(written: Node, path: NodePath) -> str:
    if path[-2:-1] == ("endpoints",):
        return 'write {url: "http://127.0.0.1:8787"}'
    if isinstance(written, Sequence):
        return "leave the dashes or brackets out"
    if isinstance(written, Scalar) and written.value is None:
        return "indent what belongs to it"
    return "write keys and values below it, indented"


def _choice_hint(written: Scalar, choices: list[str]) -> str:
    if written.value is None or written.expanded:
        return ""
    text = str(written.value)
    if text in choices and written.quoted:
        return "write it without quotes"
    close = difflib.get_close_matches(text.lower(), choices, n=1)
    return f"did you mean {close[0]}?" if close else ""
