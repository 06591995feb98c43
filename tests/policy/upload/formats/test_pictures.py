"""PNG, JPEG and GIF."""

import pytest

from gateway.policy.upload.formats.pictures import gif, jpeg, png
from tests.policy.upload import made_files as made
from tests.policy.upload.walks import outcome

EXIF = made.segment(0xE1, b"Exif\0\0" + b"\xff\xd8\xff\xd9" * 9000)


def test_good_pictures_pass() -> None:
    assert outcome(png, made.png(extra=made.part_of_png(b"tEXt", bytes(90)))) == "good"
    assert outcome(gif, made.gif(extra=b"!\xf9\x04\0\0\0\0\0")) == "good"


@pytest.mark.parametrize("extra", [b"", EXIF, EXIF * 20, b"\xff\xff\xff" + made.segment(0xFE, b"a comment")])
def test_jpeg_passes_with_much_before_the_picture(extra: bytes) -> None:
    assert outcome(jpeg, made.jpeg(extra=extra)) == "good"


def test_jpeg_passes_with_several_scans_and_with_what_phones_append() -> None:
    scans = bytes(90) + made.segment(0xC4, bytes(20)) + made.segment(0xDA, bytes(6)) + b"\xff\0\xff\xd0" * 90
    assert outcome(jpeg, made.jpeg(scan=scans)) == "good"
    assert outcome(jpeg, made.jpeg() + made.jpeg() + b"SEFT") == "good"


def test_the_end_of_a_jpeg_is_not_found_in_its_metadata() -> None:
    assert outcome(jpeg, made.jpeg(extra=EXIF)[:-1]).startswith("cut: ends")
    assert outcome(jpeg, made.jpeg(extra=EXIF)[:-2] + b"\xff").startswith("cut: ends")


@pytest.mark.parametrize(
    "octets",
    [
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xd8" + made.jpeg()[2:],
        b"\xff\xd8\xff\x01" + bytes(90),
        b"\xff\xd8\xff\xe0\0\1" + bytes(90),
        b"\xff\xd8\xff\xe0\0\2" + bytes(90),
        b"\xff\xd8" + made.segment(0xDA, bytes(6)) + bytes(90) + b"\xff\xd9",
        b"\xff\xd8" + made.segment(0xC4, bytes(6)) + made.segment(0xDA, bytes(6)) + b"\xff\xd9",
        b"\xff\xd8\xff\xff\xff\xff" + b"\xff" * 900,
    ],
)
def test_jpeg_that_is_malformed_does_not(octets: bytes) -> None:
    assert outcome(jpeg, octets).startswith("cut")


@pytest.mark.parametrize(
    "octets",
    [
        made.png()[:-1],
        made.png() + b"\0",
        made.png(width=0),
        made.png(width=2**31),
        made.png()[:16] + b"\1" + made.png()[17:],  # the checksum does not fit
        made.png().replace(b"IHDR", b"iHDR"),
        made.png()[:33] + made.part_of_png(b"IEND", b""),
        made.png(extra=made.part_of_png(b"1234", b"")),
        made.png(extra=b"\xff\xff\xff\xfftEXt"),
    ],
)
def test_png_that_is_malformed_does_not(octets: bytes) -> None:
    assert outcome(png, octets).startswith("cut")


@pytest.mark.parametrize(
    "octets",
    [
        b"GIF89a",
        b"GIF88a" + made.gif()[6:],
        b"GIF89a\0\0\2\0" + made.gif()[10:],
        b"GIF89a\2\0\0\0" + made.gif()[10:],
        made.gif()[:15],
        made.gif(extra=b"<"),
        b"GIF89a\2\0\2\0\0\0\0;",
    ],
)
def test_gif_that_is_malformed_does_not(octets: bytes) -> None:
    assert outcome(gif, octets).startswith("cut")
