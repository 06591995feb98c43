"""The strict reading of a form: what passes, what does not, and that the cuts between pieces do not matter."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.upload.form import Form, boundary_of
from gateway.policy.upload.part_head import LONGEST_HEAD, PartHead
from gateway.policy.upload.refused import MalformedForm
from tests.policy.upload.forms import BOUNDARY, WEBM, cut, file, form, text


class Seen:
    """The events of a form, and the bytes that they cover."""

    def __init__(self) -> None:
        self.parts: list[tuple[str, str | None, str, bytes]] = []
        self.raw = bytearray()
        self._head: PartHead
        self._content = bytearray()

    def on_part(self, head: PartHead, raw: bytes) -> None:
        self._head, self._content = head, bytearray()
        self.raw += raw

    def on_content(self, data: bytes) -> None:
        self._content += data
        self.raw += data

    def on_part_end(self) -> None:
        self.parts.append((self._head.name, self._head.file_name, self._head.type, bytes(self._content)))


def read(body: bytes, size: int = 2**20, boundary: bytes = BOUNDARY) -> Seen:
    seen = Seen()
    reader = Form(boundary, seen)
    for piece in cut(body, size):
        reader.feed(piece)
    seen.raw += reader.end()
    return seen


def refusal(body: bytes, size: int, boundary: bytes = BOUNDARY) -> str:
    with pytest.raises(MalformedForm) as caught:
        read(body, size, boundary)
    return str(caught.value)


GOOD = form(file(), text(b"en-US"))
SIZES = (1, 2, 7, 61, 2**20)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("end", [b"--\r\n", b"--"])
def test_the_parts_and_every_byte_of_them(size: int, end: bytes) -> None:
    body = form(file(), text(b"en-US"), end=end)
    seen = read(body, size)
    assert seen.parts == [("audio", "a.webm", "audio/webm", WEBM), ("language", None, "", b"en-US")]
    assert bytes(seen.raw) == body


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "content", [b"", b"\r", b"\r\n", b"\r\n--", b"\r\n-", b"--", b"\r\r\n--\r\n", b"-" * 80, BOUNDARY[:-1]]
)
def test_content_that_nearly_ends_it(size: int, content: bytes) -> None:
    body = form(text(content), file(content))
    seen = read(body, size)
    assert [part[3] for part in seen.parts] == [content, content]
    assert bytes(seen.raw) == body


def with_lines(*lines: bytes) -> bytes:
    return form((b"".join(line + b"\r\n" for line in lines), b"x"))


NAMED = b'Content-Disposition: form-data; name="a"'
DISPOSITION = b"Content-Disposition: form-data; "
MALFORMED = {
    "nothing": b"",
    "no parts": b"--" + BOUNDARY + b"--\r\n",
    "only a line end": b"\r\n",
    "cut in the content": GOOD[:300],
    "cut in a head": GOOD[:80],
    "cut before the last boundary": GOOD[: GOOD.rindex(b"\r\n--")],
    "cut in the last boundary": GOOD[:-6],
    "cut before the last two hyphens": GOOD[:-4],
    "cut between the last two hyphens": GOOD[:-3],
    "cut in the last line end": GOOD[:-1],
    "text after the end": GOOD + b"x",
    "a second line end after the end": GOOD + b"\r\n",
    "a form after the end": GOOD + GOOD,
    "a text in place of the last line end": GOOD[:-2] + b"x",
    "text before it": b"preamble\r\n" + GOOD,
    "a line end before it": b"\r\n" + GOOD,
    "line ends before it": b"\r\n\r\n" + GOOD,
    "lone line feeds": GOOD.replace(b"\r\n", b"\n"),
    "a lone line feed in a head": GOOD.replace(b"\r\nContent-Type", b"\nContent-Type"),
    "another boundary": GOOD.replace(BOUNDARY, b"other"),
    "blanks behind a boundary": GOOD.replace(BOUNDARY + b"\r\nContent", BOUNDARY + b" \r\nContent"),
    "a tab behind a boundary": GOOD.replace(b"\r\n--" + BOUNDARY + b"\r\n", b"\r\n--" + BOUNDARY + b"\t\r\n"),
    "blanks behind the last boundary": GOOD[:-2] + b" \r\n",
    "the boundary in the content": form(file(WEBM + b"\r\n--" + BOUNDARY + b"x")),
    "the boundary and hyphens in the content": form(file(WEBM + b"\r\n--" + BOUNDARY + b"-x")),
    "the boundary and a lone CR in the content": form(file(WEBM + b"\r\n--" + BOUNDARY + b"\rx")),
    "the text of the boundary in the content": form(file(WEBM + BOUNDARY + b"x")),
    "the boundary at the begin of the content": form(file(b"--" + BOUNDARY + b"x")),
    "no head": form((b"", b"x")),
    "no disposition": with_lines(b"Content-Type: audio/webm"),
    "two dispositions": with_lines(NAMED, NAMED),
    "two types": with_lines(NAMED, b"Content-Type: audio/webm", b"content-type: text/plain"),
    "two lengths": with_lines(NAMED, b"Content-Length: 1", b"Content-Length: 1"),
    "a length that is none": with_lines(NAMED, b"Content-Length: +1"),
    "base64": with_lines(NAMED, b"Content-Transfer-Encoding: base64"),
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


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", MALFORMED)
def test_what_two_parsers_could_read_differently_is_refused(name: str, size: int) -> None:
    assert refusal(MALFORMED[name], size).endswith((".", '"'))


@pytest.mark.parametrize(
    "lines",
    [
        [b'content-disposition: form-data; name="a"', b"content-type: text/plain; charset=utf-8", b"Content-Length: 1"],
        [b"Content-Type: audio/webm;codecs=opus", b'CONTENT-DISPOSITION: form-data; name="a"; filename="b c.webm"'],
        [
            b'Content-Disposition:form-data; name="a"; filename="\xc3\xa9.webm"',
            b'Content-Type: audio/webm; codecs="opus"',
        ],
    ],
)
def test_heads_as_phones_send_them(lines: list[bytes]) -> None:
    assert [part[0] for part in read(with_lines(*lines)).parts] == ["a"]


def test_nothing_that_was_sent_is_quoted_or_logged(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        for body in MALFORMED.values():
            assert "webm" not in refusal(body, 5)
    assert not caplog.records
    assert capfd.readouterr() == ("", "")


CUTS = st.lists(st.integers(1, 400), min_size=1, max_size=30)
PIECES_OF_FORMS = st.sampled_from(
    [
        BOUNDARY,
        b"--",
        b"\r\n",
        b"\r",
        b"\n",
        b"\r\n--",
        NAMED,
        b"\r\n\r\n",
        b"x",
        WEBM,
        b"Content-Type: a/b",
        b"--\r\n",
        b" ",
    ]
)


def verdict(body: bytes, cuts: list[int]) -> object:
    seen = Seen()
    reader = Form(BOUNDARY, seen)
    try:
        at = 0
        while at < len(body):
            size = cuts.pop(0) if cuts else 2**20
            reader.feed(body[at : at + size])
            at += size
        seen.raw += reader.end()
    except MalformedForm:
        return "refused"
    assert bytes(seen.raw) == body
    return seen.parts


@given(CUTS, st.lists(PIECES_OF_FORMS, max_size=8).map(b"".join))
def test_the_cuts_do_not_matter(cuts: list[int], content: bytes) -> None:
    for body in (form((NAMED + b"\r\n", content)), GOOD + content, content, GOOD[:300] + content + GOOD[300:]):
        assert verdict(body, list(cuts)) == verdict(body, []) == verdict(body, [1] * len(body))


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b"multipart/form-data; boundary=" + BOUNDARY, BOUNDARY),
        (b'Multipart/Form-Data;BOUNDARY="abc"', b"abc"),
        (b"multipart/form-data ; boundary=a'b+c_d.e-f", b"a'b+c_d.e-f"),
        (b"multipart/form-data; boundary=" + b"b" * 70, b"b" * 70),
    ],
)
def test_the_boundary(content_type: bytes, boundary: bytes) -> None:
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b"multipart/form-data; boundary=B; boundary=C",
        b"multipart/form-data; boundary=B; charset=utf-8",
        b"multipart/form-data; charset=utf-8; boundary=B",
        b"multipart/form-data; boundary=B, multipart/form-data; boundary=C",
        b"multipart/form-data; boundary*=B",
        b"multipart/form-data; boundary =B",
        b"multipart/form-data; boundary= B",
        b"multipart/form-data; boundary=B;",
        b'multipart/form-data; boundary="B',
        b'multipart/form-data; boundary="B\\C"',
        b'multipart/form-data; boundary="B "',
        b"multipart/form-data; boundary=B/C",
        b"multipart/form-data; boundary=-----",
        b"multipart/form-data; boundary=\xc3\xa9",
        b"multipart/form-data; boundary=" + b"b" * 71,
        b"multipart/form-data boundary=B",
        b"multipart/mixed; boundary=B",
        b"application/x-www-form-urlencoded, multipart/form-data; boundary=B",
    ],
)
def test_a_boundary_with_two_readings(content_type: bytes) -> None:
    with pytest.raises(MalformedForm, match="needs one boundary"):
        boundary_of(content_type)
