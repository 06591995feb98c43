"""The strict reading of a form: what passes, what does not, and that the cuts between pieces do not matter."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.upload.form import Form, boundary_of
from gateway.policy.upload.part_head import PartHead
from gateway.policy.upload.refused import MalformedForm
from tests.policy.upload.forms import BOUNDARY, WEBM, cut, file, form, text
from tests.policy.upload.malformed_forms import NAMED, malformed, with_lines


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
    "boundary", [b"B", b"-B", b"aaaa", b"aaaaab", b"abcabcabcd", b"-" * 24 + b"0123456789abcdef", BOUNDARY]
)
def test_the_text_of_a_boundary_is_found_wherever_it_is(boundary: bytes, size: int) -> None:
    for content in (boundary, boundary[:-1] + boundary, boundary[:1] + boundary, b"x" * 60 + boundary + b"x"):
        assert "holds the boundary" in refusal(form(text(content), boundary=boundary), size, boundary)
    assert read(form(text(b"x" + boundary[1:]), boundary=boundary), size, boundary).parts[0][3] == b"x" + boundary[1:]


@pytest.mark.parametrize("size", SIZES)
def test_a_form_without_parts_is_refused_for_that(size: int) -> None:
    assert refusal(b"--%b--\r\n" % BOUNDARY, size) == "The form has no parts."


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "content", [b"", b"\r", b"\r\n", b"\r\n--", b"\r\n-", b"--", b"\r\r\n--\r\n", b"-" * 80, BOUNDARY[:-1]]
)
def test_content_that_nearly_ends_it(size: int, content: bytes) -> None:
    body = form(text(content), file(content))
    seen = read(body, size)
    assert [part[3] for part in seen.parts] == [content, content]
    assert bytes(seen.raw) == body


MALFORMED = malformed()


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


@settings(max_examples=40)
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
