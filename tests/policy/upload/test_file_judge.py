"""Whether a file is what its type says: good files pass, hostile ones do not, however they are cut into pieces."""

from __future__ import annotations

import tracemalloc
from itertools import accumulate, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.upload.file_judge import FileJudge
from gateway.policy.upload.signatures import FAMILIES, KNOWN_TYPES
from tests.policy.upload.hostile_files import HOSTILE
from tests.policy.upload.made_files import GOOD, MP3_FRAME, box, brands, id3, moov, ogg, page, wav, webm
from tests.processor_time import takes_at_most

Verdict = tuple[str | None, str, str]


def judged(declared: str, pieces: list[bytes], allowed: frozenset[str] = KNOWN_TYPES) -> Verdict:
    """The sentence, the reason and the words for the log; after the first sentence nothing more is fed."""
    content = FileJudge(declared, allowed)
    for piece in pieces:
        if content.feed(piece) is not None:
            break
    sentence = content.end()
    assert content.end() == sentence and content.settled is (sentence is None)
    return sentence, content.slug, content.detail


@pytest.mark.parametrize("family", GOOD)
def test_a_file_passes_as_each_type_of_its_family_and_as_no_other(family: str) -> None:
    for declared in sorted(KNOWN_TYPES):
        sentence, slug, _ = judged(declared, [GOOD[family]])
        if family in FAMILIES[declared]:
            assert sentence is None, declared
        else:
            assert sentence and slug == "upload_type_refused", declared


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence_and_more_for_the_log(name: str) -> None:
    declared, octets, reason = HOSTILE[name]
    sentence, slug, detail = judged(declared, [octets])
    assert slug == reason, detail
    assert sentence and sentence.startswith("This ") and sentence.endswith(".") and sentence.isascii()
    assert detail and detail.isascii() and detail.isprintable() and len(detail) < 200


HONEST = {"Matroska as webm", "mp3 as aac", "aac as mp3", "jpeg as png"}
HONEST |= {"a type that is not on the list", "no type", "a type that says nothing"}
"""Good files of which only the type is wrong."""


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - HONEST))
def test_a_hostile_file_passes_under_no_type_that_a_policy_for_others_would_take(name: str) -> None:
    """A liar may choose the type: what is no recording at all passes as none."""
    octets = HOSTILE[name][1]
    kind = HOSTILE[name][0].partition("/")[0]
    for declared in sorted(KNOWN_TYPES):
        if declared.startswith(kind):
            assert judged(declared, [octets])[0] is not None, declared


def cut(octets: bytes, at: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % (len(octets) + 1) for place in at), len(octets)]
    return [octets[start:end] for start, end in pairwise(borders)]


def a_type_of(family: str) -> str:
    """The type that names the fewest families besides."""
    fitting = (name for name in KNOWN_TYPES if family in FAMILIES[name])
    return min(fitting, key=lambda name: (len(FAMILIES[name]), name))


FILES = {family: (a_type_of(family), octets) for family, octets in GOOD.items()}
FILES |= {name: (declared, octets) for name, (declared, octets, _) in HOSTILE.items()}


@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.integers(0, 2**20), max_size=40),
    st.binary(max_size=8),
    st.integers(0, 2**20),
)
@settings(max_examples=250, deadline=None)
def test_the_verdict_does_not_depend_on_where_pieces_end(name: str, places: list[int], other: bytes, at: int) -> None:
    """Good files, hostile ones, and both with some octets changed."""
    declared, octets = FILES[name]
    at %= len(octets) + 1
    octets = octets[:at] + other + octets[at + len(other) :]
    whole = judged(declared, [octets])
    assert judged(declared, cut(octets, places)) == whole
    if len(octets) < 10_000:
        assert judged(declared, [octets[at : at + 1] for at in range(len(octets))]) == whole


def moments(declared: str, pieces: list[bytes]) -> tuple[int, int]:
    """The octet at which a file has settled, and the one at which it is refused; -1 for never."""
    content = FileJudge(declared, KNOWN_TYPES)
    settled, at = -1, 0
    for piece in pieces:
        at += len(piece)
        if content.feed(piece) is not None:
            return settled, at
        if content.settled and settled < 0:
            settled = at
    return settled, -1


@given(st.sampled_from(sorted(FILES)), st.lists(st.integers(0, 2**20), max_size=20), st.integers(0, 5000))
@settings(max_examples=80, deadline=None)
def test_neither_does_the_moment(name: str, places: list[int], more: int) -> None:
    """The piece with the octet that decides is the one that settles the file, or that is refused."""
    declared, octets = FILES[name]
    octets = (octets + bytes(more))[:5000]
    pieces = cut(octets, places)
    ends = [*accumulate(map(len, pieces))]
    settled, refused = (
        -1 if one < 0 else next(end for end in ends if end >= one)
        for one in moments(declared, [octets[at : at + 1] for at in range(len(octets))])
    )
    assert moments(declared, pieces) == (-1 if settled == refused else settled, refused)


@given(st.sampled_from(sorted(KNOWN_TYPES)), st.sampled_from(sorted(GOOD)), st.binary(max_size=300))
@settings(max_examples=250, deadline=None)
def test_whatever_comes_the_end_is_a_verdict(declared: str, family: str, rest: bytes) -> None:
    """Octets of no sense, after the start of a good file of another length each time: nothing but a sentence comes of it."""
    judged(declared, [GOOD[family][: len(rest)], rest])
    judged(declared, [rest])


UNENDING = {"webm": 84, "matroska": 88, "ogg": 103, "mp3": 527, "adts": 207, "amr": 38, "flac": 44}
"""Octets of the shortest part of a good file that passes. MP3, AAC, AMR, FLAC and a live WebM say nowhere how long they are,
and an Ogg file may end after each page."""


@pytest.mark.parametrize("family", GOOD)
def test_a_file_that_is_cut_does_not_pass_where_it_says_how_long_it_is(family: str) -> None:
    octets = GOOD[family]
    lengths = (length for length in range(len(octets)) if judged(a_type_of(family), [octets[:length]])[0] is None)
    assert next(lengths, None) == UNENDING.get(family)


@pytest.mark.parametrize("declared", ["audio/webm;codecs=opus", 'Audio/WebM ; codecs="mp4a.40.2"', "audio/webm;"])
def test_parameters_and_case_of_the_type_do_not_count(declared: str) -> None:
    """Recorders that label MP4 as WebM have the codec wrong too: the container decides, and it is looked at."""
    assert judged(declared, [webm()])[0] is None
    assert judged(declared, [GOOD["mp4"]])[1] == "upload_type_refused"


def test_only_types_of_the_list_pass() -> None:
    assert judged("audio/webm", [webm()], frozenset(["audio/mp4"])) == (
        "This type of file is not accepted here.",
        "upload_type_refused",
        "a media type that is not on the list",
    )


def test_a_type_that_says_nothing_passes_where_it_is_on_the_list_with_what_the_others_would_take() -> None:
    allowed = frozenset(["application/octet-stream", "audio/webm", "audio/wav"])
    for family in ("webm", "wav"):
        assert judged("application/octet-stream", [GOOD[family]], allowed)[0] is None
    for octets in (GOOD["mp4"], GOOD["png"], webm(tracks=(1, 2))):
        assert judged("application/octet-stream", [octets], allowed)[1] == "upload_type_refused"
    assert judged("application/octet-stream", [webm()], frozenset(["application/octet-stream"]))[0] is not None


@pytest.mark.parametrize(
    ("declared", "octets", "sentence"),
    [
        ("audio/webm", b"<html>" * 9, "This file is a web page, not an audio recording."),
        ("audio/webm", GOOD["mp4"], "This file is an MP4 file, not an audio recording of the type it was sent as."),
        ("audio/webm", GOOD["png"], "This file is a PNG picture, not an audio recording of the type it was sent as."),
        ("audio/webm", b"nonsense" * 9, "This file is not an audio recording."),
        ("image/png", b"PK\3\4" * 9, "This file is a ZIP archive or an Office document, not a picture."),
        ("video/mp4", wav(), "This file is a WAV recording, not a video recording of the type it was sent as."),
        ("audio/webm", webm(b"matroska"), "This file is not an audio recording of the type it was sent as."),
        ("audio/wav", wav()[:99], "This file is cut off or damaged. Please send it again."),
        ("audio/wav", b"", "This file is empty."),
        ("image/gif", GOOD["gif"][:-1] + b"<script>;", "This file holds more than a picture."),
    ],
)
def test_the_sentence_says_what_the_file_is(declared: str, octets: bytes, sentence: str) -> None:
    assert judged(declared, [octets])[0] == sentence


def test_a_file_settles_when_its_first_4_kib_are_good_and_not_before() -> None:
    content = FileJudge("audio/webm", KNOWN_TYPES)
    octets = webm() + bytes(9000)
    for at in range(4095):
        assert content.feed(octets[at : at + 1]) is None and not content.settled
    assert content.feed(octets[4095:4096]) is None and content.settled
    late = FileJudge("audio/mpeg", KNOWN_TYPES)
    assert late.feed(id3(bytes(200_000))) is None and not late.settled  # the picture of an album
    assert late.feed(MP3_FRAME * 2) is None and late.settled


def test_what_is_wrong_is_known_at_once() -> None:
    content = FileJudge("audio/webm", KNOWN_TYPES)
    assert content.feed(b"<!DOCTYPE h") is None
    assert content.feed(b"t") == content.feed(b"ml>") == "This file is a web page, not an audio recording."
    assert FileJudge("audio/mpeg", KNOWN_TYPES).feed(id3(bytes(2), size=2**20)) is not None
    assert FileJudge("audio/webm", KNOWN_TYPES).feed(b"\x1a\x45\xdf\xa3\x16\0\0\0" + bytes(4)) is not None


MEGABYTES = 10 * 2**20


LONG = {
    "audio/webm": webm() + bytes(MEGABYTES),
    "audio/wav": wav(bytes(range(256)) * (MEGABYTES // 256)),
    "audio/mp4": brands() + box(b"mdat", bytes(MEGABYTES)) + moov(b"soun"),
    "audio/ogg": ogg() + page(bytes(range(1, 251)) * 24) * (MEGABYTES // 6060),
    "audio/mpeg": MP3_FRAME * (MEGABYTES // len(MP3_FRAME)),
    "image/jpeg": GOOD["jpeg"][:-2] + b"PK\5\6\xff" * (MEGABYTES // 5) + b"\xff\xd9",
}


@pytest.mark.parametrize("declared", [name for name in LONG if name != "image/jpeg"])
def test_ten_megabytes_are_judged_at_1_gb_a_second_and_held_in_little_memory(declared: str) -> None:
    pieces = [LONG[declared][at : at + 65536] for at in range(0, len(LONG[declared]), 65536)]
    assert judged(declared, pieces)[0] is None
    assert takes_at_most(0.010, lambda: judged(declared, pieces))
    tracemalloc.start()
    try:
        judged(declared, pieces)
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()
