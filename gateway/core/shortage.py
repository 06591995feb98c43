"""What the gateway itself can run out of, read off the exceptions that say so.

A shortage is nobody else's failure: no breaker, no ejection, no health check and no retry counts it.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from enum import StrEnum


class Shortage(StrEnum):
    """One thing that the gateway can run out of: its name in events, metrics and health."""

    DESCRIPTORS = "descriptors"  # of the process (RLIMIT_NOFILE) or of the system
    PORTS = "ports"  # local ones towards one address: all of ip_local_port_range are in use
    MEMORY = "memory"  # of the process, or of the kernel for sockets
    THREADS = "threads"  # or processes: RLIMIT_NPROC and the cgroup's pids.max count both
    DISK = "disk"  # or the user's quota


_BY_NUMBER = {
    errno.EMFILE: Shortage.DESCRIPTORS,
    errno.ENFILE: Shortage.DESCRIPTORS,
    errno.EADDRNOTAVAIL: Shortage.PORTS,
    errno.ENOBUFS: Shortage.MEMORY,
    errno.ENOMEM: Shortage.MEMORY,
    errno.ENOSPC: Shortage.DISK,
    errno.EDQUOT: Shortage.DISK,
}
_DEPTH = 8  # exceptions behind one another; more than any library makes

# asyncio and uvloop make one exception of those of several addresses, redis-py one of the system's: only the text has the
# numbers then.
_NUMBERS = re.compile(r"\b(?:Errno|Error) (\d{1,4})\b")
_TEXTS = re.compile("|".join(re.escape(os.strerror(number)) for number in _BY_NUMBER))  # LMDB's has no number
_BY_TEXT = {os.strerror(number): kind for number, kind in _BY_NUMBER.items()}
_LONGEST = 4096  # characters of a text that are looked at


def shortage_of(error: BaseException) -> Shortage | None:
    """The shortage that ``error`` came from, or an exception behind it did; None when it came from anything else."""
    following: BaseException | None = error
    for _ in range(_DEPTH):
        if following is None:
            return None
        found = _own(following)
        if found is not None:
            return found
        following = following.__cause__ or following.__context__
    return None


def shortage_in(text: str) -> Shortage | None:
    """The shortage that the error numbers in ``text`` are of, or the system's words for them, where only the text of an
    exception is left."""
    text = text[:_LONGEST]
    numbers = _NUMBERS.findall(text)
    if numbers:
        return _common(_BY_NUMBER.get(int(number)) for number in numbers)
    return _common(_BY_TEXT.get(words) for words in _TEXTS.findall(text))


def _own(error: BaseException) -> Shortage | None:
    if isinstance(error, MemoryError):
        return Shortage.MEMORY
    if isinstance(error, BaseExceptionGroup):
        return _common(shortage_of(each) for each in error.exceptions)
    if isinstance(error, RuntimeError):  # what threading raises has no type of its own
        return Shortage.THREADS if "start new thread" in str(error) else None
    if isinstance(error, ssl.SSLError):  # its numbers are OpenSSL's
        return Shortage.MEMORY if "MALLOC" in str(getattr(error, "reason", "")).upper() else None
    if isinstance(error, socket.gaierror):  # its numbers are the resolver's
        return Shortage.MEMORY if error.errno == socket.EAI_MEMORY else None
    if isinstance(error, OSError):
        return shortage_in(str(error)) if error.errno is None else _BY_NUMBER.get(error.errno)
    return None


def _common(each: Iterable[Shortage | None]) -> Shortage | None:
    """The shortage behind several failures of one attempt.

    Any decides, since what was not tried did not fail. Only ports are of one address: another that was tried and failed
    is what the attempt came to (``localhost`` is ``::1`` too, also where IPv6 is off).
    """
    found = list(each)
    others = list(_without_ports(found))
    if others:
        return others[0]
    return Shortage.PORTS if found and all(found) else None


def _without_ports(found: Iterable[Shortage | None]) -> Iterator[Shortage]:
    for each in found:
        if each is not None and each is not Shortage.PORTS:
            yield each
