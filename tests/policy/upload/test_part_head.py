"""Heads of parts: names of files that a backend could use as a path, and types."""

from __future__ import annotations

import pytest

from gateway.policy.upload.part_head import LONGEST_FILE_NAME, parse_head, with_type
from gateway.policy.upload.refused import MalformedForm


def file_name(raw: bytes) -> str | None:
    return parse_head([b'Content-Disposition: form-data; name="a"; filename="%b"' % raw]).file_name


@pytest.mark.parametrize(
    "name",
    [
        "recording.m4a",
        "blob",
        "a b.webm",
        "ਪੰਜਾਬੀ.m4a",
        "50%.png",
        "a%20b.png",
        "it's (1).jpg",
        "a..b.png",
        ".hidden",
        "C.png",
        "é" * 250,
    ],
)
def test_names_that_are_no_path(name: str) -> None:
    assert file_name(name.encode()) == name


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b".",
        b"..",
        b" .. ",
        b"../../x",
        b"/etc/passwd",
        b"a/b",
        b"C:\\x",
        b"C:x",
        b"..\\x",
        b"%2e%2e%2fx",
        b"..%5Cx",
        b"%252fx",
        b"a%00.webm",
        b"a%22b",
        b"a%0Ab",
        b"a%0db",
        "a\u2044".encode() + b"/",
        "..\uff0fx".encode(),
        "..\uff3cx".encode(),
        "a\uff02b".encode(),
        "a\u2028b".encode(),
        "\ufeffa".encode(),
        b"\xc2\x85",
        b"\xff\xfe",
        b"caf\xe9.png",
        b"\xc0\xaf",
        b"x" * (LONGEST_FILE_NAME + 1),
    ],
)
def test_names_that_a_backend_could_use_as_a_path(raw: bytes) -> None:
    with pytest.raises(MalformedForm, match="file"):
        file_name(raw)


@pytest.mark.parametrize(
    ("declared", "essence", "plain"),
    [
        (b"text/plain", "text/plain", True),
        (b'TEXT/PLAIN; Charset="UTF-8"', "text/plain", True),
        (b"text/plain; charset=latin-1", "text/plain", False),
        (b"Audio/WebM;codecs=opus", "audio/webm", False),
        (b'audio/mp4; codecs="mp4a.40.2, x"', "audio/mp4", False),
    ],
)
def test_types(declared: bytes, essence: str, plain: bool) -> None:
    head = parse_head(
        [b'Content-Disposition: form-data; name="a"', b"Content-Type: " + declared, b"Content-Length: 007"]
    )
    assert (head.type, head.content_type, head.length) == (essence, declared, 7)
    assert head.is_plain_text is plain


def test_a_head_without_a_type_may_be_text() -> None:
    assert parse_head([b'Content-Disposition: form-data; name="a"']).is_plain_text


@pytest.mark.parametrize("encoding", [b"binary", b"8bit", b"BINARY"])
def test_what_says_that_nothing_is_encoded(encoding: bytes) -> None:
    lines = [b'Content-Disposition: form-data; name="a"', b"Content-Transfer-Encoding: " + encoding]
    assert parse_head(lines) == parse_head(lines[:1])


@pytest.mark.parametrize(
    ("line", "helpful"),
    [
        (b'Content-Disposition: form-data; name="a"; filename=""', "choose a file"),
        (b'Content-Disposition: form-data; name="a"; filename="my %22song%22.webm"', "rename the file"),
        (b'Content-Disposition: form-data; name="a"; filename="/tmp/a.webm"', "send the name alone"),
        (b"Content-Disposition: form-data; name=\"a\"; filename*=utf-8''a.webm", 'filename="..."'),
        (b'Content-Disposition: form-data; name="a"\r\nContent-Transfer-Encoding: base64', "as it is"),
    ],
)
def test_what_clients_send_in_good_faith_is_refused_with_what_to_do(line: bytes, helpful: str) -> None:
    with pytest.raises(MalformedForm, match=helpful):
        parse_head(line.split(b"\r\n"))


def test_another_type() -> None:
    raw = b'\r\n--B\r\ncontent-type: a/b; c=d\r\nContent-Disposition: form-data; name="Content-Type: x"\r\n\r\n'
    assert with_type(raw, b"audio/mp4") == raw.replace(b"content-type: a/b; c=d", b"Content-Type: audio/mp4")
