"""The file descriptors of a process, and how many connections they carry.

A worker that runs out of them can take no client and reach no upstream. So its listeners stop before that: they get what
the upstreams and a reserve leave, and no more than is written.
"""

from __future__ import annotations

import contextlib
import resource
from dataclasses import dataclass, replace

from gateway.config.listen_settings import PerAddress
from gateway.config.model import Config
from gateway.proxy.server.listener import AT_ONCE

RESERVE = 64 + AT_ONCE
"""Descriptors of a worker that no connection gets: its log, state, channel and timers take some 30, a lookup or a new
certificate a few. And those that are accepted in one iteration of the loop have theirs while the ones that make room for
them are still being closed."""


def raise_limit() -> int:
    """Raise the soft limit of this process to its hard limit, which its children inherit. Returns the limit in force."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(OSError, ValueError):  # a hard limit above fs.nr_open, in some sandboxes
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return limit_in_force()


def limit_in_force() -> int:
    """The soft limit of this process."""
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def hard_limit() -> int:
    """The limit that ``raise_limit`` would reach."""
    return _number(resource.getrlimit(resource.RLIMIT_NOFILE)[1])


def _number(limit: int) -> int:
    return 1 << 30 if limit == resource.RLIM_INFINITY else limit


@dataclass(frozen=True, slots=True)
class Room:
    """What the descriptors of one worker carry. ``written`` and ``upstreams_written`` are what the configuration asks for:
    connections of a listener, and of all upstreams together."""

    limit: int
    connections: int
    written: int
    upstreams: int
    upstreams_written: int

    @property
    def enough(self) -> bool:
        """Whether everything is as it is written."""
        return self.connections == self.written and self.upstreams == self.upstreams_written

    def sentence(self) -> str:
        """For people: the numbers, and what is less than written."""
        parts = [f"{self.limit:,} descriptors a worker carry {self.connections:,} connections a listener"]
        if self.connections < self.written:
            parts.append(f"not the {self.written:,} of listen.limits.connections")
        if self.upstreams < self.upstreams_written:
            parts.append(
                f"and {self.upstreams:,} to all upstreams, not the {self.upstreams_written:,} of their max_connections"
            )
        return ", ".join(parts)


def room(config: Config, limit: int) -> Room:
    """What ``limit`` descriptors carry under ``config``.

    Upstreams get what is written as long as that is no more than half, and the listeners the rest: a client of whom no
    call can be made has no use of its connection.
    """
    listen = config.listen
    listeners = 1 if listen.egress is None else 2
    reserve = RESERVE + listeners * listen.workers  # each worker has the sockets of all (``process.child``)
    left = limit - min(reserve, limit // 2)
    written = sum(upstream.max_connections for upstream in config.upstreams.values())
    wanted = listen.limits.connections * listeners
    upstreams = max(min(written, max(left // 2, left - wanted)), len(config.upstreams))
    connections = max(1, min(listen.limits.connections, (left - upstreams) // listeners))
    return Room(limit, connections, listen.limits.connections, upstreams, written)


def fitted(config: Config, found: Room) -> Config:
    """``config`` with the connections that there is ``found`` room for. Upstreams share in proportion to what is written,
    and have one at least. Where there are fewer client connections than written, one address has a part of them at most."""
    if found.enough:
        return config
    limits = config.listen.limits
    if found.connections < found.written:
        per_address = _divided(limits.per_address, found.connections)
        limits = limits.model_copy(update={"connections": found.connections, "per_address": per_address})
    listen = config.listen.model_copy(update={"limits": limits})
    if found.upstreams == found.upstreams_written:
        return replace(config, listen=listen)
    upstreams = {
        name: upstream.model_copy(
            update={"max_connections": max(1, upstream.max_connections * found.upstreams // found.upstreams_written)}
        )
        for name, upstream in config.upstreams.items()
    }
    return replace(config, listen=listen, upstreams=upstreams)


def _divided(written: PerAddress, connections: int) -> PerAddress:
    """``written`` for so few ``connections`` that one address could have all of them: half at most, and a quarter with
    requests, which make room for nobody. What has no bound gets none."""
    bounds = {"connections": connections // 2, "requests": connections // 4}
    known = {name: min(getattr(written, name), max(1, most)) for name, most in bounds.items() if getattr(written, name)}
    return written.model_copy(update=known)
