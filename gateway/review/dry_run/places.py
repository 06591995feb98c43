"""Where the settings of a stage are written."""

from __future__ import annotations

from functools import cached_property, lru_cache

from gateway.config.model import Config
from gateway.policy.kinds import KINDS
from gateway.review.diff.where import Places

_SECTIONS = {kind.name: kind.section for kind in KINDS if kind.section}
_OF_LISTENER = {"client": "listen.trusted_proxies", "in_flight": "listen.limits.per_address.requests"}


def path_of(kind: str, policy: str) -> str:
    """The path from the root on of the settings of ``policy``, empty for a stage that has none."""
    if kind == "concurrency":
        return f"upstreams.{policy}.concurrency"
    return f"{_SECTIONS[kind]}.{policy}" if policy and kind in _SECTIONS else _OF_LISTENER.get(kind, "")


class StagePlaces:
    """The places in the files of ``config``, which are looked up when they are asked for."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.of = lru_cache(maxsize=4096)(self._of)
        """Gives ``file:line`` for the name of a kind and of one of its policies; empty where nothing is written."""

    @cached_property
    def _places(self) -> Places:
        return Places(self._config)

    def _of(self, kind: str, policy: str) -> str:
        path = path_of(kind, policy)
        return self._places.setting(path.split(".")) if path else ""
