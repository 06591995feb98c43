"""The coding of a request's content (RFC 9110 section 8.4), as all policies read it."""

from __future__ import annotations

from collections.abc import Mapping

IDENTITY = b"identity"

NOT_CODED = ((b"accept-encoding", IDENTITY),)
"""The field of a refusal of coded content, which says that the coding is to blame (RFC 9110 section 15.5.16)."""


def coding_of(fields: Mapping[bytes, bytes]) -> bytes:
    """What ``fields`` name, in lower case; ``IDENTITY`` where they name none. Several codings are a list, which is no name."""
    return fields.get(b"content-encoding", IDENTITY).strip(b" \t").lower()
