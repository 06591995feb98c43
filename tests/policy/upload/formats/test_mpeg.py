"""MP3 and AAC in ADTS."""

import pytest

from gateway.policy.upload.formats.mpeg import walk
from tests.policy.upload.made_files import MP3_FRAME, adts_frame, id3
from tests.policy.upload.walks import outcome


@pytest.mark.parametrize(
    ("head", "length"),
    [
        ("fffb9064", 417),  # MPEG-1, 128 kbit/s, 44,100 Hz
        ("fffb9264", 418),  # with an octet of padding
        ("fffa9064", 417),  # with a checksum
        ("fffbe464", 960),  # 320 kbit/s, 48,000 Hz
        ("fffb1864", 144),  # 32 kbit/s, 32,000 Hz
        ("fff340c4", 104),  # MPEG-2, 32 kbit/s, 22,050 Hz
        ("fff314c4", 24),  # 8 kbit/s, 24,000 Hz
        ("ffe318c4", 72),  # MPEG-2.5, 8 kbit/s, 8,000 Hz
    ],
)
def test_two_frames_of_layer_iii_pass(head: str, length: int) -> None:
    frame = bytes.fromhex(head) + bytes(length - 4)
    assert outcome(walk, frame * 2) == "good"
    assert outcome(walk, (frame + b"\0") * 2).startswith("wrong")
    assert outcome(walk, frame[:-1] * 2).startswith("wrong")


@pytest.mark.parametrize(
    "head", ["fffb0064", "fffbf064", "fffb9c64", "fffd9064", "ffff9064", "ffeb9064", "fffe9064", "7ffb9064", "ffdb9064"]
)
def test_other_heads_are_none(head: str) -> None:
    assert outcome(walk, (bytes.fromhex(head) + bytes(413)) * 4).endswith("no frame of MP3 or AAC")


@pytest.mark.parametrize("length", [9, 200, 8191])
def test_two_frames_of_adts_pass(length: int) -> None:
    assert outcome(walk, adts_frame(length) * 2, frozenset(["adts"])) == "good"
    assert outcome(walk, adts_frame(length) * 2, frozenset(["mp3"])).endswith("is a frame of adts")
    assert outcome(walk, adts_frame(length) + adts_frame(length)[1:]).startswith("wrong")


def test_no_stream_begins_with_an_empty_frame() -> None:
    assert outcome(walk, bytes.fromhex("fff14c8000fffc") * 100).startswith("wrong")


def test_a_stream_keeps_its_version_and_its_rate() -> None:
    assert outcome(walk, MP3_FRAME + b"\xff\xfb\xa0\x64" + bytes(600)) == "good"  # another bit rate
    for other in ("fffb9464", "fff39064", "fffa9064"):
        assert outcome(walk, MP3_FRAME + bytes.fromhex(other) + bytes(600)).startswith("wrong")


@pytest.mark.parametrize(
    "tag", [id3(bytes(64)), id3(bytes(200_000)), id3(version=2) * 4, id3(bytes(74), size=64, version=4, flags=16)]
)
def test_id3_is_passed_over(tag: bytes) -> None:
    """Pictures of albums included, and the foot that a tag of version 4 may have."""
    assert outcome(walk, tag + MP3_FRAME * 2) == "good"
    assert outcome(walk, tag + adts_frame() * 2) == "good"
    assert outcome(walk, tag + MP3_FRAME) == "good"
    assert outcome(walk, tag + MP3_FRAME[:-1]).startswith("cut")
    assert outcome(walk, tag + MP3_FRAME + b"<script>").startswith("wrong")


@pytest.mark.parametrize(
    "octets",
    [
        id3(version=1) + MP3_FRAME * 2,
        id3(version=5) + MP3_FRAME * 2,
        b"ID3\3\xff\0\0\0\0\0" + MP3_FRAME * 2,
        b"ID3\3\0\0\0\0\0\x80" + MP3_FRAME * 2,
        id3() * 5 + MP3_FRAME * 2,
        id3(bytes(600_000)) + MP3_FRAME * 2,
        id3(bytes(9), size=20),
        b"ID3\3\0",
    ],
)
def test_tags_that_are_none_or_too_much_are_refused(octets: bytes) -> None:
    assert outcome(walk, octets).startswith("cut")


def test_a_frame_alone_is_chance() -> None:
    assert outcome(walk, MP3_FRAME).startswith("wrong: nothing after")
    assert outcome(walk, adts_frame()).startswith("wrong: nothing after")
