"""How two configurations compare apart from routes and policies: listeners, state, upstreams, environment, region."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.policy.base.order import Danger, SettingChange, below, compared, neither, ranked_by

# Every word but ``production`` is without the strict checks.
_environment = ranked_by(
    lambda name: name != "production",
    Danger.CHECK,
    "The strict checks of production are off: weaknesses that were refused at the start now pass.",
    "Weaknesses in the files are refused at the start.",
)
_named_otherwise = neither("The environment has another name.")
_region = neither("Endpoints of another region are preferred.")


def compare_parts(old: Config, new: Config) -> list[SettingChange]:
    """What differs, each path from the root of the files."""
    return list(_changes(old, new))


def _changes(old: Config, new: Config) -> Iterator[SettingChange]:
    for name in ("listen", "ops", "state"):
        for change in compared(getattr(old, name), getattr(new, name)):
            yield below(name, change)
    yield from _environments(old.environment, new.environment)
    for change in _region(old.region or None, new.region or None):
        yield below("region", change)


def _environments(old: str, new: str) -> Iterator[SettingChange]:
    order = _environment if "production" in (old, new) else _named_otherwise
    for change in order(old, new):
        yield below("environment", change)
