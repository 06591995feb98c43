"""The keys of tokens by the names under which operators see them."""

from __future__ import annotations

from gateway.config.model import Config
from gateway.core.secret import fingerprint
from gateway.policy.auth.auth import Settings


def fingerprints(config: Config, key: bytes) -> dict[str, list[str]]:
    """By ``auth`` policy the fingerprints of its keys under ``key``, in the order in which they are written."""
    policies = config.policies.get("auth", {})
    return {
        name: [fingerprint(each, key) for each in settings.keys]
        for name, settings in policies.items()
        if isinstance(settings, Settings)
    }
