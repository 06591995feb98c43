"""WAV and WebP."""

import struct

import pytest

from gateway.policy.upload.formats.riff import wave, webp
from tests.policy.upload.made_files import PCM, chunk, wav
from tests.policy.upload.made_files import webp as picture
from tests.policy.upload.walks import outcome


@pytest.mark.parametrize(
    "before", [b"", chunk(b"JUNK", bytes(28)), chunk(b"LIST", b"INFO" + bytes(21)), chunk(b"FLLR", bytes(4044))]
)
def test_chunks_before_the_sound_and_behind_pass(before: bytes) -> None:
    content = b"WAVE" + chunk(b"fmt ", PCM) + before + chunk(b"data", bytes(501)) + chunk(b"id3 ", bytes(9))
    assert outcome(wave, b"RIFF" + struct.pack("<I", len(content)) + content) == "good"
    content = b"WAVE" + before + chunk(b"fmt ", PCM + bytes(2)) + chunk(b"data", bytes(500))
    assert outcome(wave, b"RIFF" + struct.pack("<I", len(content)) + content) == "good"


@pytest.mark.parametrize("whole", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF024])
@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FFFF000])
def test_recorders_that_stream_write_no_lengths(whole: int, size: int) -> None:
    assert outcome(wave, wav(whole=whole, size=size)) == "good"
    assert outcome(wave, wav(whole=whole)) == "good"


@pytest.mark.parametrize("wrong", range(-8, 9))
def test_recorders_that_count_their_own_head_or_forget_a_part_of_it_pass(wrong: int) -> None:
    assert outcome(wave, wav(whole=3236 + wrong)) == "good"
    further = wrong + (9 if wrong >= 0 else -1) - (0 if wrong >= 0 else 8)
    assert outcome(wave, wav(whole=3236 + further)).startswith("cut: a length of")


def test_the_last_chunk_may_lack_its_padding() -> None:
    odd = wav(bytes(501))
    assert outcome(wave, odd) == "good"
    assert outcome(wave, odd[:-1]) == "good"
    assert outcome(wave, odd[:-2]).startswith("cut")


@pytest.mark.parametrize(
    "octets",
    [
        wav()[:-1],
        wav(size=9000),
        wav(b""),
        wav(b"", size=0xFFFFFFFF),
        wav(after=b"tail"),
        wav(after=b"<!DOCTYPE html><p>" * 3),
        wav(after=chunk(b"\xff\xff\xff\xff", bytes(4))),
        b"RIFF\x14\0\0\0WAVE" + chunk(b"fmt ", PCM),
        b"RIFF\x14\0\0\0WAVE" + chunk(b"data", PCM),
        b"RIFF\x14\0\0\0WAVE" + chunk(b"fmt ", bytes(16)) + chunk(b"data", PCM),
        b"RIFF\x14\0\0\0WAVE" + chunk(b"fmt ", PCM[:14]) + chunk(b"data", PCM),
        b"RIFF\x14\0\0\0WAVE" + chunk(b"fmt ", PCM, size=2000) + bytes(3000),
        b"RIFF\xff\xff\xff\xffWAVE" + chunk(b"JUNK", b"", size=0xFFFFFFFF) + bytes(3000),
        b"RIFF\0\0\0\0WAVE",
        b"RIFF\0\0",
    ],
)
def test_lengths_of_recordings_have_to_agree(octets: bytes) -> None:
    assert outcome(wave, octets).startswith("cut")


def test_pictures_pass() -> None:
    assert outcome(webp, picture()) == "good"
    animated = b"WEBP" + chunk(b"VP8X", b"\2" + bytes(9)) + chunk(b"ANIM", bytes(6)) + chunk(b"ANMF", bytes(99))
    assert outcome(webp, b"RIFF" + struct.pack("<I", len(animated)) + animated) == "good"


@pytest.mark.parametrize(
    "octets",
    [
        picture(whole=0),
        picture(whole=0xFFFFFFFF),
        picture(whole=52),
        picture()[:-2],
        picture(after=b"tail"),
        picture() + b"tail",
        picture() + chunk(b"EXIF", bytes(20)),
        b"RIFF\4\0\0\0WEBP",
        b"RIFF\x16\0\0\0WEBP" + chunk(b"ICCP", bytes(10)),
        b"RIFF\x0c\0\0\0WEBP" + chunk(b"VP8 ", b""),
    ],
)
def test_lengths_of_pictures_have_to_be_right(octets: bytes) -> None:
    assert outcome(webp, octets).startswith("cut")
