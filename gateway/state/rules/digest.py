"""The keyed hash by which stores name what they hold, so that no key of a request is kept in clear.

An embedded store and one over Redis with the same secret give a key the same name.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b

SIZE = 16  # bytes


def condensed(secret: bytes) -> bytes:
    """A key for ``digester``: BLAKE2 takes keys of up to 64 bytes (RFC 7693 2.5), and a secret may be longer."""
    return blake2b(secret).digest()


def digester(key: bytes) -> Callable[[bytes], bytes]:
    """The function from bytes to their hash under ``key``, which has up to 64 bytes."""
    base = blake2b(key=key, digest_size=SIZE)

    def digest(of: bytes) -> bytes:
        keyed = base.copy()
        keyed.update(of)
        return keyed.digest()

    return digest
