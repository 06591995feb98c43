"""What an upload costs: a large one in speed and memory, a hostile one in processor time whatever it holds."""

from __future__ import annotations

import tracemalloc
from random import Random

import pytest

from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.refused import UploadRefused
from gateway.policy.upload.settings import Settings
from tests.policy.upload.forms import BOUNDARY, cut, file, form, text
from tests.policy.upload.made_files import box, mp4, ogg, page, wav, webm
from tests.policy.upload.malformed_forms import NAMED, malformed
from tests.processor_time import takes_at_most

PARTS = {
    "audio": {"types": ["audio/webm", "audio/wav", "audio/mp4", "audio/mpeg", "audio/ogg"], "max": "11MB"},
    "language": {"max": 16, "pattern": "[a-z]{2,3}(-[A-Z]{2})?"},
    "note": {"max": "64KiB", "pattern": "[^<>]*"},
}
RULES = {name: PartRule(name, part) for name, part in Settings.model_validate({"parts": PARTS}).parts.items()}
PIECE = 64 * 1024  # what is read of a body at a time

MANY = 10_000_000
HOSTILE = 64 * 1024
RANDOM = Random(1).randbytes(MANY)


def judge(pieces: list[bytes], boundary: bytes = BOUNDARY) -> None:
    one = FormJudge(RULES, boundary)
    try:
        for piece in pieces:
            one.feed(piece)
        one.end()
    except UploadRefused:
        pass


@pytest.mark.parametrize(
    "body",
    [
        form(file(webm() + RANDOM)),
        form(file(wav(RANDOM), b"audio/wav")),
        form(file(webm() + b"\r\n--" * (MANY // 4))),
        form(file(webm() + (b"\r\n--" + BOUNDARY[:-1]) * (MANY // 40))),
        form(file(webm() + BOUNDARY[:-1] * (MANY // 36))),
    ],
    ids=["webm", "wav", "line ends and hyphens", "nearly boundaries", "nearly their text"],
)
def test_ten_megabytes_are_inspected_at_300_a_second(body: bytes) -> None:
    pieces = list(cut(body, PIECE))
    assert takes_at_most(len(body) / 300e6, lambda: judge(pieces))


def test_what_is_held_is_flat_and_small() -> None:
    peaks = []
    for size in (1_000_000, MANY):
        pieces = list(cut(form(file(webm() + RANDOM[:size]), text(b"en")), PIECE))
        tracemalloc.start()
        judge(pieces)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 1024 * 1024
    assert peaks[1] < peaks[0] * 1.1


def test_looking_for_the_boundary_of_a_browser_takes_no_time_to_prepare() -> None:
    boundaries = [b"----WebKitFormBoundary%016x" % number for number in range(100)]
    assert takes_at_most(0.001, lambda: [FormJudge(RULES, boundary) for boundary in boundaries])


PERIODIC = tuple(b"a" * at + b"b" + b"a" * (69 - at) for at in (0, 1, 35, 60, 69))
DEAR = {
    "line ends": (form(file(webm() + b"\r\n" * (HOSTILE // 2))), BOUNDARY),
    "carriage returns": (form(file(webm() + b"\r" * HOSTILE)), BOUNDARY),
    "headers": (b"--" + BOUNDARY + b"\r\n" + b"a: b\r\n" * (HOSTILE // 6), BOUNDARY),
    "a header without an end": (b"--" + BOUNDARY + b"\r\n" + NAMED + b"; " + b'"' * HOSTILE, BOUNDARY),
    "boxes": (form(file(mp4() + b"\0\0\0\x08free" * (HOSTILE // 8), b"audio/mp4")), BOUNDARY),
    "fragments": (form(file(mp4() + box(b"mdat", bytes(4)) * (HOSTILE // 12), b"audio/mp4")), BOUNDARY),
    "fragments and boxes": (form(file(mp4() + (box(b"mdat", bytes(4)) * 12 + box(b"free")) * 400, b"audio/mp4")), BOUNDARY),
    "pages": (form(file(ogg() + page(b"") * (HOSTILE // 28), b"audio/ogg")), BOUNDARY),
    "parts": (form(*[text(b"en")] * (HOSTILE // 90)), BOUNDARY),
    "a text": (form(text(b"a" * 40_000 + b"<", b"note")), BOUNDARY),
    "a preamble": (b"\r\n" * (HOSTILE // 2), BOUNDARY),
    "the boundary of a browser without its end": (form(file(webm() + BOUNDARY[:-1] * (HOSTILE // 36))), BOUNDARY),
    "its hyphens": (form(file(webm() + b"-" * HOSTILE)), BOUNDARY),
    **{f"a boundary of one letter, but the {at}th": (form(file(webm() + b"a" * HOSTILE), boundary=one), one) for at, one in enumerate(PERIODIC)},
}  # fmt: skip


@pytest.mark.parametrize("size", [1024, 16 * 1024, PIECE])
@pytest.mark.parametrize("name", DEAR)
def test_a_hostile_one_takes_three_milliseconds_at_most(name: str, size: int) -> None:
    body, boundary = DEAR[name]
    pieces = list(cut(body, size))
    assert takes_at_most(0.003, lambda: judge(pieces, boundary))


def test_what_is_malformed_costs_little() -> None:
    cases = [list(cut(body, 1024)) for body in malformed().values()]
    assert takes_at_most(0.0005 * len(cases), lambda: [judge(pieces) for pieces in cases])
