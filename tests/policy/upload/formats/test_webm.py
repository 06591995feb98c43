"""WebM and Matroska."""

import pytest

from gateway.policy.upload.formats.webm import walk
from tests.policy.upload.made_files import UNKNOWN, element, webm
from tests.policy.upload.walks import outcome

ONLY = frozenset(["webm"])


def test_a_live_recording_passes_without_any_length() -> None:
    assert outcome(walk, webm(), ONLY) == "good"


def test_what_other_writers_put_before_the_tracks_and_behind_passes() -> None:
    before = element("114d9b74", bytes(60)) + element("ec", bytes(90)) + element("1549a966", bytes(40))
    assert outcome(walk, webm(before=before, after=element("1254c367", bytes(300))), ONLY) == "good"
    assert outcome(walk, webm(b"webm\0\0"), ONLY) == "good"  # RFC 8794 section 7.4: a string may be padded


@pytest.mark.parametrize("doc_type", [b"matroska", b"", b"WEBM", b"webm2", b"\xff\xff"])
def test_another_doc_type_is_another_family(doc_type: bytes) -> None:
    assert outcome(walk, webm(doc_type), ONLY).startswith("wrong: EBML with the DocType")


def test_matroska_passes_where_it_is_taken() -> None:
    assert outcome(walk, webm(b"matroska"), frozenset(["matroska"])) == "good"
    assert outcome(walk, webm(), frozenset(["matroska"])).startswith("wrong")


def test_video_passes_where_video_was_declared() -> None:
    assert outcome(walk, webm(tracks=(1, 2)), ONLY, sound_only=False) == "good"
    assert outcome(walk, webm(tracks=(1, 2)), ONLY).startswith("wrong: a track of video")
    assert outcome(walk, webm(tracks=(1,)), ONLY, sound_only=False) == "good"


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (webm(tracks=(0x11,)), "no track of audio"),
        (webm(tracks=()), "no track of audio"),
        (webm(before=element("1f43b675", bytes(20))), "stands where it must not"),
        (webm(before=element("ec", b"", size=UNKNOWN)), "stands where it must not"),
        (webm(before=b"\0\0\0\0"), "begins no element"),
        (webm(before=b"\xec\0\0"), "begins no length"),
        (webm(before=element("ec", bytes(600_000))), "nothing to hear or see"),
        (b"\x1a\x45\xdf\xa3\xff", "without a sensible length"),
        (b"\x1a\x45\xdf\xa3\x85\x42\x82\x84webm", "do not fit"),
        (b"\x1a\x45\xdf\xa3\x88\x42\x82\x84w", "ends"),
        (b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\xec\x80", "no segment"),
        (webm(tracks=(2,) * 300), "do not fit"),
        (webm().replace(b"\x83\x10\0\0\1", b"\x83\x10\0\0\x99"), "do not fit"),
    ],
)
def test_what_is_malformed_is_refused(octets: bytes, words: str) -> None:
    found = outcome(walk, octets, ONLY)
    assert found.startswith("cut") and words in found
