"""A witness as a command for a shell. Whatever is in the files, the shell reads one command with the arguments that are meant."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator

from gateway.review.diff.change import SentRequest, Witness

_LONGEST = 2000  # characters of a body that is written out; the rest of a longer one is made by the command
_OF_NOBODY = ("198.18.", "198.19.")  # RFC 2544: which address it is matters only beside another one
_RUN = re.compile(rb"(.)\1{99,}", re.DOTALL)


def command(witness: Witness, public: str, egress: str) -> str:
    """The lines to try ``witness`` with, at the listeners' addresses, what is sent earlier first. The variables ``GATEWAY`` and
    ``EGRESS`` take the place of those, and ``TOKEN`` is a token of the tester."""
    sent = (*witness.earlier, witness)
    differ = len({one.address for one in sent}) > 1
    return "\n".join(line for one in sent for line in _lines(one, public, egress, differ))


def times_of(sent: SentRequest) -> str:
    """How often it is sent, for people."""
    return f"{sent.repeat} times{f', {sent.every:g} s apart' if sent.every else ' at once'}"


def _lines(sent: SentRequest, public: str, egress: str, addresses_differ: bool) -> Iterator[str]:
    if sent.claims is not None:
        # ASCII alone, so that no claim ends the comment.
        yield f"# TOKEN: an access token with {json.dumps(dict(sent.claims), default=str)}"
    if len(sent.body) > _LONGEST:
        yield f"# with {len(sent.body)} bytes of body"
    if sent.address and (addresses_differ or not sent.address.startswith(_OF_NOBODY)):
        yield f"# sent from {_quoted(sent.address)}"
    if sent.upstream != 200:
        yield f"# while the upstream responds with {sent.upstream}"
    line = f"sleep {sent.every:g}; {_curl(sent, public, egress)}" if sent.every else _curl(sent, public, egress)
    yield f"for i in $(seq {sent.repeat}); do {line}; done" if sent.repeat > 1 else line


def _curl(sent: SentRequest, public: str, egress: str) -> str:
    variable, base = ("EGRESS", egress) if sent.listener == "egress" else ("GATEWAY", public)
    words = ["curl", "-sS", "-i", "--path-as-is", "--globoff", *_method(sent)]
    words += [each for line in _fields(sent) for each in ("-H", _quoted(line))]
    if sent.claims is not None:
        words += ["-H", '"authorization: Bearer $TOKEN"']
    before, given = _body(sent.body)
    words += [*given, f'"${{{variable}:-{base}}}"{_quoted(sent.target)}']
    return f"{before}{' '.join(words)}"


def _method(sent: SentRequest) -> list[str]:
    return ["-I"] if sent.method == "HEAD" and not sent.body else ["-X", _quoted(sent.method)]


def _fields(sent: SentRequest) -> list[str]:
    """Each as curl reads it after ``-H``: one that is empty ends with a semicolon, and one that is left out with a colon."""
    found = [f"{name}: {value}" if value else f"{name};" for name, value in sent.headers]
    untyped = not any(name.lower() == "content-type" for name, _ in sent.headers)
    return [*found, "content-type:"] if sent.body and untyped else found


def _body(octets: bytes) -> tuple[str, list[str]]:
    """What stands before the command, and its words for the body."""
    if not octets:
        return "", []
    text = _plain(octets)
    if text is not None and len(text) <= _LONGEST:
        return "", ["--data-raw", _quoted(text)]
    parts = _parts(octets)
    if sum(len(part) for part in parts) > 2 * _LONGEST:
        return "", ["--data-binary", "@body"]
    return f"{{ {'; '.join(parts)}; }} | ", ["--data-binary", "@-"]


def _parts(octets: bytes) -> list[str]:
    """Commands that write ``octets``: what is there many times over is written once."""
    found = []
    at = 0
    for run in _RUN.finditer(octets):
        found += [_written(octets[at : run.start()]), _times(run[1], len(run[0]))]
        at = run.end()
    return [part for part in (*found, _written(octets[at:])) if part]


def _written(octets: bytes) -> str:
    text = _plain(octets)
    if not octets:
        return ""
    if text is not None:
        return f"printf %s {_quoted(text)}"
    return f"printf %s {base64.b64encode(octets).decode()} | base64 -d"


def _times(octet: bytes, count: int) -> str:
    return f"head -c {count} /dev/zero | tr '\\0' '\\{octet[0]:03o}'"


def _plain(octets: bytes) -> str | None:
    """``octets`` as a text that looks like what it is; None where they are none."""
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None


def _quoted(text: str) -> str:
    """One word of a shell, on one line and without what a terminal acts on."""
    if text.isprintable():
        return shlex.quote(text)
    octets = text.encode("utf-8", "surrogateescape")
    return "\"$(printf '" + "".join(f"\\{octet:03o}" for octet in octets) + "')\""
