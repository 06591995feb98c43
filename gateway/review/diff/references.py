"""What two sides take from the environment, where each was read without it (``config.by_reference``).

The values there are stand-ins. A setting that names another variable than before has another value to begin with that nobody
knows, so that it may be looser whatever the two stand-ins are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from gateway.config.model import Config
from gateway.core.secret import Secret
from gateway.policy.base.order import Danger, Effect
from gateway.policy.base.written import code, listed
from gateway.policy.kinds import SECTIONS
from gateway.review.diff.change import Change, by_danger
from gateway.review.diff.where import Places

_DISTINCT = 8  # characters of a stand-in that is no other value
_SOURCE = re.compile(r"(environment|default of|file) (.+)")

_UNKNOWN = "The value comes from elsewhere, and nobody can tell from the files what it is."
_WITH_DEFAULT = "The environment may set it to something else than what is written here."


class _Origin(NamedTuple):
    """Where the value of one setting comes from: references without a default, and those with one."""

    unknown: tuple[str, ...]
    with_default: tuple[str, ...]
    secret: bool

    def __str__(self) -> str:
        return ", ".join(f"${{{name}}}" for name in (*self.unknown, *self.with_default)) or "a value in the file"


def with_references(changes: Iterable[Change], old: Config, new: Config, names: Mapping[str, str]) -> list[Change]:
    """``changes``, and those of references that they do not show, sorted by danger. ``names`` has the reference that each
    stand-in is for: what is shown is the reference."""
    before, after = _origins(old), _origins(new)
    of_references = {change.setting: change for change in _changes(old, new)}
    found = []
    for change in changes:
        one = of_references.get(change.setting)
        if one is not None and one.loosens and change.loosens:
            found.append(replace(change, before=one.before, after=one.after))
            del of_references[change.setting]
        elif one is None or not one.loosens:
            found.append(_of_default(_named(change, names), before.get(change.setting), after.get(change.setting)))
            of_references.pop(change.setting, None)
    loosened = tuple(f"{change.setting}{end}" for change in found if change.loosens for end in ".[")
    rest = [one for one in of_references.values() if not one.setting.startswith(loosened)]
    return sorted([*found, *rest], key=by_danger)


def _named(change: Change, names: Mapping[str, str]) -> Change:
    """``change`` with references in place of what stands in for them."""
    texts = [change.before, change.after, change.why]
    for value, name in names.items():
        if len(value) >= _DISTINCT:
            texts = [text.replace(value, f"${{{name}}}") for text in texts]
    before, after, why = texts
    return (
        change
        if texts == [change.before, change.after, change.why]
        else replace(change, before=before, after=after, why=why)
    )


def _of_default(change: Change, before: _Origin | None, after: _Origin | None) -> Change:
    """``change``, which says of a default that it is one."""
    if before is None or after is None or not after.with_default or after.unknown or before != after:
        return change
    return replace(
        change,
        why=f"{change.why} It is the default, for where {_variables(after.with_default)} not set in the environment.",
    )


def _variables(names: tuple[str, ...]) -> str:
    return f"the variable {code(names[0])} is" if len(names) == 1 else f"the variables {listed(names)} are"


def _changes(old: Config, new: Config) -> Iterator[Change]:
    before, after = _origins(old), _origins(new)
    old_places, new_places = Places(old), Places(new)
    for path in sorted(before.keys() & after.keys()):
        one, other = before[path], after[path]
        if one == other:
            continue
        unknown = other.unknown != one.unknown
        keys = path.split(".")
        yield Change(
            effect=Effect.LOOSENS if unknown else Effect.CHANGES,
            setting=path,
            before=str(one),
            after=str(other),
            why=_UNKNOWN if unknown else _WITH_DEFAULT,
            danger=Danger.CHECK if unknown else 0,
            routes=_routes(new, keys),
            where_old=old_places.setting(keys),
            where_new=new_places.setting(keys),
            unwitnessed="It depends on what the variable is set to." if unknown else "",
        )


def _origins(config: Config) -> dict[str, _Origin]:
    found = {}
    for setting in config.settings:
        sources = [_SOURCE.fullmatch(part) for part in setting.source.split(", ")]
        known = [source for source in sources if source is not None]
        unknown = tuple(f"file:{one[2]}" if one[1] == "file" else one[2] for one in known if one[1] != "default of")
        defaults = tuple(one[2] for one in known if one[1] == "default of")
        found[setting.path] = _Origin(unknown, defaults, isinstance(setting.value, Secret))
    return found


def _routes(config: Config, keys: list[str]) -> tuple[str, ...]:
    section = keys[0]
    if section not in SECTIONS or len(keys) < 2:
        return ()
    return tuple(route.name for route in config.routes if keys[1] in route.policies.get(section, ()))
