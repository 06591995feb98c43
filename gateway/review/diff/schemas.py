"""How the schemas of inputs compare, input by input."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import blake2b
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple, cast

from gateway.config.model import Route
from gateway.policy.base.order import Danger, Effect
from gateway.policy.base.written import code
from gateway.policy.schema.settings import QUERY, SUFFIX, Settings
from gateway.review.diff.change import Change
from gateway.review.diff.draft import Draft
from gateway.review.diff.schema_words import ABSENT, Differing, loosened
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.uses import Use, in_code, named

if TYPE_CHECKING:
    from gateway.policy.schema.compare import JsonSchema
    from gateway.review.inputs import SchemaChange

SECTION = "schemas"
_MOST = 3  # differing keywords that are shown
_LONGEST = 120  # characters of one

CompareSchemas = Callable[["JsonSchema", "JsonSchema"], "SchemaChange"]
"""Compares two schemas that differ; ``review.inputs.compared`` does, and whoever hands it in bounds its time."""


class _Input(NamedTuple):
    """An input with another schema: the policies and names of both sides, and the bytes, None where there is no file."""

    policies: tuple[str, str]
    names: tuple[str, str]
    octets: tuple[bytes | None, bytes | None]
    refuses: bool


def schema_drafts(old: RoutedSide, new: RoutedSide, several: Iterable[Use], compare: CompareSchemas) -> Iterator[Draft]:
    """The changes of what inputs may be, of routes that name a policy of ``schemas`` on both sides."""
    found: dict[_Input, list[Use]] = {}
    for use in several:
        policies = _policy(use.one), _policy(use.other)
        if not all(policies):
            continue
        before, after = (
            cast(Settings, side.policy(SECTION, name)) for side, name in zip((old, new), policies, strict=True)
        )
        refuses = {before.mode, after.mode, use.one.mode, use.other.mode} == {"enforce"}
        for names in _names(use):
            octets = before.files.contents.get(names[0]), after.files.contents.get(names[1])
            if octets[0] != octets[1]:
                found.setdefault(_Input(policies, names, octets, refuses), []).append(use)
    compared: dict[tuple[bytes | None, bytes | None], tuple[Effect, str, str] | None] = {}
    for each, of in found.items():
        if each.octets not in compared:
            compared[each.octets] = _compared(each, compare)
        result = compared[each.octets]
        if result is not None:
            yield _draft(old, new, each, of, *result)


def _policy(route: Route) -> str:
    return next(iter(route.policies.get(SECTION, ())), "")


def _names(use: Use) -> Iterable[tuple[str, str]]:
    if not use.other.procedures:
        return [(use.one.name + suffix, use.other.name + suffix) for suffix in ("", QUERY)]
    pairs = ((each.before.procedures[0], each.after.procedures[0]) for each in use.requests)
    return dict.fromkeys(pair for pair in pairs if pair[0] == pair[1])  # else it is an alias of another (``reach``)


def _compared(each: _Input, compare: CompareSchemas) -> tuple[Effect, str, str] | None:
    """The effect, a sentence, and an input that shows a loosening as JSON; None where both admit the same."""
    before, after = each.octets
    query = each.names[1].endswith(QUERY)
    if before is None or after is None:
        # Without a file for its input a call is refused, and the parameters of a query are not looked at.
        loosens = (after is None) is query
        if loosens:
            return (
                Effect.LOOSENS,
                "No schema judges these parameters any more."
                if query
                else "It had no schema, so every input was refused.",
                "",
            )
        return (
            Effect.TIGHTENS,
            "A schema judges these parameters." if query else "It has no schema, so every input is refused.",
            "",
        )
    old, new = json.loads(before), json.loads(after)
    change = compare(old, new)
    example = change.gained.example
    if change.loosens:
        if example:
            opens = loosened(list(_differing(old, new, ())), new)
            return Effect.LOOSENS, f"{opens} For example {code(_short(example))} passes now.", example
        return (
            Effect.LOOSENS,
            f"Inputs may pass that were refused: {change.sentence or 'nobody can tell that none does'}.",
            "",
        )
    if str(change.direction) == "tighter":
        lost = change.lost.example
        shown = f", for example {code(_short(lost))}: apps that send such get errors" if lost else ""
        return Effect.TIGHTENS, f"Inputs are refused that passed{shown}.", ""
    return None


def _draft(
    old: RoutedSide, new: RoutedSide, each: _Input, uses: list[Use], effect: Effect, why: str, example: str
) -> Draft:
    before, after = _texts(*each.octets)
    if not each.refuses and effect is not Effect.CHANGES:
        effect, why = Effect.CHANGES, "The policy only reports on one of the sides."
    if any(use.moved for use in uses):
        before, after = f"{before} (of {each.names[0]})", f"{after} (of {each.names[1]})"
        why = f"{why} {in_code(uses[0].requests)} went to another route and had its schema."
    names = {use.other.name for use in uses}
    change = Change(
        effect=effect,
        setting=f"{SECTION}.{each.policies[1]}.{each.names[1]}",
        before=before,
        after=after,
        why=why,
        danger=Danger.CHECK if effect is Effect.LOOSENS else 0,
        routes=tuple(name for name in new.routes if name in names),
        where_old=_where(old, each.policies[0], each.names[0], each.octets[0]),
        where_new=_where(new, each.policies[1], each.names[1], each.octets[1]),
        content=blake2b(b"\0".join(octets or b"" for octets in each.octets), digest_size=15).hexdigest(),
    )
    return Draft(change=change, requests=named(uses), section=SECTION, example=example)


def _where(side: RoutedSide, policy: str, name: str, octets: bytes | None) -> str:
    """The file of the schema; where it is named for one that is not there."""
    at = side.places.setting((SECTION, policy, "files"))
    if octets is None or not at:
        return at
    settings = cast(Settings, side.policy(SECTION, policy))
    folder = PurePath(at.rpartition(":")[0]).parent / PurePath(settings.files.pattern).parent
    return f"{folder / name}{SUFFIX}:1"


def _texts(before: bytes | None, after: bytes | None) -> tuple[str, str]:
    """The keywords that differ, as they are on each side."""
    if before is None or after is None:
        return ("no schema" if before is None else "a schema"), ("no schema" if after is None else "a schema")
    found = list(_differing(json.loads(before), json.loads(after), ()))
    sides = [
        "; ".join(f"{'.'.join(path) or 'schema'}: {_value(pair[side])}" for path, *pair in found[:_MOST])
        + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")
        for side in (0, 1)
    ]
    return sides[0], sides[1]


def _differing(before: object, after: object, path: tuple[str, ...]) -> Iterator[Differing]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            yield from _differing(before.get(key, ABSENT), after.get(key, ABSENT), (*path, str(key)))
    elif type(before) is not type(after) or before != after:
        yield Differing(path, before, after)


def _value(value: object) -> str:
    return "none" if value is ABSENT else _short(json.dumps(value, ensure_ascii=False))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
