"""Whatever passes of an upload, undici reads as the same parts: names, file names, types and bytes.

Forms are put together of the bytes where parsers differ, and judged without sockets; what goes on is read by the ``formData`` of
Node in one process. tests/wire/test_uploads.py has what is refused, on sockets.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from random import Random

from gateway.policy.upload.form import Form, boundary_of
from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.part_head import PartHead
from gateway.policy.upload.refused import UploadRefused
from gateway.policy.upload.settings import Settings
from tests.policy.upload.forms import WEBM
from tests.trpc.peer import readings

TRIED = 6000
LEAST = 500
"""So many of them pass at least, or the test would say little."""

PARTS = {
    "audio": {"types": ["audio/webm", "audio/mp4"], "max": "1MB", "as": {"audio/x-m4a": "audio/mp4"}},
    "language": {"max": 64},
    "note[0]": {"max": 4096},
}
RULES = {name: PartRule(name, part) for name, part in Settings.model_validate({"parts": PARTS}).parts.items()}
M4A = b"\0\0\0\x18ftypM4A \0\0\0\0" + WEBM

BOUNDARIES = (
    b"B",
    b"----WebKitFormBoundary7MA4YWxkTrZu0gW",
    b"a'b+c_d.e-f",
    b"--",
    b"--x",
    b"-x-",
    b"b" * 70,
    b"x" * 71,
    b"B C",
    b"B/",
    b"ab,cd",
)
LINE_ENDS = (b"\r\n",) * 80 + (b"\n", b"\r", b"\r\n ", b" \r\n", b"\r\n\r\n", b"")
NAMES = (b"audio", b"language", b"note[0]") * 10 + (b"Audio", b"lang%75age", b"language%22", b"language\xff", b"")
FILE_NAMES = (
    b"a.webm",
    b"a b.m4a",
    "ਪੰਜਾਬੀ.m4a".encode(),
    b"50%.png",
    b"a%20b%C3%A9.png",
    b"a%22b",
    b"a%0ab",
    b"a\\b",
    b'a\\"b',
    b"../x",
    b"",
    b"a;b=c",
    b"a, b",
    b"caf\xe9",
    b"\xef\xbb\xbfa",
    "a\u2028b".encode(),
    b"'a'",
)
TYPES = (b"audio/webm", b"audio/webm;codecs=opus", b"Audio/WebM; codecs=\"opus\"", b"audio/x-m4a", b"audio/mp4", b"text/plain", b"text/plain; charset=utf-8", b"text/html", b"audio/webm ", b"audio/webm, a/b", b"\xe9/x")  # fmt: skip
TEXTS = (
    b"",
    b"en-US",
    "ਪੰਜਾਬੀ".encode(),
    b"\xef\xbb\xbfen",
    b"\xff",
    b"a\0b",
    b"\r\n",
    b"a\r\nb",
    b"--",
    b"=?utf-8?q?x?=",
)
OTHER_LINES = (b"X-Other: 1", b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: binary", b"Content-Length: 5", b"Content-Length: 0", b"content-type: text/plain", b" folded")  # fmt: skip


def some_form(chance: Random) -> tuple[bytes, bytes]:
    """A content type and a form."""

    def often(usual: bytes, *others: bytes) -> bytes:
        return usual if chance.random() < 0.98 else chance.choice(others)

    boundary = chance.choice(BOUNDARIES[:2]) if chance.random() < 0.85 else chance.choice(BOUNDARIES)
    quoted = b'"%b"' % boundary if chance.random() < 0.2 else boundary
    sent = (
        often(
            b"multipart/form-data; boundary=", b"Multipart/Form-Data;boundary=", b"multipart/form-data; a=b; boundary="
        )
        + quoted
    )
    sent += often(b"", b"; boundary=C", b";", b"; charset=utf-8", b", multipart/form-data; boundary=C")
    body = often(b"", b"\r\n", b"preamble\r\n", b"\n")
    for name in chance.sample(NAMES, chance.randint(1, 3)):
        body += (
            b"--" + often(boundary, boundary + b" ", boundary + b"\t", boundary + b"x", b"C") + chance.choice(LINE_ENDS)
        )
        body += some_part(chance, name, boundary) + b"\r\n"
    body += b"--" + boundary + often(b"--\r\n", b"--", b"", b"-", b"--\r\n\r\n", b"--\r", b"--x", b"-- \r\n", b"--\n")
    return sent, body


def some_part(chance: Random, name: bytes, boundary: bytes) -> bytes:
    is_file = (name.lower() == b"audio") is (chance.random() < 0.95)
    disposition = b'Content-Disposition: form-data; name="%b"' % name
    if chance.random() < 0.05:
        disposition = disposition.replace(b'"', b"")
    content, lines = chance.choice(TEXTS), [disposition]
    if is_file:
        lines[0] += b'; filename="%b"' % chance.choice(FILE_NAMES if chance.random() < 0.3 else FILE_NAMES[:3])
        kind = chance.choice(TYPES[:5] if chance.random() < 0.9 else TYPES)
        content = M4A if b"m4a" in kind or b"mp4" in kind else WEBM
        lines.insert(chance.randint(0, 1), b"Content-Type: " + kind)
    elif chance.random() < 0.2:
        lines.append(b"content-type: " + chance.choice(TYPES[5:]))
    if chance.random() < 0.08:
        lines.insert(chance.randint(0, len(lines)), chance.choice(OTHER_LINES))
    if chance.random() < 0.1:
        content += chance.choice(
            (boundary, b"\r\n--" + boundary + b"x", b"\r\n--", b"\r\n--" + boundary[:-1], b"\r\n--" + boundary + b"-")
        )
    return b"".join(line + chance.choice(LINE_ENDS) for line in lines) + b"\r\n" + content


class Parts:
    """The parts of a form as the gateway reads them."""

    def __init__(self) -> None:
        self.found: list[tuple[PartHead, bytearray]] = []

    def on_part(self, head: PartHead, raw: bytes) -> None:
        self.found.append((head, bytearray()))

    def on_content(self, data: bytes) -> None:
        self.found[-1][1].extend(data)

    def on_part_end(self) -> None: ...

    def shown(self) -> Iterator[list[str]]:
        """As ``peer.mjs`` shows them."""
        for head, content in self.found:
            if head.file_name is None:
                yield [head.name, content.decode()]
            else:
                # undici gives the type as it is written, in lower case
                kind = head.content_type.decode().lower()
                yield [head.name, head.file_name, kind, base64.b64encode(content).decode()]


def read(boundary: bytes, body: bytes) -> list[list[str]]:
    parts = Parts()
    form = Form(boundary, parts)
    form.feed(body)
    form.end()
    return list(parts.shown())


def test_undici_reads_the_same_parts() -> None:
    chance = Random(20)
    passed: list[tuple[bytes, bytes, list[list[str]]]] = []
    for _ in range(TRIED):
        sent, body = some_form(chance)
        try:
            boundary = boundary_of(sent)
            judge = FormJudge(RULES, boundary)
            cut = chance.randint(0, len(body))
            upstream = judge.feed(body[:cut]) + judge.feed(body[cut:]) + judge.end()
        except UploadRefused:
            continue
        passed.append((sent, upstream, read(boundary, upstream)))
    assert len(passed) >= LEAST
    requests = [
        b"POST /upload HTTP/1.1\r\nhost: a\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b"
        % (sent, len(body), body)
        for sent, body, _ in passed
    ]
    for (sent, body, ours), theirs in zip(passed, readings({}, requests), strict=True):
        assert theirs["error"] == "", (sent, body)
        assert theirs["parts"] == ours, (sent, body)
