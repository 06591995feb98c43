"""Values that a JSON Schema may admit: candidates, which whoever asks tries against the schema.

Made for schemas of set differences, which say closely what they want (``policy.schema.compare``). Every number, list and
text in a schema may be hostile, so the work has a bound whatever it holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice, zip_longest
from typing import Any

from gateway.policy.schema.compare import JsonSchema
from gateway.policy.schema.keywords import target
from gateway.policy.schema.validator import compiled
from gateway.review.pattern_texts import texts

LONGEST_TEXT = 64 * 1024
"""Characters of one text of an example, at most."""

_EACH = 24  # candidates of one schema inside another
_MEMBERS = 200  # members or items of one example
_MOST_SCHEMAS = 3_000
_DEEPEST = 64

_LARGEST = 1e300  # of a number: one more is a number too

_PATTERNS = "patterns of all parts"  # beside the members of a schema, of which ``pattern`` is one only

_LABEL = "a" * 60
_OF_FORMAT: Mapping[str, tuple[str, ...]] = {
    "email": (
        "a@example.com",
        "A_b+c-d.e@sub.Example.com",
        "é@example.com",
        "Name <a@example.com>",
        "a@[127.0.0.1]",
        "a@b",
    ),
    "uri": ("https://example.com/", "urn:a", "HTTP://127.0.0.1:8080/a?b#c"),
    "uri-reference": ("/a",),
    "uuid": ("123e4567-e89b-42d3-a456-426614174000", "00000000-0000-0000-0000-00000000000A"),
    "date-time": ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678+01:00"),
    "date": ("2026-01-02",),
    "time": ("03:04:05Z", "03:04:05.678+01:00"),
    "duration": ("P1D",),
    "ipv4": ("127.0.0.1",),
    "ipv6": ("::1",),
    "hostname": ("example.com",),
    "json-pointer": ("/a",),
    "regex": ("a",),
}
_PLAIN_TEXTS = ("a", "", "A1-a", " ", "é", "a b", "1", "@", "\n")


def examples(schema: JsonSchema) -> Iterator[object]:
    """Candidates of values that ``schema`` admits, the likeliest first. ``schema`` must be valid."""
    maker = _Candidates(schema)
    return iter(maker.values(schema, 0))


class _Candidates:
    """Makes candidates of the schemas of one document, as many as the bound of the whole allows."""

    def __init__(self, document: JsonSchema) -> None:
        self._document = document
        self._left = _MOST_SCHEMAS
        self._lengths = tuple(islice(dict.fromkeys(_lengths(document)), 8))

    def values(self, schema: object, depth: int) -> list[object]:
        """Candidates of one schema of the document; none where that is spent, or ``depth`` too great."""
        self._left -= 1
        if self._left < 0 or depth > _DEEPEST:
            return []
        if schema is True or schema == {}:
            return [None, "a", 0, {}, [], True, 1.5]
        if not isinstance(schema, dict):
            return []
        if "const" in schema:
            return [schema["const"]]
        if "enum" in schema:
            return list(schema["enum"][:_MEMBERS])
        for key in ("$ref", "anyOf", "oneOf", "allOf"):
            if key in schema:
                rest = {name: value for name, value in schema.items() if name != key}
                return self._combined(key, schema[key], rest, depth + 1)
        return _interleaved([self._of_type(name, schema, depth) for name in _types(schema)])

    def _combined(self, key: str, with_it: Any, rest: object, depth: int) -> list[object]:
        """Candidates of ``rest`` together with what stands behind ``key`` beside it."""
        if key == "$ref":
            referred = target(self._document, with_it)
            return self.values(_merged(rest, referred[1]), depth) if referred is not None else []
        if key == "allOf":
            for part in with_it[:_MEMBERS]:
                rest = _merged(rest, part)
            return self.values(rest, depth)
        return _interleaved([self.values(_merged(rest, one), depth) for one in with_it[:_MEMBERS]])

    def _of_type(self, name: str, schema: Mapping[str, Any], depth: int) -> list[object]:
        if name == "object":
            return list(islice(self._objects(schema, depth), 8 * _EACH))
        if name == "array":
            return list(islice(self._arrays(schema, depth), _EACH))
        if name == "string":
            return _likely(list(islice(_texts(schema, self._lengths), 8 * _EACH)), schema)
        if name in ("number", "integer"):
            return _numbers(schema, name == "integer")
        return [True, False] if name == "boolean" else [None]

    def _objects(self, schema: Mapping[str, Any], depth: int) -> Iterator[dict[str, object]]:
        listed = schema.get("properties", {})
        required = [name for name in schema.get("required", []) if isinstance(name, str)]
        names = list(dict.fromkeys([*required, *listed]))[:_MEMBERS]
        others = schema.get("additionalProperties", True)
        found = {name: self.values(listed.get(name, others), depth + 1)[: 8 * _EACH] for name in names}
        base = {name: found[name][0] for name in required if found.get(name)}
        full = {name: found[name][0] for name in names if found[name]}
        yield base
        yield full
        extra = self._unlisted(schema, listed, depth)
        yield from ({**base, **more} for more in extra[:2])
        for at in range(8 * _EACH):
            yield from ({**base, name: values[at]} for name, values in found.items() if at < len(values))
        yield from ({**whole, **more} for more in extra for whole in (base, full))
        for name in base:
            yield {other: value for other, value in base.items() if other != name}

    def _unlisted(self, schema: Mapping[str, Any], listed: Mapping[str, Any], depth: int) -> list[dict[str, object]]:
        """Members that no property of ``schema`` names: one of each kind, and as many as it asks for."""
        found: list[dict[str, object]] = []
        for pattern, inner in islice(schema.get("patternProperties", {}).items(), _EACH):
            values = self.values(inner, depth + 1)
            found += [{name: value} for name in islice(texts(pattern), 3) for value in values[:3]]
        values = self.values(schema.get("additionalProperties", True), depth + 1)[:4]
        names = [str(name) for name in islice(_texts(schema.get("propertyNames", {}), ()), 4)]
        names = [name for name in ("other", *names) if name not in listed]
        found += [{name: value} for name in names for value in values]
        counts = [_count(schema.get(key)) for key in ("minProperties", "maxProperties")]
        return [*({f"other{i}": values[0] for i in range(count)} for count in counts if count > 1 and values), *found]

    def _arrays(self, schema: Mapping[str, Any], depth: int) -> Iterator[list[object]]:
        first = [self.values(one, depth + 1) for one in schema.get("prefixItems", [])[:_MEMBERS]]
        start = [values[0] for values in first if values]
        items = self.values(schema.get("items", True), depth + 1) or [None]
        wanted = self.values(schema["contains"], depth + 1) if "contains" in schema else []
        least, most = schema.get("minItems", 0), schema.get("maxItems", 0)
        counts = [_count(least), _count(most), 1, 2]
        if not wanted:
            yield start
        yield from ([*start, *([value] * max(_count(least), 1))] for value in _interleaved([items, wanted])[:_EACH])
        for count in dict.fromkeys(counts):
            more = max(count - len(start), 0)
            yield [*start, *wanted[:1], *([items[0]] * more)][: max(count, 1)]
            yield [*start, *items[:more]]
            yield [*start, *(f"item{i}" for i in range(more))]
            yield [*start, *range(more)]
        for at, values in enumerate(first):
            yield from ([*start[:at], value, *start[at + 1 :]] for value in values[1:4])


def _count(written: object) -> int:
    """How many items or members to make where a schema says ``written``."""
    return written if isinstance(written, int) and 0 <= written <= _MEMBERS else 0


def _types(schema: Mapping[str, Any]) -> Sequence[str]:
    """The types that ``schema`` is about, guessed from its other members where it names none."""
    named = schema.get("type")
    if isinstance(named, str):
        return [named]
    if isinstance(named, list):
        return [name for name in named if isinstance(name, str)]
    guesses = {
        "object": (
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
            "propertyNames",
            "minProperties",
        ),
        "string": ("pattern", "format", "minLength", "maxLength"),
        "array": ("items", "prefixItems", "contains", "minItems", "maxItems", "uniqueItems"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    }
    guessed = [name for name, members in guesses.items() if any(member in schema for member in members)]
    return guessed or ["object", "string", "number", "array", "boolean", "null"]


def _merged(schema: object, other: object) -> object:
    """Both at once, roughly: what is tried against the schema may be wrong."""
    if schema is True or other is False:
        return other
    if not isinstance(schema, dict) or not isinstance(other, dict):
        return schema
    both = {**schema, **other}
    for key in ("properties", "patternProperties"):
        if key in schema and key in other:
            both[key] = {**schema[key], **other[key]}
    for key in ("required", "allOf"):
        if key in schema and key in other:
            both[key] = [*schema[key], *other[key]]
    both[_PATTERNS] = [*_patterns(schema), *_patterns(other)]
    return both


def _interleaved(lists: Sequence[Sequence[object]]) -> list[object]:
    """The first of each, then the second of each, and so on."""
    missing = object()
    rounds = chain.from_iterable(zip_longest(*lists, fillvalue=missing))
    return list(islice((value for value in rounds if value is not missing), 16 * _EACH))


def _lengths(document: object) -> Iterator[int]:
    """One more than each longest and less than each shortest length of a text in ``document``: where a bound was, in a part of
    it that says what is not wanted."""
    open_parts = [document]
    while open_parts:
        part = open_parts.pop()
        if isinstance(part, dict):
            for key, by in (("maxLength", 1), ("minLength", -1)):
                if isinstance(length := part.get(key), int) and 0 < length < LONGEST_TEXT:
                    yield length + by
        open_parts.extend(part.values() if isinstance(part, dict) else part if isinstance(part, list) else ())


def _patterns(schema: Mapping[str, Any]) -> list[str]:
    """All patterns of a text that ``schema`` wants at once."""
    known = [*schema.get(_PATTERNS, ()), schema.get("pattern")]
    return list(dict.fromkeys(pattern for pattern in known if isinstance(pattern, str)))


def _texts(schema: object, more_lengths: Sequence[int]) -> Iterator[str]:
    if not isinstance(schema, dict):
        schema = {}
    if isinstance(listed := schema.get("enum"), list):
        yield from (one for one in listed if isinstance(one, str))
    ends = [schema.get("minLength"), schema.get("maxLength")]
    lengths = tuple(n for n in ends if isinstance(n, int) and 0 <= n <= LONGEST_TEXT)
    patterns = _patterns(schema)
    if len(patterns) > 1:  # such as a letter, a digit and a sign somewhere
        each = "".join([next(texts(pattern), "") for pattern in patterns])
        yield from ((each * -(-length // max(len(each), 1)))[: max(length, len(each))] for length in (*lengths, 1))
    for pattern in patterns:
        yield from texts(pattern, lengths)
    for text in _OF_FORMAT.get(str(schema.get("format")), ()):
        yield text
        yield from (_longer(text, length) for length in lengths if length > len(text))
    least, most = (lengths[0] if isinstance(ends[0], int) and lengths else 0), max(lengths, default=LONGEST_TEXT)
    for text in _PLAIN_TEXTS:
        yield text.ljust(least, "a")[:most]
    yield from ("a" * length for length in (*lengths, *more_lengths))


def _likely(found: list[str], schema: Mapping[str, Any]) -> list[object]:
    """``found``, those first that ``schema`` takes: an object shows a difference in one member only if the others are right."""
    wanted: dict[str, Any] = {key: schema[key] for key in ("minLength", "maxLength", "format") if key in schema}
    if patterns := _patterns(schema):
        wanted["allOf"] = [{"pattern": pattern} for pattern in patterns]
    try:
        admits = compiled(wanted).validator.is_valid
        return [*sorted(found, key=lambda text: not admits(text))]
    except ValueError:
        return [*found]


def _longer(text: str, length: int) -> str:
    """``text`` of ``length`` characters by more of what its format takes more of."""
    if "@" in text:  # a label of a name has at most 63 characters, the part before the @ 64 (RFC 5321 4.5.3.1)
        domain = ".".join([_LABEL] * 8)
        local = "a" * max(1, min(60, length - 12))
        rest = length - len(local) - len("@.com")
        return f"{local}@{domain[-rest:].lstrip('.')}.com" if rest > 0 else text
    return text + "a" * (length - len(text))


def _numbers(schema: Mapping[str, Any], whole: bool) -> list[object]:
    ends = [schema.get(key) for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")]
    known = [end for end in ends if isinstance(end, int | float) and abs(end) < _LARGEST]
    step = schema.get("multipleOf", 1)
    step = step if isinstance(step, int | float) and step > 0 else 1
    found: list[int | float] = []
    for end in known or [0]:
        near = [end, end + step, end - step, end + 0.5, end - 0.5]
        multiples = [math.floor(end / step) * step, math.ceil(end / step) * step] if abs(end / step) < 2**53 else []
        found += [*near, *multiples, *(one + step for one in multiples)]
    found += [sum(known) / len(known)] if known else []
    found += [0, 1, -1, 0.5, 2, step, 2 * step, 1e9]
    return [int(one) if float(one).is_integer() else one for one in found if not whole or float(one).is_integer()]
