"""Small files of each family, made octet by octet, so that a test can say where one lies."""

from __future__ import annotations

import struct
from zlib import compress, crc32


def element(name: str, content: bytes, *, size: bytes | None = None) -> bytes:
    """An element of EBML. ``size``: as written, in place of the true one."""
    written = (0x10000000 | len(content)).to_bytes(4, "big") if size is None else size
    return bytes.fromhex(name) + written + content


UNKNOWN = b"\x01" + b"\xff" * 7


def webm(
    doc_type: bytes = b"webm", *, tracks: tuple[int, ...] = (2,), before: bytes = b"", after: bytes = b""
) -> bytes:
    """A live recording, as MediaRecorder writes it: neither the segment nor its cluster has a length."""
    head = element("1a45dfa3", element("4286", b"\1") + element("4282", doc_type))
    listed = b"".join(element("ae", element("d7", b"\1") + element("83", bytes((kind,)))) for kind in tracks)
    cluster = element("1f43b675", element("e7", b"\0") + element("a3", bytes(400)), size=UNKNOWN)
    return head + element("18538067", before + element("1654ae6b", listed) + after + cluster, size=UNKNOWN)


def page(content: bytes, *, first: bool = False) -> bytes:
    """A page of Ogg; its checksum is left out."""
    lacing = bytes((255,)) * (len(content) // 255) + bytes((len(content) % 255,))
    return b"OggS\0" + bytes((2 * first,)) + bytes(20) + bytes((len(lacing),)) + lacing + content


def ogg(*codecs: bytes) -> bytes:
    heads = b"".join(page(codec + bytes(11), first=True) for codec in codecs or (b"OpusHead",))
    return heads + page(b"OpusTags" + bytes(20)) + page(bytes(3000))


def box(kind: bytes, content: bytes = b"", *, size: int | None = None) -> bytes:
    return (8 + len(content) if size is None else size).to_bytes(4, "big") + kind + content


def moov(*kinds: bytes) -> bytes:
    tracks = [
        box(
            b"trak",
            box(b"tkhd", bytes(84)) + box(b"mdia", box(b"mdhd", bytes(24)) + box(b"hdlr", bytes(8) + kind + bytes(13))),
        )
        for kind in kinds
    ]
    return box(b"moov", box(b"mvhd", bytes(100)) + b"".join(tracks))


def brands(major: bytes = b"M4A ", *others: bytes) -> bytes:
    return box(b"ftyp", major + bytes(4) + major + b"".join(others))


def mp4(major: bytes = b"M4A ", *others: bytes, tracks: tuple[bytes, ...] = (b"soun",)) -> bytes:
    return brands(major, *others) + moov(*tracks) + box(b"mdat", bytes(3000))


MP3_FRAME = b"\xff\xfb\x90\x64" + bytes(413)
"""MPEG-1 layer III, 128 kbit/s, 44,100 Hz."""


def id3(content: bytes = b"", *, size: int | None = None, version: int = 3, flags: int = 0) -> bytes:
    length = len(content) if size is None else size
    return b"ID3" + bytes((version, 0, flags)) + bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0)) + content


def adts_frame(length: int = 200) -> bytes:
    return bytes((0xFF, 0xF1, 0x4C, 0x80 | length >> 11, length >> 3 & 255, (length & 7) << 5 | 0x1F, 0xFC)) + bytes(
        length - 7
    )


def chunk(kind: bytes, content: bytes, *, size: int | None = None) -> bytes:
    length = len(content) if size is None else size
    return kind + struct.pack("<I", length) + content + bytes(len(content) % 2)


PCM = struct.pack("<HHIIHH", 1, 1, 16000, 32000, 2, 16)


def wav(sound: bytes = bytes(3200), *, whole: int | None = None, size: int | None = None, after: bytes = b"") -> bytes:
    content = b"WAVE" + chunk(b"fmt ", PCM) + chunk(b"data", sound, size=size) + after
    return b"RIFF" + struct.pack("<I", len(content) if whole is None else whole) + content


def caf(sound: bytes = bytes(3200), *, size: int | None = None) -> bytes:
    described = struct.pack(">d4sIIIII", 16000.0, b"lpcm", 0, 2, 1, 1, 16)
    length = len(sound) + 4 if size is None else size
    return (
        b"caff\0\1\0\0desc" + struct.pack(">Q", 32) + described + b"data" + struct.pack(">Q", length) + bytes(4) + sound
    )


AMR = b"#!AMR\n" + (b"\x3c" + bytes(31)) * 30
AMR_WIDE = b"#!AMR-WB\n" + (b"\x44" + bytes(60)) * 30
FLAC = b"fLaC\x80\0\0\x22" + bytes(10) + b"\x0a\xc4\x42\xf0" + bytes(20) + b"\xff\xf8" + bytes(500)


def part_of_png(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc32(kind + content))


def png(*, width: int = 2, extra: bytes = b"") -> bytes:
    head = part_of_png(b"IHDR", struct.pack(">IIBBBBB", width, 2, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + extra + part_of_png(b"IDAT", compress(bytes(14))) + part_of_png(b"IEND", b"")


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


def jpeg(*, extra: bytes = b"", scan: bytes = bytes(300)) -> bytes:
    jfif = segment(0xE0, b"JFIF\0\1\1" + bytes(7))
    frame = segment(0xC0, b"\x08\0\2\0\2\1\1\x11\0")
    return (
        b"\xff\xd8"
        + jfif
        + extra
        + segment(0xDB, bytes(65))
        + frame
        + segment(0xDA, b"\1\1\0\0?\0")
        + scan
        + b"\xff\xd9"
    )


def gif(*, extra: bytes = b"") -> bytes:
    picture = b",\0\0\0\0\2\0\2\0\0\2\2\x4c\x01\0"
    return b"GIF89a\2\0\2\0\x80\0\0" + bytes(6) + extra + picture + b";"


def webp(*, whole: int | None = None, after: bytes = b"") -> bytes:
    content = b"WEBP" + chunk(b"VP8L", b"/" + bytes(40)) + after
    return b"RIFF" + struct.pack("<I", len(content) if whole is None else whole) + content


GOOD: dict[str, bytes] = {
    "webm": webm(),
    "matroska": webm(b"matroska"),
    "ogg": ogg(),
    "mp4": mp4(),
    "quicktime": mp4(b"qt  "),
    "mp3": id3(bytes(100)) + MP3_FRAME * 5,
    "adts": adts_frame() * 5,
    "wav": wav(),
    "caf": caf(),
    "amr": AMR,
    "flac": FLAC,
    "png": png(),
    "jpeg": jpeg(),
    "gif": gif(),
    "webp": webp(),
}
"""One whole file of each family."""


def archive(comment: bytes = b"", *, name: bytes = b"a.html") -> bytes:
    """A ZIP archive with one stored file."""
    local = b"PK\3\4" + struct.pack("<HHHHHIIIHH", 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0) + name
    listed = (
        b"PK\1\2" + struct.pack("<HHHHHHIIIHHHHHII", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    )
    return (
        local
        + listed
        + b"PK\5\6"
        + struct.pack("<HHHHIIH", 0, 0, 1, 1, len(listed), len(local), len(comment))
        + comment
    )
