"""Ogg."""

import pytest

from gateway.policy.upload.formats.ogg import walk
from tests.policy.upload.made_files import ogg, page
from tests.policy.upload.walks import outcome


@pytest.mark.parametrize("codec", [b"OpusHead", b"\x01vorbis", b"Speex   1.2", b"\x7fFLAC\1\0"])
def test_codecs_of_sound_pass(codec: bytes) -> None:
    assert outcome(walk, ogg(codec)) == "good"


@pytest.mark.parametrize("codec", [b"\x80theora", b"fishead\0", b"BBCD\0", b"OVP80", b"\x01video\0\0\0", b"", b"Opus"])
def test_others_do_not(codec: bytes) -> None:
    assert outcome(walk, ogg(codec)).startswith("wrong: Ogg with a stream that begins")


def test_a_stream_may_follow_on_another_and_each_is_looked_at() -> None:
    assert outcome(walk, ogg() + ogg(b"\x01vorbis")) == "good"
    assert outcome(walk, ogg() + ogg(b"\x80theora")).startswith("wrong")
    assert outcome(walk, ogg(b"OpusHead", b"\x80theora")).startswith("wrong")


@pytest.mark.parametrize(
    "octets",
    [ogg()[:-1], ogg() + b"O", ogg() + b"OggS\1" + bytes(22), page(b"OpusHead", first=True), ogg()[:20], ogg()[:27]],
)
def test_pages_are_whole_and_nothing_stands_between_them(octets: bytes) -> None:
    assert outcome(walk, octets).startswith("cut")


def test_pages_of_a_frame_of_silence_each_pass() -> None:
    silence = page(b"\xf8\xff\xfe") * 600
    assert outcome(walk, ogg() + silence) == "good"
    assert outcome(walk, ogg() + silence + ogg() + silence) == "good"
    assert outcome(walk, ogg() + silence + b"O" + silence) == "cut: octets between the pages"
    assert outcome(walk, ogg() + silence + page(b"\x80theora", first=True) + silence).startswith("wrong")
    assert outcome(walk, ogg() + silence[:-1]).startswith("cut: ends")


def test_streams_without_sound_between_such_pages_do_not() -> None:
    assert outcome(walk, ogg() + (page(b"OpusHead", first=True) + page(b"")) * 200).startswith("cut: made of")
