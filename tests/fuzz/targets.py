"""The table of harnesses: what each is given to begin with, and what holds for every one of them."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from random import Random
from time import thread_time
from typing import NamedTuple
from zlib import crc32

from tests.fuzz import of_content, of_heads, of_paths, of_schemas, of_uploads
from tests.fuzz.near_calls import MOUNT, some_call, some_input, some_json, some_text
from tests.fuzz.near_forms import FILES, some_form, some_part
from tests.processor_time import takes_at_most

LARGE = 64 * 1024
"""Bytes of what an input is sometimes grown to."""

GROWN = 64  # one input in so many
MOST = 0.02
"""Seconds of processor time for one input of ``LARGE`` bytes at most. What is quadratic takes seconds."""


class Target(NamedTuple):
    """A harness: ``work`` raises nothing for any bytes, or the gateway has a bug. ``words`` are bytes worth inserting."""

    work: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    words: tuple[bytes, ...]
    large: int = LARGE


def _of_sent(some: Callable[[Random], bytes], count: int = 40) -> tuple[bytes, ...]:
    chance = Random(1)
    return tuple(some(chance) for _ in range(count))


def _target_of(request: bytes) -> bytes:
    return request.split(b" ", 2)[1]


def _form_of(chance: Random) -> bytes:
    """The content of a form whose boundary is that of the harnesses."""
    names = chance.choice(((b"audio",), (b"audio", b"language"), (b"language", b"audio"), (b"note", b"audio")))
    parts = [b"--Bo-7\r\n%b\r\n" % some_part(chance, name, of_uploads.BOUNDARY) for name in names]
    return b"".join(parts) + b"--Bo-7--\r\n"


def _lines_of(request: bytes) -> bytes:
    return b"\n".join(request.partition(b"\r\n\r\n")[0].split(b"\r\n")[1:])


_CALLS = _of_sent(some_call)
_TARGETS = tuple(_target_of(request) for request in _CALLS)
_INPUTS = _of_sent(lambda chance: some_text(chance, some_input(chance)).encode("utf-8", "surrogatepass"))
_BATCHES = tuple(b'{"0":%b,"1":%b}' % pair for pair in zip(_INPUTS[::2], _INPUTS[1::2], strict=True))
_FIELDS = (
    b"host: a\nauthorization: Bearer x\nx-request-id: 1\n\nhost: a\nauthorization: Bearer y\nx-request-id: 2",
    b'forwarded: for="[::1]:80";proto=https, for=_x;host="a\\"b"\norigin: https://linguamate.app:8443',
    b"connection: keep-alive, x-hop\nx-hop: 1\ncookie: a=b\ncookie: c=d\nX_User_Id: 1\ntransfer-encoding: chunked",
    b"content-type: application/json\ncontent-type: text/plain\norigin: http://[::1]\nexpect: 100-continue",
)
_HEADS = (
    b"OPTIONS /files/a HTTP/1.1\r\nhost: a\r\norigin: https://linguamate.app\r\naccess-control-request-method: PUT\r\n\r\n",
    b"PUT /files/a HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n{}GET /files/b HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /files/a HTTP/1.1\r\nhost: a\r\nupgrade: h2c\r\nconnection: upgrade\r\ncontent-length: 3\r\n\r\nabc",
    b"HEAD http://a/files/%41;b HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n",
)

_OF_PROCEDURES = tuple(bytes([number]) + _INPUTS[number % len(_INPUTS)] for number in range(len(of_schemas.PROCEDURES)))
_COMPRESSED = (
    *map(gzip.compress, _INPUTS[:8]),
    *map(zlib.compress, _INPUTS[:8]),
    gzip.compress(bytes(9000)),
    zlib.compress(b"ab" * 99)[2:-4],
)
_FORMS = _of_sent(_form_of)
_PART_HEADS = tuple(form.partition(b"\r\n")[2].partition(b"\r\n\r\n")[0] for form in _FORMS)

_PATH_WORDS = tuple(b"/ // /. /.. %2e %2F %5c ; ;v=1 % %00 %25 %c0%ae %ff %u002e \\ ? # ..%00 ..; %E2%80%A5 %EF%BC%8F + * http:// @ :80".split())  # fmt: skip
_QUERY_WORDS = tuple(
    b"batch=1 &batch=1 batch %62atch=1 input= &input= inp%75t= [] %26 %3D + ; % %zz %ff %00 %EF%BB%BF &&".split()
)
_JSON_WORDS = tuple(b'{"json": "meta": "values": ["undefined"] ["Date"] __proto__ constructor {"0": NaN 1e400 9007199254740993 -0 \\ud83d \\ud800 \\u0000 \xef\xbb\xbf [[[[ {"a": null true "referentialEqualities": "v":1 \\\\ , ] }'.split())  # fmt: skip
_FORM_WORDS = (b"\r\n--Bo-7\r\n", b"\r\n--Bo-7--\r\n", b"--Bo-7", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"Bo-7", b"-", b'name="language"', b'filename="a"', b"filename*=", b"Content-Type: ", b"Content-Disposition: form-data; ", b"Content-Length: ", b"Content-Transfer-Encoding: base64\r\n", b"audio/wav", b"image/png", b"%22", b"\0", b"\\", b'"', b";", b"\xff", b"boundary=", b"multipart/form-data; ")  # fmt: skip
_FILE_WORDS = (b"RIFF", b"WAVE", b"ftyp", b"isom", b"M4A ", b"OggS", b"OpusHead", b"\x1aE\xdf\xa3", b"webm", b"ID3\x04\0\0\0\0\0\x0a", b"\xff\xfb\x90\0", b"\xff\xf1\x50\x80", b"\x89PNG\r\n\x1a\n", b"IEND", b"\xff\xd8\xff", b"GIF89a", b"PK\5\6", b"PK\3\4", b"%PDF-", b"<script", b"<?php", b"MZ", b"\0" * 16, b"\xff" * 4, b"caff", b"#!AMR\n", b"<html>", b"WEBPVP8 ")  # fmt: skip
_HEAD_WORDS = (b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\r\n ", b"\0", b": ", b",", b";", b" HTTP/1.1\r\n", b"content-length: 1\r\n", b"transfer-encoding: chunked\r\n", b"0\r\n\r\n", b"1;a=b\r\n", b"connection: ", b"upgrade: x\r\n", b"host: ", b"expect: 100-continue\r\n", b"\xff", b"GET ", b"POST ", b'"', b"\\")  # fmt: skip

TARGETS: dict[str, Target] = {
    "path": Target(of_paths.path, (*_TARGETS, b"/open/..%2f;a", b"http://a/b?c", b"*"), _PATH_WORDS, 16 * 1024),
    "query": Target(of_paths.query, tuple(one.partition(b"?")[2] for one in _TARGETS), _QUERY_WORDS, 16 * 1024),
    "trpc": Target(of_paths.trpc, tuple(one.removeprefix(MOUNT.encode()) for one in _TARGETS), (*_PATH_WORDS[:12], b",", b"%2C", b".", b"auth.signin", *_QUERY_WORDS), 16 * 1024),
    "json": Target(of_content.json, (*_INPUTS, *_BATCHES), _JSON_WORDS),
    "calls": Target(of_content.calls, (*_INPUTS, *_BATCHES), _JSON_WORDS),
    "bodies": Target(of_content.bodies, (*_INPUTS, *_BATCHES), _JSON_WORDS),
    "checked": Target(of_content.checked, (*_INPUTS, *_BATCHES), (*_JSON_WORDS, b"1e20", b"1.50", b"-0.0", b'"\\u0061":', b" ", b"[1,2],")),
    "schema": Target(of_schemas.schema, (*_OF_PROCEDURES, *_INPUTS), _JSON_WORDS),
    "inflate": Target(of_schemas.inflate, _COMPRESSED, (b"\x1f\x8b\x08", b"\0" * 8, b"\x78\x9c", b"\xff\xff", b"\x03\0")),
    "form": Target(of_uploads.form, _FORMS, _FORM_WORDS),
    "upload": Target(of_uploads.upload, _FORMS, _FORM_WORDS),
    "part": Target(of_uploads.head, _PART_HEADS, _FORM_WORDS, 4096),
    "content": Target(of_uploads.content, tuple(of_uploads.typed(*one) for one in FILES.items()), _FILE_WORDS),
    "fields": Target(of_heads.fields, (*_FIELDS, *map(_lines_of, _CALLS[:10])), (b"\n", b"\n\n", *_HEAD_WORDS), 16 * 1024),
    "head": Target(of_heads.head, (*_HEADS, *_CALLS, *_of_sent(some_json, 10), *_of_sent(some_form, 10)), (*_HEAD_WORDS, *_FORM_WORDS, *_PATH_WORDS, *_JSON_WORDS), 16 * 1024),
}  # fmt: skip


def exercise(target: Target, data: bytes) -> None:
    """Give ``data`` to a harness, and sometimes a piece of it again and again, up to the largest input.

    Raises AssertionError where that takes too long, and whatever escapes from the harness.
    """
    _within(target, data)
    if crc32(data) % GROWN == 0 and data:
        _within(target, grown(data, target.large))


def _within(target: Target, data: bytes) -> None:
    began = thread_time()
    target.work(data)
    if thread_time() - began > MOST:
        assert takes_at_most(MOST, lambda: target.work(data)), f"more than {MOST} s for {len(data)} bytes"


def grown(data: bytes, size: int) -> bytes:
    """``data`` with a piece of it repeated until it has nearly ``size`` bytes."""
    where = crc32(data) >> 8
    begin = where % len(data)
    end = min(len(data), begin + 1 + (where >> 8) % 12)
    return data[:begin] + data[begin:end] * ((size - len(data)) // (end - begin)) + data[end:]
