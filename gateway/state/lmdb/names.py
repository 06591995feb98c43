"""How the records of the embedded store are named, and how each of them begins.

A record's name is one letter for its kind and the keyed hash of what it is about. Its value begins with the moment from
which it means nothing any more, in ticks, so that a sweep needs to know nothing else of it.
"""

from __future__ import annotations

from struct import Struct

LIMIT = b"r"
COUNTED = b"s"  # attempts that only count
LOCKED = b"t"  # attempts from the first lock to the end of its quiet day
CIRCUIT = b"u"
WAIVED = b"v"
REVOKED = b"w"
BY_MONOTONIC_CLOCK = (COUNTED, LOCKED, WAIVED)
"""Records whose expiry is a moment of the monotonic clock."""

FEW = (LOCKED, CIRCUIT, WAIVED, REVOKED)
"""Records that are taken along when the file cannot be used; of the others there may be a million."""

NAME_BYTES = 17

PACK_EXPIRY = Struct("<d").pack
UNPACK_EXPIRY = Struct("<d").unpack_from

# The file's own records: the format, the clock and the boot. Their names are longer than a letter and sort before all others.
FORMAT = b"format"
CLOCK = b"clock"
BOOT = b"boot"
OWN_RECORDS = (FORMAT, CLOCK, BOOT)


class RecordDamaged(Exception):
    """A record is not one of ours."""
