"""Which types name which families, and how a family is recognised."""

from pathlib import Path

import pytest

from gateway.policy.upload.signatures import (
    ANY,
    FAMILIES,
    KNOWN_TYPES,
    LONGEST_START,
    SIGNATURES,
    signature_of,
    title_of,
)
from tests.policy.upload.made_files import GOOD

SENT = """
audio/webm video/webm audio/ogg application/ogg audio/opus audio/mp4 audio/m4a audio/x-m4a audio/mp4a-latm video/mp4
audio/aac audio/aacp audio/x-aac audio/mpeg audio/mp3 audio/x-mpeg audio/wav audio/x-wav audio/wave audio/vnd.wave
audio/3gpp audio/3gpp2 video/3gpp video/3gpp2 video/quicktime audio/x-caf audio/amr audio/amr-wb audio/flac
image/png image/jpeg image/jpg image/pjpeg image/gif image/webp
"""


def test_what_phones_and_browsers_send_has_a_family() -> None:
    assert set(SENT.split()) <= KNOWN_TYPES
    assert all(name == name.lower() and name.count("/") == 1 for name in KNOWN_TYPES)


def test_the_type_that_says_nothing_has_none() -> None:
    assert ANY not in KNOWN_TYPES and "text/plain" not in KNOWN_TYPES and "image/svg+xml" not in KNOWN_TYPES


def test_each_family_has_one_signature_and_a_type() -> None:
    named = [family for signature in SIGNATURES for family in signature.families]
    assert sorted(named) == sorted(set(named)) == sorted(GOOD) == sorted(frozenset().union(*FAMILIES.values()))


@pytest.mark.parametrize("family", GOOD)
def test_a_family_is_recognised_by_its_first_octets(family: str) -> None:
    signature = signature_of(GOOD[family][:LONGEST_START])
    assert signature is not None and family in signature.families
    assert [other for other in SIGNATURES if other.fits(GOOD[family][:LONGEST_START])] == [signature]


@pytest.mark.parametrize(
    ("start", "title"),
    [
        (b"<!DOCTYPE html>", "a web page"),
        (b"\n <ScRiPt>", "a web page"),
        (b"<?xml version=", "an SVG or XML document"),
        (b"\xef\xbb\xbf<svg xmlns", "an SVG or XML document"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\3\4", "a ZIP archive or an Office document"),
        (b"MZ\x90", "a program"),
        (b"\x7fELF", "a program"),
        (b"#!/bin/sh", "a program"),
        (b"RIFF\0\0\0\0AVI LIST", ""),
        (b"nonsense", ""),
        (b"", ""),
    ],
)
def test_what_others_are_is_said(start: bytes, title: str) -> None:
    assert signature_of(start[:LONGEST_START]) is None
    assert title_of(start[:LONGEST_START]) == title


def test_an_editor_finds_every_type_on_the_page_of_uploads() -> None:
    page = Path(__file__).parents[3] / "docs/policies/uploads.md"
    assert [name for name in sorted(KNOWN_TYPES) if f"`{name}`" not in page.read_text()] == []
