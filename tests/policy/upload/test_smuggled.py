"""Signs of a second file."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.upload.smuggled import Archive, foreign_text
from tests.policy.upload.made_files import archive
from tests.processor_time import takes_at_most

TEXTS = [
    "<script>",
    "<SCRIPT/src=x>",
    "<html",
    "<!DOCTYPE",
    "<?php",
    "<?PHP",
    "<svg>",
    "<svg/onload=x>",
    "<iframe",
    "<body",
    "<object",
    "<embed",
    "javascript:",
    "%PDF-1.4",
    "%!PS-Adobe",
]


@pytest.mark.parametrize("text", [*TEXTS, "<svg ", "<svg\n"])
def test_text_that_other_programs_run_is_found_anywhere_in_the_window(text: str) -> None:
    for window in (text.encode(), b"ID3" + bytes(900) + text.encode(), b"\xff" * 4000 + text.encode() + bytes(40)):
        assert foreign_text(window) == text.lower()[: len(foreign_text(window))] != ""


@pytest.mark.parametrize(
    "text", [b"", b"<?xpacket begin", b"<x:xmpmeta", b"<rdf:RDF", b"<svgx", b"a < b", b"PDF-1.4", b"<p>"]
)
def test_metadata_of_pictures_and_recordings_is_not_taken_for_it(text: bytes) -> None:
    assert foreign_text(b"....." + text + b".....") == ""


def ends_in_archive(octets: bytes, *borders: int) -> bool:
    watch = Archive()
    places = [0, *sorted(borders), len(octets)]
    for start, end in pairwise(places):
        watch.feed(octets[start:end])
    return watch.end()


@pytest.mark.parametrize("before", [0, 1, 70_000])
@pytest.mark.parametrize("comment", [0, 1, 65_535])
def test_an_archive_at_the_end_is_found_with_its_comment(before: int, comment: int) -> None:
    octets = bytes(before) + archive(bytes(comment))
    assert ends_in_archive(octets)
    for border in range(len(octets) - comment - 30, len(octets) - comment + 1):
        assert ends_in_archive(octets, border)
    assert ends_in_archive(octets + bytes(65_535 - comment))
    assert not ends_in_archive(octets + bytes(65_536 - comment))  # no reader looks further


def test_an_empty_archive_and_one_of_64_bits_are_found() -> None:
    assert ends_in_archive(b"PK\5\6" + bytes(18))
    assert ends_in_archive(bytes(90) + b"PK\5\6" + bytes(8) + b"\xff" * 8 + bytes(2))


def test_four_octets_by_chance_are_no_archive() -> None:
    """The directory would lie outside of the file."""
    assert not ends_in_archive(bytes(900) + b"PK\5\6" + b"\x7f" * 18 + bytes(90))
    assert not ends_in_archive(bytes(900) + b"PK\5\6" + bytes(17))


def test_the_true_record_is_found_behind_false_ones_and_before_them() -> None:
    false = b"PK\5\6" + b"\x7f" * 18
    assert ends_in_archive(false * 20 + archive() + false * 20)
    assert ends_in_archive(archive() + false * 2000)  # more than there can be: it is not looked for any more


@given(
    st.lists(st.sampled_from([b"PK\5\6", b"P", b"K\5", b"\6", bytes(18), archive(), b"\x7f" * 18])),
    st.lists(st.integers(0, 400)),
)
def test_what_is_found_does_not_depend_on_where_pieces_end(parts: list[bytes], borders: list[int]) -> None:
    octets = b"".join(parts)
    assert ends_in_archive(octets, *(border for border in borders if border < len(octets))) == ends_in_archive(octets)


@pytest.mark.parametrize("unit", [b"PK\5\6", b"PK\5", b"P", b"K", b"\6"])
def test_looking_is_linear_whatever_the_octets(unit: bytes) -> None:
    octets = unit * (2**20 // len(unit))
    assert takes_at_most(0.004, lambda: ends_in_archive(octets))
