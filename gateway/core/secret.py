"""A string that does not print itself."""

from __future__ import annotations

import hmac
from hashlib import blake2s
from typing import Any, NoReturn

MASK = "<secret>"


class Secret:
    """Wraps one secret string; only ``reveal`` returns it.

    It prints as ``<secret>`` in every way of printing that Python has, cannot be pickled or written as JSON, and is
    compared in constant time. An empty secret is false.

    ``written`` is what stands in the files where the value comes from somewhere else, such as ``${NAME}``, and ``shown`` is
    what people may see of that.
    """

    __slots__ = ("_value", "shown", "written")

    def __init__(self, value: str, written: str = "", shown: str = MASK) -> None:
        self._value = value
        self.written = written
        self.shown = shown

    def as_written(self) -> Secret:
        """A secret of what stands in the files: two that come from one variable or file are equal, whatever it holds."""
        return Secret(self.written, shown=self.shown) if self.written else self

    def reveal(self) -> str:
        """The wrapped string. Call it where the secret is used, never to keep or print it."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_octets(self._value), _octets(other._value))

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled")


def fingerprint(secret: bytes, key: bytes) -> str:
    """Twelve hexadecimal digits that stand for ``secret`` where people compare secrets without seeing them.

    Without ``key``, at most 32 bytes that are a secret themselves, nobody can try which secret has this fingerprint,
    however short it is (blake2s keyed mode, RFC 7693 2.9).
    """
    return blake2s(secret, key=key[:32], digest_size=6, person=b"secret").hexdigest()


def _octets(text: str) -> bytes:
    # surrogatepass: a value read from the environment may hold bytes that are not UTF-8
    return text.encode("utf-8", "surrogatepass")
