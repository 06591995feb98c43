"""Whether a file of LMDB is sound, and what can be read of one that is not, without LMDB.

LMDB believes its file: a page that was overwritten is an error at best, and at worst a length that leads out of the file,
which ends the process (SIGSEGV, SIGBUS). So the pages that are in use are looked at before LMDB opens the file, by their
own headers, in plain Python that can only raise. The format is that of LMDB 0.9 (``lmdb.h``, ``mdb.c``: MDB_meta, MDB_page,
MDB_node), the only one that there is of version 1.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

from gateway.state.lmdb.lockout_record import without_pending
from gateway.state.lmdb.names import BOOT, FORMAT, LIMIT, LOCKED, NAME_BYTES, REVOKED, UNPACK_EXPIRY, WAIVED

_MAGIC, _VERSION = 0xBEEFC0DE, 1
_META = Struct("<16xIIQQ" + "IHHQQQQQ" * 2 + "QQ")
_HEADER = Struct("<QHHHH")  # number, padding, flags, lower, upper
_NODE = Struct("<HHHH")  # low and high half of the length or the child, flags, length of the name
_BRANCH, _LEAF, _META_FLAG = 0x01, 0x02, 0x08
_LARGE = 0x01  # the value is on pages of its own
_NONE = 2**64 - 1
_LATEST = 44  # where the record of the clock has the latest moment that was written down (``clock``)
_PAGE = 4096
_NODES = 20_000  # looked at one by one, some 10 ms; of the pages beyond them only the headers

MOST_SAVED = 20_000
"""Records taken out of a broken file."""

MOST_READ = 65_536
"""Pages of it that are read, four times what a gateway writes: a file with holes can be larger than any disk."""


class Damage(Exception):
    """What is wrong with a file, in a sentence."""


class _Meta(NamedTuple):
    page: int
    roots: tuple[int, int]
    last: int
    txn: int


def damage(path: Path, most: int | None = None) -> str:
    """What is wrong with the file, empty when nothing is found or there is none, in up to ``most`` pages: others each time.
    To be called while nobody writes to it. Raises OSError."""
    try:
        handle = _opened(path)
    except FileNotFoundError:
        return ""
    try:
        found = os.fstat(handle)
        if not _is_of_a_disk(found):
            return "it is no file"
        if found.st_size:
            _walk(handle, found.st_size, most)
    except Damage as error:
        return str(error)
    finally:
        os.close(handle)
    return ""


def _opened(path: Path) -> int:
    """A descriptor for reading. Opening a FIFO would otherwise wait for somebody who writes to it."""
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_of_a_disk(found: os.stat_result) -> bool:
    """Whether it is a file, or a folder, which reading reports by itself."""
    return stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)


def _meta(handle: int, at: int) -> _Meta:
    data = os.pread(handle, _META.size, at)
    if len(data) < _META.size:
        raise Damage("it is cut off in its head")
    magic, version, _, _, page, *rest = _META.unpack(data)
    if magic != _MAGIC:
        raise Damage("its head is not that of a state file")
    if version != _VERSION:
        raise Damage(f"it was written by another version of LMDB ({version})")
    if page not in (_PAGE, 4 * _PAGE, 16 * _PAGE):
        raise Damage("its head is damaged")
    return _Meta(page, (rest[6], rest[14]), rest[15], rest[16])


def _walk(handle: int, size: int, most: int | None) -> None:
    first = _meta(handle, 0)
    meta = max(first, _meta(handle, first.page), key=lambda one: one.txn)
    if (meta.last + 1) * meta.page > size:
        raise Damage("it is cut off")
    waiting = [root for root in meta.roots if root != _NONE]
    seen: set[int] = set()
    nodes = 0
    while waiting and (most is None or len(seen) < most):
        if most is not None:
            index = random.randrange(len(waiting))
            waiting[index], waiting[-1] = waiting[-1], waiting[index]
        number = waiting.pop()
        if number in seen or not 2 <= number <= meta.last:
            raise Damage(f"page {number} is where it cannot be")
        seen.add(number)
        data = os.pread(handle, meta.page, number * meta.page)
        flags, offsets = _page(data, number)
        if flags & _BRANCH:
            for at in offsets:
                low, high, top, _ = _NODE.unpack_from(data, at)
                waiting.append(low | high << 16 | top << 32)
        elif nodes < _NODES:
            nodes += len(offsets)
            for at in offsets:
                _node(data, at, number)


def _page(data: bytes, number: int) -> tuple[int, tuple[int, ...]]:
    """The flags of a page, and where its nodes are."""
    if len(data) < _HEADER.size:
        raise Damage(f"page {number} is cut off")
    found, _, flags, lower, upper = _HEADER.unpack_from(data)
    kind = flags & 0x0F
    if found != number or kind not in (_BRANCH, _LEAF):
        raise Damage(f"page {number} is damaged")
    if not _HEADER.size <= lower <= upper <= len(data) or lower % 2:
        raise Damage(f"page {number} has no bounds")
    offsets = memoryview(data)[_HEADER.size : lower].cast("H").tolist()
    if offsets and not upper <= min(offsets) <= max(offsets) <= len(data) - _NODE.size:
        raise Damage(f"page {number} leads out of itself")
    return kind, tuple(offsets)


def _node(data: bytes, at: int, number: int) -> tuple[bytes, bytes]:
    """Name and value of a node; no value of one that has pages of its own."""
    low, high, flags, length = _NODE.unpack_from(data, at)
    begin = at + _NODE.size + length
    end = begin + (8 if flags & _LARGE else low | high << 16)
    if end > len(data):
        raise Damage(f"a record on page {number} leads out of it")
    return data[at + _NODE.size : begin], b"" if flags & _LARGE else data[begin:end]


def saved(path: Path) -> dict[bytes, bytes]:
    """The locks, the revocations, the key and the clock that can be read of a broken file, by name. Of several versions of a record
    the one that ends last: a lock that was lifted since may be among them. Of attempts that were on their way none is: most of
    them are over in a later version that ends at the same time. Raises OSError."""
    found: dict[bytes, bytes] = {}
    for name, value in _leaves(path):
        wanted = len(name) == NAME_BYTES and name[:1] in (LOCKED, WAIVED, REVOKED) and len(value) >= 16
        if wanted and name[:1] == LOCKED:
            value = without_pending(value)
        if wanted or name in (FORMAT, BOOT):
            found[name] = max(found.get(name, value), value, key=_latest if name == BOOT else _expiry)
            if len(found) >= MOST_SAVED:
                break
    return found


def _leaves(path: Path) -> Iterator[tuple[bytes, bytes]]:
    with open(_opened(path), "rb", buffering=0) as file:
        number = -1
        if not _is_of_a_disk(os.fstat(file.fileno())):
            return
        while number < MOST_READ and (data := file.read(_PAGE)):
            number += 1
            try:
                kind, offsets = _page(data, number)
                if kind == _LEAF and offsets and _may_be_wanted(data, offsets, number):
                    yield from [_node(data, at, number) for at in offsets]
            except Damage:
                continue


def _may_be_wanted(data: bytes, offsets: tuple[int, ...], number: int) -> bool:
    """Whether a page has more than limits and counts, which nearly all are of: its names are in order."""
    first, last = (_node(data, at, number)[0] for at in (offsets[0], offsets[-1]))
    return first < LIMIT or last >= LOCKED


def _latest(clock: bytes) -> float:
    return float(UNPACK_EXPIRY(clock, _LATEST)[0]) if len(clock) >= _LATEST + 8 else 0.0


def _expiry(value: bytes) -> float:
    return float(UNPACK_EXPIRY(value)[0]) if len(value) >= 8 else 0.0
