"""A witness as a command for a shell. Whatever is in the files, the shell reads one command with the arguments that are meant."""

from __future__ import annotations

import base64
import json
import re
import shlex

from gateway.review.diff.change import Witness

_LONGEST = 2000  # characters of a body that is written out; the rest of a longer one is made by the command
_RUN = re.compile(rb"(.)\1{99,}", re.DOTALL)


def command(witness: Witness, public: str, egress: str) -> str:
    """The lines to try ``witness`` with, at the listeners' addresses. The variables ``GATEWAY`` and ``EGRESS`` take the place of
    those, and ``TOKEN`` is a token of the tester."""
    variable, base = ("EGRESS", egress) if witness.listener == "egress" else ("GATEWAY", public)
    words = ["curl", "-sS", "-i", "--path-as-is", "--globoff", *_method(witness)]
    words += [each for line in _fields(witness) for each in ("-H", _quoted(line))]
    if witness.claims is not None:
        words += ["-H", '"authorization: Bearer $TOKEN"']
    before, given = _body(witness.body)
    words += [*given, f'"${{{variable}:-{base}}}"{_quoted(witness.target)}']
    line = f"{before}{' '.join(words)}"
    if witness.repeat > 1:
        line = f"for i in $(seq {witness.repeat}); do {line}; done"
    return "\n".join([*_comments(witness), line])


def _comments(witness: Witness) -> list[str]:
    found = []
    if witness.claims is not None:
        # ASCII alone, so that no claim ends the comment.
        found.append(f"# TOKEN: an access token with {json.dumps(dict(witness.claims), default=str)}")
    if len(witness.body) > _LONGEST:
        found.append(f"# with {len(witness.body)} bytes of body")
    if witness.address:
        found.append(f"# sent from {_quoted(witness.address)}")
    if witness.upstream != 200:
        found.append(f"# while the upstream responds with {witness.upstream}")
    return found


def _method(witness: Witness) -> list[str]:
    return ["-I"] if witness.method == "HEAD" and not witness.body else ["-X", _quoted(witness.method)]


def _fields(witness: Witness) -> list[str]:
    """Each as curl reads it after ``-H``: one that is empty ends with a semicolon, and one that is left out with a colon."""
    found = [f"{name}: {value}" if value else f"{name};" for name, value in witness.headers]
    untyped = not any(name.lower() == "content-type" for name, _ in witness.headers)
    return [*found, "content-type:"] if witness.body and untyped else found


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
