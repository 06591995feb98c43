"""Where the settings are written that refuse a request outside its stages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gateway.config.model import Config
from gateway.review.diff.where import Places

_OF_LISTENER = {"headers_too_large": "listen.limits.header_bytes", "body_timeout": "listen.limits.body_timeout"}


def refused_by(config: Config, places: Places, reason: str, path: str, routes: Sequence[str]) -> Iterator[str]:
    """The settings of ``config``, each as ``path (file:line)``, by which a request is refused for ``reason``: one to the canonical
    ``path``, whose calls take ``routes``. None for the reasons of stages."""
    for setting in _settings(config, reason, path, routes):
        where = places.setting(setting.split("."))
        yield f"{setting} ({where})" if where else setting


def _settings(config: Config, reason: str, path: str, routes: Sequence[str]) -> Iterator[str]:
    taken = [route for route in config.routes if route.name in routes]
    if reason == "route_denied":
        yield from (f"routes.{route.name}.deny" for route in taken if route.deny is not None)
    elif reason == "batch_refused":
        yield from (f"routes.{route.name}.batch" for route in taken if route.batch == "deny")
    elif reason == "batch_too_large":
        for name, upstream in config.upstreams.items():
            if upstream.trpc is not None and path.startswith(upstream.trpc.prefix.rstrip("/") + "/"):
                yield f"upstreams.{name}.trpc.max_batch"
    elif reason in _OF_LISTENER:
        yield _OF_LISTENER[reason]
