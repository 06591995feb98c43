"""Text that is safe to log: no control characters, no credentials, no endless lines."""

from __future__ import annotations

import re
import time
from hashlib import blake2s

LONGEST = 256  # characters of any one text that a client can influence

# What a JSON Web Token and an Authorization value look like wherever they turn up (RFC 7519 3, RFC 6750 2.1).
_CREDENTIAL = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*){0,4}|(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{10,}")


def clean(text: str, longest: int = LONGEST) -> str:
    """``text`` cut to ``longest`` characters, with everything that is not printable written as an escape."""
    if len(text) > longest:
        text = text[:longest] + "…"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def redact(text: str, longest: int = LONGEST) -> str:
    """``clean``, and whatever looks like a credential replaced by ``<secret>``."""
    # Before the cut: half a token is still a secret.
    if len(text) > 16:
        text = _CREDENTIAL.sub("<secret>", text[:8192])
    return clean(text, longest)


def rfc3339(moment: float) -> str:
    """Unix seconds as RFC 3339 in UTC, whole seconds."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


class Pseudonyms:
    """Short stable names for people: the same subject has the same name, and the name does not lead back to it.

    Keyed, so that the log and a list of users cannot be joined without the key (blake2s keyed mode, RFC 7693 2.9).
    """

    def __init__(self, key: bytes, remember: int = 4096) -> None:
        self._key = key[:32]
        self._known: dict[str, str] = {}
        self.known = self._known.get
        """The name of a subject that has had one lately, else None."""
        self._remember = remember

    def of(self, subject: str) -> str:
        """Twelve hexadecimal digits for ``subject``."""
        name = self._known.get(subject)
        if name is None:
            data = subject.encode("utf-8", "surrogatepass")
            name = blake2s(data, key=self._key, digest_size=6).hexdigest()
            if len(self._known) >= self._remember:
                self._known.clear()
            self._known[subject] = name
        return name
