"""One upstream while it runs: with what works for it beside the requests, and with what it is made of.

A reload leaves an upstream alone that would be made of the same: its connections, the state of its endpoints' health, its
budgets of extra calls and its counts go on.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from gateway.config.model import UpstreamSettings
from gateway.core.addresses import Resolver
from gateway.core.via import Via
from gateway.policy.base.tools import OperatorEvents, Tools
from gateway.proxy.compile.upstreams import BackgroundTask, assemble, background_tasks
from gateway.proxy.upstream.upstream import Upstream

_ELSEWHERE = {"trpc": None, "paths": None, "breaker": None, "fallback": (), "concurrency": None, "required": False}
"""Settings of an upstream that decide about its routes and guards, and not about how it is called."""


@dataclass(frozen=True, slots=True)
class Ingredients:
    """All that decides what an upstream is. Two that are equal make the same one."""

    settings: UpstreamSettings
    region: str
    most: float
    via: str
    instance: str
    authorities: bytes
    events: OperatorEvents
    resolver: Resolver
    wall: Callable[[], float]


def ingredients(settings: UpstreamSettings, region: str, most: float, via: str, tools: Tools) -> Ingredients:
    """What an upstream of ``settings`` would be made of now, for a gateway of the name ``via`` in ``region``, which passes
    heads of ``most`` bytes."""
    encrypted = any(each.scheme == "https" for each in settings.endpoints)
    return Ingredients(
        settings.model_copy(update=_ELSEWHERE),
        region,
        most,
        via,
        tools.instance,
        tools.parts.part("authorities", _authorities) if encrypted else b"",
        tools.events,
        tools.resolver,
        tools.wall,
    )


def _authorities() -> bytes:
    """What stands for the authorities of this system: another file of them makes another upstream of https."""
    paths = ssl.get_default_verify_paths()
    digest = blake2b(digest_size=16)
    for path in filter(None, (paths.cafile, paths.capath)):
        try:
            found = os.stat(path)
            digest.update(repr((path, found.st_mtime_ns, found.st_ino, found.st_size)).encode())
            if Path(path).is_file():
                digest.update(Path(path).read_bytes())
        except OSError:
            continue
    return digest.digest()


class RunningUpstream:
    """An upstream and its background tasks. Must be made in the loop that will serve it."""

    def __init__(self, name: str, settings: UpstreamSettings, made_of: Ingredients, tools: Tools) -> None:
        self.made_of = made_of
        via = Via(made_of.via, made_of.instance)
        self.upstream: Upstream = assemble(name, settings, made_of.region, tools, made_of.most, via)
        self.background: list[BackgroundTask] = background_tasks(self.upstream, settings, tools)
        self._started = False

    def start(self) -> None:
        """Begin its background tasks, unless they have begun."""
        if not self._started:
            self._started = True
            for task in self.background:
                task.start()

    async def close(self) -> None:
        """Stop the background tasks and close idle connections; requests in flight end on their own."""
        for task in self.background:
            await task.stop()
        await self.upstream.pool.close()
