"""Fragments of regular expressions for the rules of HTTP that several rooms match by.

Each is without anchors and without capturing groups; ``.encode()`` makes it one for bytes.

A pattern that reads what a client sends matches each character in one way only, so that its work is linear. A class may be
possessive, a group never: before CPython 3.11.5 a possessive group that fails half-way keeps what it has read (cpython
gh-106052), and ``(?:"[^"]*+")*+`` matches a quote that never ends.
"""

TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
"""One character of a token (RFC 9110 section 5.6.2)."""

TOKEN = TCHAR + "+"
"""A token: a field name, a method, either half of a media type."""

FIELD_VALUE = r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?"
"""A field value that every receiver reads alike (RFC 9110 section 5.5): not empty, no outer blanks, no obs-text."""

HOST = r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])"
"""A host as real clients send it: a name, an IPv4 address or an IPv6 one in brackets (RFC 3986 section 3.2.2)."""

PORT = "[0-9]{1,5}"
"""A port that is written (RFC 3986 section 3.2.3 also allows an empty one)."""
