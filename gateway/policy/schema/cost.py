"""What a schema may cost: how often one value is judged, and how many errors it may come to.

Alternatives that lead back to themselves double the work with each level: thirty levels of a comment with replies, in two kinds,
are a thousand million judgements of one text. Such a schema is refused when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.policy.schema import keywords
from gateway.policy.schema.keywords import below, subschemas, target

MOST_VISITS = 64
"""How often one value may be judged. A body may hold some thousands of values, and to judge one takes up to 9 ns."""

_FRACTION = 50
"""To find whether a number is a multiple of one with a point, or beyond it, takes 0.4 us, and up to 0.8 us."""

_COMPARED = 150
"""To find whether a number is the same as one with a point takes 1.3 us, and up to 2.2 us."""

_WORK_OF_CHOICES = {float: _COMPARED, dict: 3, list: 3}
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_WORD = 63

MOST_STATES = 5000
"""Sets of schemas that may be for one value: with more of them a schema is refused like one that judges too often."""
_State = frozenset[tuple[int, int]]


class Cost(NamedTuple):
    """``visits``: how often one value may be judged; ``work``: the same, with what takes longer counted as often as it takes as
    long. ``errors``: how many errors one value may come to, each counted with what it copies of the schema. ``alternatives``:
    how many of them are found before there is a first error. ``names`` are those of members that the schema has."""

    visits: int
    work: int
    errors: int
    alternatives: int
    names: frozenset[str]


class Endless(ValueError):
    """A schema refers to itself for one and the same value."""


def cost_of(schema: object, max_depth: int) -> Cost:
    """The cost of ``schema`` for documents that are nested ``max_depth`` deep. Raises Endless."""
    names: set[str] = set()
    for _, found in subschemas(schema):
        for keyword in ("properties", "dependentSchemas"):
            named = found.get(keyword)
            names.update(named if isinstance(named, dict) else ())
        required = found.get("required")
        names.update([each for each in required if isinstance(each, str)] if isinstance(required, list) else ())
    counter = _Counter(schema)
    visits, work = counter.visits(max_depth)
    errors = counter.errors() if visits <= MOST_VISITS else MOST_STATES
    alternatives = max((_alternatives_of(found) for _, found in subschemas(schema)), default=0)
    return Cost(visits, work, errors, alternatives, frozenset(names))


class _Counter:
    """Counts by levels: what a schema comes to for a value is a sum over the schemas for the same value and for its parts."""

    def __init__(self, root: object) -> None:
        self._root = root
        self._same: dict[int, list[object]] = {}
        self._kept: dict[int, object] = {}

    def visits(self, max_depth: int) -> tuple[int, int]:
        """``Cost.visits`` and ``Cost.work`` for documents of that depth; where there are more than ``MOST_VISITS``, some number that
        is.

        Each state is the schemas of one value, each with how often it is applied there; from it follow those of its parts.
        """
        states = [self._state([(self._root, 1)])]
        seen = set(states)
        worst = work = 1
        for _ in range(max_depth + 1):
            below: list[_State] = []
            for state in states:
                reached = [(found, times) for key, times in state for found in self._for_same(self._kept[key])]
                worst = max(worst, sum(times for _, times in reached))
                work = max(work, sum(times * _work_of(found) for found, times in reached))
                if worst > MOST_VISITS or len(seen) > MOST_STATES:
                    return max(worst, MOST_VISITS + 1), work
                below += [found for found in self._parts(reached) if found and found not in seen]
                seen.update(below)
            states = list(dict.fromkeys(below))
        return worst, work

    def _state(self, schemas: Iterable[tuple[object, int]]) -> _State:
        times: dict[int, int] = {}
        for schema, count in schemas:
            self._kept[id(schema)] = schema
            times[id(schema)] = times.get(id(schema), 0) + count
        return frozenset(times.items())

    def _parts(self, reached: list[tuple[object, int]]) -> Iterator[_State]:
        """The states of the parts of a value: of each member that has a name, of any other one, and of items."""
        names = {name for schema, _ in reached for name in _named(schema, "properties")}
        for name in (None, *sorted(names)):
            yield self._state((part, times) for schema, times in reached for part in _of_member(schema, name))
        longest = max((len(_first_of(schema)) for schema, _ in reached), default=0)
        for index in range(longest + 1):  # the last one is for all items beyond the first ones
            yield self._state((part, times) for schema, times in reached for part in _of_item(schema, index))

    def errors(self) -> int:
        """The most errors of one value, by the schemas for the same value, with the alternatives in them."""
        return max((self._weight(schema) for _, schema in subschemas(self._root)), default=1)

    def _weight(self, schema: object) -> int:
        return sum(_weight_of(one) for one in self._for_same(schema))

    def _for_same(self, schema: object) -> list[object]:
        """``schema`` and those that are applied to the same value. Raises Endless."""
        known = self._same.get(id(schema))
        if known is None:
            known = self._same[id(schema)] = list(self._expanded(schema, ()))
            self._kept[id(schema)] = schema
        return known

    def _expanded(self, schema: object, above: tuple[int, ...]) -> Iterator[object]:
        if id(schema) in above:
            raise Endless("refers to itself for the same value, and so without an end")
        if not isinstance(schema, dict) or len(above) > MOST_VISITS:  # more than may be, however long the way
            return
        yield schema
        inside = (*above, id(schema))
        count = 1
        for keyword in (*keywords.SAME_ONE, *keywords.SAME_LIST, *keywords.SAME_BY_NAME):
            for _, inner in below(schema, keyword):
                for found in self._expanded(inner, inside):
                    yield found
                    count += 1
                    if count > MOST_VISITS:  # more than may be, however many more
                        return
        referred = target(self._root, schema.get("$ref"))
        if referred is not None:
            yield from self._expanded(referred[1], inside)


def _named(schema: object, keyword: str) -> dict[str, object]:
    value = schema.get(keyword) if isinstance(schema, dict) else None
    return value if isinstance(value, dict) else {}


def _of_member(schema: object, name: str | None) -> Iterator[object]:
    """The schemas for the member of that name; None is one that no ``properties`` has."""
    if not isinstance(schema, dict):
        return
    named = _named(schema, "properties")
    if name in named:
        yield named[name]
    yield from _named(schema, "patternProperties").values()
    for keyword in ("additionalProperties", "unevaluatedProperties"):
        if name not in named and isinstance(schema.get(keyword), dict):
            yield schema[keyword]


def _first_of(schema: object) -> list[object]:
    return [inner for _, inner in below(schema, "prefixItems")] if isinstance(schema, dict) else []


def _of_item(schema: object, index: int) -> Iterator[object]:
    """The schemas for the item at ``index``."""
    if not isinstance(schema, dict):
        return
    first = _first_of(schema)
    if index < len(first):
        yield first[index]
    for keyword in keywords.ITEMS:
        if index >= len(first) or keyword != "items":
            yield from (inner for _, inner in below(schema, keyword))


def _work_of(schema: object) -> int:
    """How many times as long as another a judgement by the keywords of one schema may take. Texts alone, and integers alone, are
    looked up in an ``enum``; other choices, and the names of ``dependentRequired``, are gone through one by one."""
    if not isinstance(schema, dict):
        return 1
    work = 1 + len(_named(schema, "dependentRequired"))
    work += _FRACTION if isinstance(schema.get("multipleOf"), float) else 0
    work += sum(_FRACTION for keyword in _BOUNDS if _is_exact(schema.get(keyword)))
    work += _COMPARED if _is_exact(schema.get("const")) else 0
    choices = schema.get("enum")
    if isinstance(choices, list) and len({_kind_of(each) for each in choices} | {str, int}) > 2:
        work += sum(_WORK_OF_CHOICES.get(_kind_of(each), 1) for each in choices)
    return work


def _is_exact(value: object) -> bool:
    """Whether numbers are compared with ``value`` as fractions: one with a point, or beyond 64 bits."""
    return isinstance(value, float) or (isinstance(value, int) and value.bit_length() > _WORD)


def _kind_of(choice: object) -> type:
    return float if _is_exact(choice) else type(choice)


def _weight_of(schema: object) -> int:
    """How many errors one schema may give for one value; the choices of an ``enum``, which an error copies, count an eighth."""
    if not isinstance(schema, dict):
        return 1
    weight = _alternatives_of(schema)
    for keyword in keywords.ASSERTIONS & schema.keys():
        value = schema[keyword]
        choices = len(value) if isinstance(value, list) else 0
        weight += 1 + (choices // 8 if keyword == "enum" else choices)
    return max(1, weight)


def _alternatives_of(schema: dict[str, object]) -> int:
    """How many errors the alternatives of ``schema`` may give together, all of which are part of one error."""
    groups = [schema[keyword] for keyword in ("anyOf", "oneOf") if keyword in schema]
    return sum(
        sum(1 + len(keywords.ASSERTIONS & found.keys()) for _, found in subschemas({"allOf": group}))
        for group in groups
    )
