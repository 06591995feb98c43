"""Which lists of origins admit all that other lists admit, label by label."""

from __future__ import annotations

from collections.abc import Collection

from gateway.core.origin import Origin, parse_origin


def admits(wide: Collection[str], narrow: Collection[str]) -> bool:
    """Whether every origin that ``narrow`` admits is admitted by ``wide`` too.

    ``*`` admits every origin, ``https://*.example.app`` each name below example.app, of any depth, and not that one itself.
    """
    if "*" in wide:
        return True
    patterns = [origin for origin in map(parse_origin, wide) if origin is not None and origin.host.startswith("*.")]
    return all(text in wide or (text != "*" and _below_one(parse_origin(text), patterns)) for text in narrow)


def _below_one(origin: Origin | None, patterns: Collection[Origin]) -> bool:
    return origin is not None and any(
        (origin.scheme, origin.port) == (pattern.scheme, pattern.port) and origin.host.endswith(pattern.host[1:])
        for pattern in patterns
    )
