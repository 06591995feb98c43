"""Text that is safe to log: no control characters, no credentials, no endless lines."""

from __future__ import annotations

import re
import time
from hashlib import blake2s

LONGEST = 256  # characters of any one text that a client can influence

# What a JSON Web Token and an Authorization value look like wherever they turn up (RFC 7519 3, RFC 6750 2.1).
_CREDENTIAL = re.compile(r"eyJ[\w-]{5,}(?:\.[\w-]*){0,4}|(?i:\b(?:bearer|basic)\s+)[\w.~+/=-]{10,}")

_TO_KNOW = 16  # characters from where a credential itself begins, behind its scheme, until it is known as one, and some


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()


_ESCAPED = {ord(c): _escape(c) for c in map(chr, range(256)) if not c.isprintable()}
"""Of the characters that a field of a head can have: to escape each of them anew would be most of what a hostile line costs."""


def clean(text: str, longest: int = LONGEST) -> str:
    """``text`` cut to ``longest`` characters, with everything that is not printable written as an escape."""
    if len(text) > longest:
        text = text[:longest] + "…"
    if text.isprintable():
        return text
    text = text.translate(_ESCAPED)
    return text if text.isprintable() else "".join(c if c.isprintable() else _escape(c) for c in text)


def redact(text: str, longest: int = LONGEST) -> str:
    """``clean``, and whatever looks like a credential replaced by ``<secret>``."""
    if len(text) > 16:
        text = _without_credentials(text, longest)
    return clean(text, longest)


def _without_credentials(text: str, longest: int) -> str:
    """At least the first ``longest`` characters that are left of ``text``, and one more where there are more. Not all of it is
    searched: that takes 0.1 ms for 8 KiB, and a line has tens of texts that a client chooses.

    What is looked at ends a little after the cut, so that a credential is known whose first characters alone would be left:
    half a token is still a secret.
    """
    text = text[:8192]
    if len(text) <= longest + _TO_KNOW:
        return _CREDENTIAL.sub("<secret>", text)
    parts, at, room = [], 0, longest + 1
    while room > 0:
        found = _CREDENTIAL.search(text, at, at + room + _TO_KNOW)
        whole = found and _CREDENTIAL.match(text, found.start())
        if whole is None:
            parts.append(text[at : at + room])
            break
        parts += text[at : whole.start()], "<secret>"
        room -= whole.start() - at + len("<secret>")
        at = whole.end()
    return "".join(parts)


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
