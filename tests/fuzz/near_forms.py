"""Forms with files that are nearly as browsers send them: changed at the places where parsers of multipart differ."""

from __future__ import annotations

from random import Random

from tests.fuzz.near_calls import edited, framed, pick
from tests.policy.upload import made_files as made

FILES = {
    "audio/wav": made.wav(bytes(320)),
    "audio/x-m4a": made.mp4(),
    "audio/webm": made.webm(),
    "audio/ogg": made.ogg(),
    "audio/mpeg": made.id3(bytes(40)) + made.MP3_FRAME * 3,
    "audio/aac": made.adts_frame() * 4,
    "audio/x-caf": made.caf(bytes(320)),
    "audio/amr": made.AMR,
    "audio/flac": made.FLAC,
    "audio/3gpp": made.mp4(b"3gp4"),
    "image/png": made.png(),
    "image/jpeg": made.jpeg(),
    "image/gif": made.gif(),
    "image/webp": made.webp(),
}
"""A small file of each family."""

_BOUNDARIES = (b"B", b"-" * 27 + b"7", b"x" * 70, b"x" * 71, b"x" * 257, b"a b", b"'a+b_c.d'", b"B--", b"--B", b"---", b"B:C", b"B?", b"\xc3\xa9", b"B\\", b"")  # fmt: skip
_TYPES = (b'multipart/form-data; boundary="%b"', b"multipart/form-data;boundary=%b", b"Multipart/Form-Data; BOUNDARY=%b", b"multipart/form-data; boundary=%b;", b"multipart/form-data; boundary=%b; charset=utf-8", b"multipart/form-data; charset=utf-8; boundary=%b", b"multipart/form-data; boundary=%b; boundary=C", b"multipart/form-data; boundary=C; boundary=%b", b"multipart/form-data; boundary=%b, text/plain", b"application/x-www-form-urlencoded, multipart/form-data; boundary=%b", b"multipart/mixed; boundary=%b", b"multipart/form-data; boundary='%b'", b"multipart/form-data; boundary =%b", b"multipart/form-data; boundary*=utf-8''%b", b"multipart/form-data; boundary=%b\r\ncontent-type: multipart/form-data; boundary=C", b"multipart/form-data ; boundary=%b", b"multipart/form-data; xboundary=C; boundary=%b", b"multipart/form-data")  # fmt: skip

# In place of the plain head of a part; %b is its name.
_HEADS = (b"Content-Disposition: form-data; name=%b", b'Content-Disposition: form-data; name="%b"; name="x"', b'Content-Disposition: form-data; name="x"; name="%b"', b"Content-Disposition: form-data; name='%b'", b'Content-Disposition: form-data;name="%b"', b'content-disposition:form-data; name="%b"', b'Content-Disposition: FORM-DATA; NAME="%b"', b'Content-Disposition: attachment; name="%b"', b'Content-Disposition: form-data; filename="a"; name="%b"', b'Content-Disposition: form-data; name="%b";', b'Content-Disposition : form-data; name="%b"', b'Content-Disposition: form-data; name="%b" ', b'Content-Disposition: form-data;\r\n name="%b"', b'Content-Disposition: form-data; name="%b"\nX: y', b'Content-Disposition: form-data; name="%b\0"', b'Content-Disposition: form-data; name="%b\\""', b'Content-Disposition: form-data; name="%b%%22"', b"Content-Disposition: form-data; name*=utf-8''%b", b'Content-Disposition: form-data; name="%b"\r\nContent-Disposition: form-data; name="x"', b"")  # fmt: skip
_NAMES = (b'; filename="a.wav"', b'; filename="b%22c.wav"', b'; filename="../../x"', b'; filename="C:\\x\\y.wav"', b'; filename=""', b"; filename=a.wav", b"; filename*=utf-8''a.wav", b'; filename="a.wav"; filename*=utf-8\'\'b.php', b'; filename="\xc3\xa9.wav"', b'; filename="\xff.wav"', b'; filename="a;b.wav"', b'; filename="a\\"b.wav"', b'; filename="a.wav"; filename="b.php"', b'; filename="a%0d%0ab.wav"', b'; filename="a\tb"', b'; filename=" a.wav "')  # fmt: skip
_MORE = (b"Content-Transfer-Encoding: base64", b"Content-Transfer-Encoding: binary", b"content-transfer-encoding: 8bit", b"Content-Type: text/html", b"X-Y: z", b"Content-Length: 1", b"Content-Type: text/plain; charset=utf-16", b"Content-Type : a/b", b"content-type:", b" folded", b"X", b"Content-Type: text/plain", b"Content-Type: text/plain;charset=UTF-8", b": x", b"\xc3\xa9: x", b"Content-Disposition: form-data; name=\"x\"")  # fmt: skip
_CODECS = (b";codecs=opus", b"; codecs=\"opus\"", b";", b" ; a=b", b"; a=b; a=c", b", text/html", b";codecs=opus;codecs=pcm", b"\t", b"; =", b"/x")  # fmt: skip
_CONTENT = (b"\r\n--", b"\r\n--%b", b"--%b", b"\r\n-", b"\r\n", b"\r", b"\n--%b", b"\r\n--%b-", b"%b", b"\r\n--%b \r\n", b"\r\n--%b\r", b"--%b--", b"\r\n\r\n", b"\r\n--%bx", b"\0", b"\xef\xbb\xbf")  # fmt: skip
_PREAMBLES = (b"\r\n", b"text\r\n", b"\n", b"--", b"--%b\r\n", b" ")
_ENDS = (
    b"\r\n",
    b"",
    b"\n",
    b"\r\n\r\n",
    b"\r\nepilogue",
    b"--",
    b" \r\n",
    b"\r\n--%b\r\n",
    b"\r\n--%b--\r\n",
    b"\0",
    b"\r",
)


def _filled(template: bytes, value: bytes) -> bytes:
    """``template`` with ``value`` for %b and a percent sign for two."""
    return template.replace(b"%b", value).replace(b"%%", b"%")


def some_part(chance: Random, name: bytes, boundary: bytes, more: int = 0) -> bytes:
    """A part without the boundary before it. A file of sound has so many bytes ``more``."""
    kind = chance.choice(list(FILES)) if not more else "audio/wav"
    is_file = name == b"audio"
    content = (
        (made.wav(bytes(more)) if more else FILES[kind])
        if is_file
        else pick(chance, b"es-MX", (b"", b"es", b"\xc3\xa9", b"\xff", b"es\0", b"x" * 40))
    )
    name = pick(chance, name, (b"Audio", b"audio[]", b"language", b"x", b"__proto__", b""), 0.03)
    lines = [_filled(pick(chance, b'Content-Disposition: form-data; name="%b"', _HEADS, 0.05), name)]
    if is_file or chance.random() < 0.02:
        lines[0] += pick(chance, b'; filename="blob"', _NAMES, 0.2)
        lines.append(b"Content-Type: " + kind.encode() + pick(chance, b"", _CODECS, 0.1))
    if chance.random() < 0.05:
        lines.append(chance.choice(_MORE))
    chance.random() < 0.05 and lines.reverse()
    if chance.random() < 0.15:
        at = chance.choice((len(content), len(content) // 2, 0))
        piece = _filled(chance.choice(_CONTENT), boundary[: chance.choice((len(boundary), -1))])
        content = content[:at] + piece + content[at:]
    return pick(chance, b"\r\n", (b"\n", b"\r"), 0.01).join(lines) + b"\r\n\r\n" + content


def some_form(chance: Random, more: int = 0) -> bytes:
    """A request with a form, whose file has so many bytes ``more``."""
    boundary = pick(chance, b"----WebKitFormBoundary7MA4YWxkTrZu0gW", _BOUNDARIES, 0.2)
    names = [b"audio", *([b"language"] if chance.random() < 0.6 else [])]
    if chance.random() < 0.05:
        names.append(chance.choice((b"audio", b"language", b"x")))
    chance.shuffle(names)
    delimiter = pick(chance, b"\r\n", (b" \r\n", b"\n", b"\t\r\n", b"x\r\n", b"\r\n\r\n"), 0.02)
    body = _filled(pick(chance, b"", _PREAMBLES, 0.03), boundary)
    for name in names:
        body += b"--" + boundary + delimiter + some_part(chance, name, boundary, more) + b"\r\n"
    body += b"--" + boundary + pick(chance, b"--", (b"", b"-", b"--\r", b"-- "), 0.02)
    body += _filled(pick(chance, b"\r\n", _ENDS, 0.1), boundary)
    if chance.random() < 0.04:
        body = body[: chance.randrange(len(body))]
    if chance.random() < 0.04:
        body = edited(chance, body)
    kind = _filled(pick(chance, b"multipart/form-data; boundary=%b", _TYPES, 0.12), boundary)
    return b"POST /speech HTTP/1.1\r\nhost: gateway\r\ncontent-type: " + kind + b"\r\n" + framed(chance, body)
