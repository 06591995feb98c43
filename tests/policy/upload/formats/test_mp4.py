"""MP4 and its kin."""

import pytest

from gateway.policy.upload.formats.mp4 import walk
from tests.policy.upload.made_files import box, brands, moov, mp4
from tests.policy.upload.walks import outcome

MP4 = frozenset(["mp4"])
SOUND = box(b"mdat", bytes(500))


@pytest.mark.parametrize(
    "brand", [b"isom", b"iso5", b"iso6", b"mp41", b"mp42", b"M4A ", b"M4B ", b"dash", b"3gp4", b"3gp5", b"3g2a"]
)
def test_brands_of_recordings_pass(brand: bytes) -> None:
    assert outcome(walk, mp4(brand, b"isom", b"mp42"), MP4) == "good"


@pytest.mark.parametrize(
    "brand", [b"heic", b"mif1", b"avif", b"qt  ", b"jp2 ", b"crx ", b"\0\0\0\0", b"m4a ", b"M4A\0"]
)
def test_other_brands_do_not(brand: bytes) -> None:
    assert outcome(walk, mp4(brand, b"isom"), MP4).startswith("wrong: the brand")


def test_a_file_that_is_compatible_with_a_picture_is_one() -> None:
    for brand in (b"heic", b"mif1", b"avif"):
        assert outcome(walk, mp4(b"isom", b"iso2", brand), MP4).startswith("wrong: the brand")


def test_moov_may_come_first_or_last_or_before_fragments() -> None:
    fragment = box(b"moof", box(b"mfhd", bytes(8))) + SOUND
    assert outcome(walk, brands() + SOUND + moov(b"soun")) == "good"
    assert (
        outcome(walk, brands() + box(b"free") + box(b"wide") + SOUND + moov(b"soun", b"text") + box(b"uuid", bytes(90)))
        == "good"
    )
    assert outcome(walk, brands(b"iso5") + moov(b"soun") + fragment * 8 + box(b"mfra", bytes(40))) == "good"


def test_the_last_mdat_may_have_no_length_and_any_a_long_one() -> None:
    assert outcome(walk, brands() + moov(b"soun") + box(b"mdat", bytes(500), size=0)) == "good"
    long = b"\0\0\0\1mdat" + (516).to_bytes(8, "big") + bytes(500)
    assert outcome(walk, brands() + long + moov(b"soun")) == "good"


def test_video_passes_where_video_was_declared() -> None:
    film = mp4(b"isom", tracks=(b"vide", b"soun"))
    assert outcome(walk, film, MP4, sound_only=False) == "good"
    assert outcome(walk, film, MP4).startswith("wrong: a track of video")


@pytest.mark.parametrize(
    "octets",
    [
        box(b"ftyp", b"M4A " + bytes(4), size=0) + SOUND + moov(b"soun"),
        box(b"ftyp", b"M4A " + bytes(4), size=1) + SOUND + moov(b"soun"),
        box(b"ftyp", b"M4A " + bytes(3)) + SOUND + moov(b"soun"),
        box(b"ftyp", b"M4A ") + SOUND + moov(b"soun"),
        box(b"ftyp", b"M4A " * 200) + SOUND + moov(b"soun"),
        brands() + box(b"meta", bytes(40)) + SOUND + moov(b"soun"),
        brands() + box(b"mdat", bytes(500), size=0),
        brands() + box(b"moov", size=0) + SOUND,
        brands() + moov(b"soun"),
        brands() + SOUND,
        brands() + SOUND + moov(),
        brands() + SOUND + moov(b"soun") + b"tail",
        brands() + SOUND + moov(b"soun") + box(b"\xff\xff\xff\xff"),
        brands() + SOUND + moov(b"soun") + box(b"free", size=7),
        brands() + SOUND + moov(b"soun") + b"\0\0\0\1mdat" + (15).to_bytes(8, "big"),
        brands() + SOUND + box(b"moov", box(b"trak", bytes(8), size=99)),
        brands() + SOUND + box(b"moov", box(b"trak", box(b"mdia", box(b"hdlr", b"soun")))),
        brands() + SOUND + moov(b"soun")[:-3],
    ],
)
def test_lengths_have_to_agree(octets: bytes) -> None:
    assert outcome(walk, octets).startswith("cut")


def test_boxes_inside_of_each_other_go_no_deeper_than_the_kind_of_a_track() -> None:
    deep = box(b"hdlr", bytes(8) + b"soun" + bytes(13))
    for _ in range(1000):
        deep = box(b"moov", deep)
    assert outcome(walk, brands() + SOUND + deep) == "cut: no track of sound"


def test_fragments_of_a_frame_of_silence_each_pass() -> None:
    silence = (box(b"moof", bytes(110)) + box(b"mdat", b"\1\x18\x20\7")) * 120
    begin = brands(b"iso5") + moov(b"soun")
    assert outcome(walk, begin + silence) == "good"
    assert outcome(walk, begin + silence + box(b"mfra", bytes(8))) == "good"
    assert outcome(walk, begin + (box(b"sidx", bytes(44)) + silence[:130]) * 100) == "good"
    assert outcome(walk, begin + silence + b"\0\0\0\7mdat") == "cut: a box b'mdat' of 7 octets"
    assert outcome(walk, begin + silence[:-1]).startswith("cut: ends")
    assert outcome(walk, brands() + silence).startswith("cut: no moov")


@pytest.mark.parametrize("least", [b"", box(b"moof", bytes(110)), box(b"mdat", bytes(4)), box(b"mdat", bytes(4)) * 3])
def test_boxes_without_content_do_not(least: bytes) -> None:
    assert outcome(walk, mp4() + (box(b"free") * 8 + least) * 100).startswith("cut: made of")
