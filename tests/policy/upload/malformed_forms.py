"""Forms that are no forms, or that two parsers read differently."""

from __future__ import annotations

from gateway.policy.upload.part_head import LONGEST_HEAD
from tests.policy.upload.forms import BOUNDARY, WEBM, file, form, text

NAMED = b'Content-Disposition: form-data; name="a"'
DISPOSITION = b"Content-Disposition: form-data; "


def with_lines(*lines: bytes) -> bytes:
    """A form of one part with these field lines."""
    return form((b"".join(line + b"\r\n" for line in lines), b"x"))


HEADS = {
    "no head": form((b"", b"x")),
    "no disposition": with_lines(b"Content-Type: audio/webm"),
    "two dispositions": with_lines(NAMED, NAMED),
    "two types": with_lines(NAMED, b"Content-Type: audio/webm", b"content-type: text/plain"),
    "two lengths": with_lines(NAMED, b"Content-Length: 1", b"Content-Length: 1"),
    "a length that is none": with_lines(NAMED, b"Content-Length: +1"),
    "base64": with_lines(NAMED, b"Content-Transfer-Encoding: base64"),
    "quoted-printable": with_lines(NAMED, b"Content-Transfer-Encoding: quoted-printable"),
    "two encodings": with_lines(NAMED, b"Content-Transfer-Encoding: binary, base64"),
    "an encoding twice": with_lines(NAMED, *[b"Content-Transfer-Encoding: binary"] * 2),
    "another header": with_lines(NAMED, b"X-Other: 1"),
    "nine headers": with_lines(NAMED, *(b"X-%d: 1" % n for n in range(8))),
    "no name": with_lines(b"Content-Disposition: form-data"),
    "two names": with_lines(NAMED + b'; name="x"'),
    "a name without quotes": with_lines(DISPOSITION + b"name=a"),
    "a name in single quotes": with_lines(DISPOSITION + b"name='a'"),
    "a file name without quotes": with_lines(NAMED + b"; filename=a.webm"),
    "a file name before the name": with_lines(DISPOSITION + b'filename="a.webm"; name="a"'),
    "two file names": with_lines(NAMED + b'; filename="a.webm"; filename="b.webm"'),
    "an extended file name": with_lines(NAMED + b"; filename*=utf-8''a.webm"),
    "both file names": with_lines(NAMED + b"; filename=\"a.webm\"; filename*=utf-8''b.webm"),
    "an extended name": with_lines(DISPOSITION + b"name*=utf-8''a"),
    "another parameter": with_lines(NAMED + b"; size=1"),
    "an attachment": with_lines(b'Content-Disposition: attachment; name="a"'),
    "another case": with_lines(b'Content-Disposition: Form-Data; name="a"'),
    "no blank in the disposition": with_lines(b'Content-Disposition: form-data;name="a"'),
    "a quote in the name": with_lines(DISPOSITION + b'name="a\\"b"'),
    "an end of line in a name": with_lines(DISPOSITION + b'name="a\nb"'),
    "a NUL in a name": with_lines(DISPOSITION + b'name="a\0b"'),
    "a NUL in a file name": with_lines(NAMED + b'; filename="a\0.webm"'),
    "a folded line": with_lines(DISPOSITION, b' name="a"'),
    "a blank before a header": with_lines(b" " + NAMED),
    "a blank before the colon": with_lines(NAMED.replace(b":", b" :")),
    "a tab behind the colon": with_lines(NAMED.replace(b": ", b":\t")),
    "a blank at the end of a line": with_lines(NAMED + b" "),
    "a semicolon at the end": with_lines(NAMED + b";"),
    "no colon": with_lines(NAMED, b"Content-Type"),
    "a head without an end": b"--" + BOUNDARY + b"\r\n" + NAMED + b"\r\nContent-Type: " + b"x" * 9000,
    "a head of many lines": b"--" + BOUNDARY + b"\r\n" + (NAMED + b"\r\n") * 200,
    "a name without an end": b"--" + BOUNDARY + b"\r\n" + b"x" * 9000,
    "line ends without an end": b"\r\n" * 5000,
    "a head of the length that is too long": with_lines(NAMED, b"Content-Type: a/b; c=" + b"d" * LONGEST_HEAD),
    "no subtype": with_lines(NAMED, b"Content-Type: audio"),
    "two types in one": with_lines(NAMED, b"Content-Type: audio/webm, text/html"),
    "a parameter twice": with_lines(NAMED, b"Content-Type: audio/webm;codecs=a;codecs=b"),
    "a type with an octet beyond ASCII": with_lines(NAMED, b"Content-Type: audio/webm;x=\xe9"),
}
"""Forms of one part whose head is wrong."""


def malformed(content: bytes = WEBM) -> dict[str, bytes]:
    """Forms that are none, each by what is wrong. ``content`` is that of the file in them."""
    good = form(file(content), text(b"en-US"))
    within, between = len(good) // 2, good.index(content) + len(content) + 60
    return {
        "nothing": b"",
        "no parts": b"--" + BOUNDARY + b"--\r\n",
        "only a line end": b"\r\n",
        "cut in the content": good[:within],
        "cut in a head": good[:between],
        "cut before the last boundary": good[: good.rindex(b"\r\n--")],
        "cut in the last boundary": good[:-6],
        "cut before the last two hyphens": good[:-4],
        "cut between the last two hyphens": good[:-3],
        "cut in the last line end": good[:-1],
        "text after the end": good + b"x",
        "a second line end after the end": good + b"\r\n",
        "a form after the end": good + good,
        "a text in place of the last line end": good[:-2] + b"x",
        "text before it": b"preamble\r\n" + good,
        "a line end before it": b"\r\n" + good,
        "line ends before it": b"\r\n\r\n" + good,
        "lone line feeds": good.replace(b"\r\n", b"\n"),
        "a lone line feed in a head": good.replace(b"\r\nContent-Type", b"\nContent-Type"),
        "another boundary": good.replace(BOUNDARY, b"other"),
        "blanks behind a boundary": good.replace(BOUNDARY + b"\r\nContent", BOUNDARY + b" \r\nContent"),
        "a tab behind a boundary": good.replace(b"\r\n--" + BOUNDARY + b"\r\n", b"\r\n--" + BOUNDARY + b"\t\r\n"),
        "blanks behind the last boundary": good[:-2] + b" \r\n",
        "the boundary in the content": form(file(content + b"\r\n--" + BOUNDARY + b"x")),
        "the boundary and hyphens in the content": form(file(content + b"\r\n--" + BOUNDARY + b"-x")),
        "the boundary and a lone CR in the content": form(file(content + b"\r\n--" + BOUNDARY + b"\rx")),
        "the text of the boundary in the content": form(file(content + BOUNDARY + b"x")),
        "the boundary at the begin of the content": form(text(b"--" + BOUNDARY + b"x", b"a")),
        **HEADS,
    }
