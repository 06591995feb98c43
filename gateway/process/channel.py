"""How the supervisor and its workers talk: over one private socket pair each, never on a command line or a disk.

Down go pickled orders with their length in front, secrets included; up come lines of JSON. A worker gets the
configuration as the supervisor checked it, so that a file which was broken meanwhile cannot keep it from being
replaced. The pickles are trusted as the parent process is: nobody else holds the other end.
"""

from __future__ import annotations

import asyncio
import io
import pickle
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.config.model import Config
from gateway.core.secret import Secret

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Start:
    """A worker's first order. ``listener`` is the number of the bound socket it inherited, ``egress`` that of the
    egress listener's where there is one, ``run`` the folder of this run, ``key`` keys the names that stand for people in
    the log, ``loaded_at`` is in Unix seconds."""

    config: Config
    place: int
    listener: int
    run: Path
    key: bytes
    version: str
    loaded_at: float
    egress: int | None = None


@dataclass(frozen=True, slots=True)
class Reload:
    """Serve this configuration from now on."""

    config: Config
    loaded_at: float


@dataclass(frozen=True, slots=True)
class Drain:
    """Take no more, finish what is running within ``seconds``, and end."""

    seconds: float


Order = Start | Reload | Drain


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        # A Secret refuses to be pickled, so that it ends on no disk by accident; here it is meant.
        return (Secret, (value.reveal(),)) if isinstance(value, Secret) else NotImplemented


def packed(order: Order) -> bytes:
    """An order as it goes over the socket."""
    buffer = io.BytesIO()
    _Pickler(buffer, pickle.HIGHEST_PROTOCOL).dump(order)
    data = buffer.getvalue()
    return _LENGTH.pack(len(data)) + data


async def receive(reader: asyncio.StreamReader) -> Order | None:
    """The next order, or None when the supervisor is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        order: Order = pickle.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    return order
