"""Which lists of origins admit all that other lists admit, label by label."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from gateway.core.origin import Origin, parse_origin
from gateway.policy.base.order import Danger, Effect, SettingChange, changed
from gateway.policy.base.written import listed, text

Admitted = tuple[tuple[str, ...], bool]
"""The origins of a policy, and whether their pages may act with cookies."""


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


def origins_order(old: Admitted, new: Admitted) -> Iterator[SettingChange]:
    """More origins are looser. The sentences say how far a wildcard reaches, and what a page may do."""
    (before, _), (after, cookies) = old, new
    if not admits(after, before):
        lost = [each for each in before if not admits(after, (each,))]
        closes = f" Pages of {listed(lost)} are refused now, and whoever uses the service there gets errors."
    else:
        closes = ""
    if not admits(before, after):
        gained = [each for each in after if not admits(before, (each,))]
        opens = f"{_pages(gained)} may now call from their visitors' browsers and read the responses.{_reach(gained)}"
        opens += (
            " Browsers send the visitor's cookies along (`credentials: true`), so a page acts as its visitor."
            if cookies
            else " Browsers send no cookies along (`credentials: false`): a page acts as its visitor only with a token that it has."
        )
        yield changed(Effect.LOOSENS, text(before), text(after), Danger.OPEN, opens + closes)
    elif closes:
        yield changed(Effect.TIGHTENS, text(before), text(after), Danger.NONE, closes.strip())


def _pages(origins: Collection[str]) -> str:
    return "Pages of every website" if "*" in origins else f"Pages of {listed(origins)}"


def _reach(origins: Collection[str]) -> str:
    below = [origin for origin in map(parse_origin, origins) if origin is not None and origin.host.startswith("*.")]
    if not below:
        return ""
    return f" There `*` is one label or several: each name below {listed(origin.host[2:] for origin in below)}, of any depth."
