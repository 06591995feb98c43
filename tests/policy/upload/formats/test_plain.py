"""CAF, AMR and FLAC."""

import pytest

from gateway.policy.upload.formats.plain import amr, caf, flac
from tests.policy.upload import made_files as made
from tests.policy.upload.walks import outcome


@pytest.mark.parametrize("octets", [made.caf(), made.caf(size=2**64 - 1), made.caf() + b"info" + bytes(7) + b"\4abcd"])
def test_caf_passes_with_a_length_of_its_sound_and_without(octets: bytes) -> None:
    assert outcome(caf, octets) == "good"


@pytest.mark.parametrize(
    "octets",
    [
        made.caf()[:-1],
        made.caf()[:52],
        made.caf(size=2**63),
        made.caf() + b"tail",
        made.caf().replace(b"desc", b"free", 1),
        made.caf().replace(b"caff\0\1", b"caff\0\2"),
        made.caf().replace(b"data", b"\xff\xff\xff\xff", 1),
        b"caff",
    ],
)
def test_caf_that_is_malformed_does_not(octets: bytes) -> None:
    assert outcome(caf, octets).startswith("cut")


@pytest.mark.parametrize(
    "octets",
    [made.AMR, made.AMR_WIDE, b"#!AMR\n\x7c\x7c\x04" + bytes(12), b"#!AMR-WB\n\x74\x7c", b"#!AMR\n\x3c" + bytes(31)],
)
def test_amr_passes(octets: bytes) -> None:
    assert outcome(amr, octets) == "good"


@pytest.mark.parametrize(
    ("octets", "kind"),
    [
        (b"#!AMR\n", "cut"),
        (b"#!AMR\n\x3c" + bytes(30), "cut"),
        (b"#!AMR\n\x3d" + bytes(90), "wrong"),
        (b"#!AMR\n\xbc" + bytes(90), "wrong"),
        (b"#!AMR\n\x4c" + bytes(90), "wrong"),  # frames of type 9 do not exist
        (b"#!AMR\n\x3c" + bytes(31) + b"\xff", "wrong"),
        (b"#!AMR_MC1.0\n" + bytes(90), "wrong"),
        (b"#!AMR-WB_MC1.0\n" + bytes(90), "wrong"),
        (b"#!AMR", "cut"),
    ],
)
def test_what_only_begins_like_amr_does_not(octets: bytes, kind: str) -> None:
    assert outcome(amr, octets).startswith(kind)


def test_flac_passes_with_other_metadata_and_without() -> None:
    more = made.FLAC.replace(b"fLaC\x80", b"fLaC\0").replace(
        b"\xff\xf8", b"\4\0\0\7comment\x86\0\x10\0" + bytes(4096) + b"\xff\xf8"
    )
    assert outcome(flac, made.FLAC) == outcome(flac, more) == "good"


@pytest.mark.parametrize(
    "octets",
    [
        made.FLAC[:42],
        made.FLAC[:20],
        made.FLAC.replace(b"\xff\xf8", b"<h"),
        made.FLAC.replace(b"\x0a\xc4\x42\xf0", bytes(4)),
        made.FLAC.replace(b"\x80\0\0\x22", b"\x84\0\0\x22"),
        made.FLAC.replace(b"\x80\0\0\x22", b"\x80\0\0\x23"),
        made.FLAC.replace(b"fLaC\x80", b"fLaC\0"),
    ],
)
def test_flac_that_is_malformed_does_not(octets: bytes) -> None:
    assert outcome(flac, octets).startswith("cut")
