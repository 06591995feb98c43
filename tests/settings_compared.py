"""Two policies or parts as they are written, compared by the orders of their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from gateway.config.model import UpstreamSettings
from gateway.policy.base.order import Effect, SettingChange, compared
from gateway.policy.base.settings import Model
from gateway.policy.kinds import SECTIONS

Written = Mapping[str, object]


def changes(section: str, old: Written, new: Written) -> list[SettingChange]:
    """What differs between two policies of ``section``, compared as its row says."""
    kind = SECTIONS[section]
    assert kind.settings is not None
    return list(kind.compare(kind.settings.model_validate(old), kind.settings.model_validate(new)))


class Seen(NamedTuple):
    """A change as a table of expectations has it."""

    setting: str
    effect: str


def seen(found: list[SettingChange]) -> list[Seen]:
    """The changes without their texts."""
    return [Seen(".".join(change.path), str(change.effect)) for change in found]


def of_policies(section: str, old: Written, new: Written) -> list[Seen]:
    return seen(changes(section, old, new))


def of_parts(model: type[Model], old: Written, new: Written) -> list[Seen]:
    """The same of two values of a settings class."""
    return seen(list(compared(model.model_validate(old), model.model_validate(new))))


def of_upstreams(old: Written, new: Written) -> list[Seen]:
    """The same of two upstreams, with one server unless written."""
    server = {"endpoints": [{"url": "http://127.0.0.1:1"}]}
    return of_parts(UpstreamSettings, {**server, **old}, {**server, **new})


LOOSENS, TIGHTENS, CHANGES = (str(effect) for effect in (Effect.LOOSENS, Effect.TIGHTENS, Effect.CHANGES))
