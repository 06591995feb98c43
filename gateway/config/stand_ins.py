"""Values in place of variables and files that are not here, so that a check without secrets sees everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.config.tree import NodePath
from gateway.policy.auth.stand_in import stand_in_key

# What a key may be when nothing is known of its value; the name leads nowhere (RFC 6761 section 6.4).
_OF_KEYS = {
    "redis": "rediss://placeholder.invalid",
    "url": "https://placeholder.invalid",
    "origins": "https://placeholder.invalid",
    "host": "127.0.0.1",
    "region": "placeholder",
    "trusted_proxies": "10.0.0.1",
    "deny": "placeholder",
}


@dataclass(slots=True)
class StandIns:
    """Stands in for what is missing. ``names`` are the variables and files so far, in the order of the files."""

    names: list[str] = field(default_factory=list)

    def replaces_files(self) -> bool:
        """Whether it stands in for files of references that are here too."""
        return False

    def value(
        self, name: str, path: NodePath, secret: bool, within: Callable[[str], str] = lambda text: text
    ) -> str | None:
        """What stands in for the variable or file ``name`` at ``path``, where the whole text is ``within(value)``: the same for
        one name, and another for each. None where nothing can be guessed; what depends on it is left out of the check."""
        if name not in self.names:
            self.names.append(name)
        words = [key for key in path if isinstance(key, str)]
        key = words[-1] if words else ""
        if path and path[0] == "auth" and "public_key" in path:
            return stand_in_key(name)
        if key in _OF_KEYS:
            return _OF_KEYS[key]
        return sha256(name.encode()).hexdigest() if secret else None
