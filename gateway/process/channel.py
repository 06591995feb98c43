"""The channel between the supervisor and a worker: a private socket pair, never a command line or a file.

Orders go down as pickles with their length in front, secrets included; reports come up as lines of JSON. A worker gets
the configuration and the certificates as the supervisor checked them, so that a file which was broken since cannot
prevent a replacement. The pickles are trusted as the parent process is: no other process holds an end of the pair.
"""

from __future__ import annotations

import asyncio
import io
import pickle
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from gateway.config.certificates import Certificates
from gateway.config.model import Config
from gateway.core.secret import Secret

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Start:
    """A worker's first order. ``number`` tells the workers apart; ``listener`` is the descriptor of the bound socket that
    it inherited, ``egress`` that of the egress listener where there is one; ``run`` is the directory of this run; ``key``
    keys the pseudonyms in the log; ``loaded_at`` is in Unix seconds. ``others`` has, by number, the descriptors of the other
    workers' sockets (``Cover``): the public one, and that of egress where there is one. ``replaces``: the run has served
    before, so it goes on without a state file where there can be none; ``distrust``: the one that is there has ended
    processes. ``refused_at``: see ``LastReload``. ``instance`` tells this run from those of other gateways (``core.via``)."""

    config: Config
    number: int
    listener: int
    run: Path
    key: bytes
    version: str
    loaded_at: float
    egress: int | None = None
    certificates: Certificates | None = None
    others: Mapping[int, tuple[int, int | None]] = field(default_factory=dict)
    replaces: bool = False
    distrust: bool = False
    refused_at: float | None = None
    instance: str = ""
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Reload:
    """Build this configuration beside the one that is served, and keep it until ``Swap``."""

    config: Config
    loaded_at: float
    certificates: Certificates | None = None


@dataclass(frozen=True, slots=True)
class Swap:
    """Serve what was built from now on, or drop it: another worker could not build it."""

    serve: bool


@dataclass(frozen=True, slots=True)
class LastReload:
    """When the last reload was refused (Unix seconds), None where it was served or there was none."""

    refused_at: float | None


@dataclass(frozen=True, slots=True)
class Cover:
    """Take the connections of these workers too, which cannot, and of no others any more."""

    numbers: frozenset[int]


@dataclass(frozen=True, slots=True)
class Announce:
    """Say on the health paths that the run ends soon, and go on serving."""


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more connections, finish within ``seconds``, and end. ``idle``: seconds that a kept connection has for one more
    request, from then or from its last one. ``closing``: seconds for what waits in the listening socket, 0.0 where others
    have it too. ``streams``: seconds that an event stream goes on, where that is less than it could."""

    seconds: float
    idle: float
    closing: float
    streams: float = inf


@dataclass(frozen=True, slots=True)
class Find:
    """Report what is kept of the request of that id, which was refused."""

    request_id: str


Order = Start | Reload | Swap | LastReload | Cover | Announce | Drain | Find


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # A Secret refuses to be pickled, so that it reaches no file by accident; here it is intended.
        return (Secret, (value.reveal(), value.written, value.shown)) if isinstance(value, Secret) else NotImplemented


def dumped(value: object) -> bytes:
    """``value`` with its secrets, for a process that this one has started."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(value)
    return buffer.getvalue()


def encode(order: Order) -> bytes:
    """The bytes of an order on the socket."""
    data = dumped(order)
    return _LENGTH.pack(len(data)) + data


async def receive(reader: asyncio.StreamReader) -> Order | None:
    """The next order, or None when the supervisor is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        order: Order = pickle.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return order
