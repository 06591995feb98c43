"""Limits and lockouts that have another name and mean the same: what is counted by the old name is not counted by the new one."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Config
from gateway.policy.base.settings import Policy
from gateway.policy.base.written import code

_COUNTED = ("rate_limits", "lockouts")
"""Sections whose state is kept by the name of the policy."""


def rename_notes(old: Config, new: Config) -> Iterator[str]:
    """A sentence for each policy that counts and is in use by another name on ``new`` than on ``old``."""
    for section in _COUNTED:
        before, after = _used(old, section), _used(new, section)
        gained = [name for name in after if name not in old.policies.get(section, {})]
        for name in [name for name in before if name not in new.policies.get(section, {})]:
            same = next((other for other in gained if after[other] == before[name]), None)
            if same is not None:
                gained.remove(same)
                yield (
                    f"{code(f'{section}.{name}')} is called {code(f'{section}.{same}')} now: it decides as before, and what was"
                    " counted by the old name counts no more, so each count begins anew at the reload."
                )


def _used(config: Config, section: str) -> dict[str, Policy]:
    names = {name: None for route in config.routes for name in route.policies.get(section, ())}
    return {name: config.policies[section][name] for name in names}
