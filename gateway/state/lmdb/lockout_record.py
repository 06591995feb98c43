"""How the attempts on one key are written down in LMDB."""

from __future__ import annotations

from struct import Struct
from struct import error as StructError

from gateway.state.lmdb.names import RecordDamaged
from gateway.state.rules.gcra import ticks
from gateway.state.rules.lockout import LOCK_REASONS, Name, Record

_HEAD = Struct("<dHH")  # expiry (ticks), how many failed, how many are pending
_LOCK = Struct("<HHBBddd")  # level, failures, kind, length of the clear name, since, until, forget_at
_MOMENTS = [Struct(f"<{count}d") for count in range(64)]  # most records hold one or two
_KINDS = tuple(LOCK_REASONS)
_LONGEST = 64  # bytes of an address in clear


def clear_of(name: Name) -> bytes:
    """What operators may read of an address; empty for any other kind."""
    kind, key = name
    return key.rpartition(b"\0")[2][:_LONGEST] if kind == "address" else b""


def packed(name: Name, record: Record, expiry: float) -> bytes:
    """A record as it is stored."""
    failed, pending = record.failed, record.pending
    head = _HEAD.pack(ticks(expiry), len(failed), len(pending))
    if record.level:
        kind, _ = name
        clear = clear_of(name) if record.until else b""
        level = min(record.level, 0xFFFF)
        head += _LOCK.pack(
            level, record.failures, _KINDS.index(kind), len(clear), record.since, record.until, record.forget_at
        )
        head += clear
    moments = failed + pending
    return head + _shape(len(moments)).pack(*moments)


def unpacked(value: bytes | memoryview, locked: bool) -> tuple[Record, str, str]:
    """The record, and the kind and clear name of one that was locked. Raises RecordDamaged."""
    try:
        return _unpacked(value, locked)
    except (StructError, IndexError, UnicodeDecodeError) as error:
        raise RecordDamaged(f"no record of attempts: {error}") from error


def _unpacked(value: bytes | memoryview, locked: bool) -> tuple[Record, str, str]:
    _, failed, pending = _HEAD.unpack_from(value)
    at = _HEAD.size
    lock: tuple[int, float, float, int, float] = (0, 0.0, 0.0, 0, 0.0)
    kind = clear = ""
    if locked:
        level, failures, number, length, since, until, forget_at = _LOCK.unpack_from(value, at)
        at += _LOCK.size
        kind, clear = _KINDS[number], bytes(value[at : at + length]).decode()
        at += length
        lock = level, since, until, failures, forget_at
    moments = _shape(failed + pending).unpack_from(value, at)
    return Record(moments[:failed], moments[failed:], *lock), kind, clear


def without_pending(value: bytes) -> bytes:
    """A record as it is stored, without the attempts that were on their way; as it is where its length is none."""
    expiry, failed, pending = _HEAD.unpack_from(value)
    end = len(value) - _shape(pending).size
    return _HEAD.pack(expiry, failed, 0) + value[_HEAD.size : end] if end >= _HEAD.size else value


def _shape(count: int) -> Struct:
    return _MOMENTS[count] if count < len(_MOMENTS) else Struct(f"<{count}d")
