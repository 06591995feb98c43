"""Text that is safe to log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.plain import _CREDENTIAL, LONGEST, Pseudonyms, clean, redact, rfc3339
from tests.processor_time import takes_at_most

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLWhlcmU"


@given(st.text())
def test_what_is_cleaned_is_printable_and_short(text: str) -> None:
    cleaned = clean(text)
    assert cleaned.isprintable()
    assert len(cleaned) <= 10 * (LONGEST + 1)


def test_control_characters_are_written_as_escapes() -> None:
    assert clean('a\r\n{"event":"forged"}\x1b[2J\u202e') == 'a\\r\\n{"event":"forged"}\\x1b[2J\\u202e'


def test_plain_text_stays_as_it_is() -> None:
    assert clean("/api/trpc/lessons.getAll?ü") == "/api/trpc/lessons.getAll?ü"


def test_long_text_is_cut() -> None:
    assert clean("a" * 5000) == "a" * LONGEST + "…"


@pytest.mark.parametrize(
    "text",
    [
        f"refused Bearer {TOKEN}",
        f"token {TOKEN} is bad",
        "Authorization: bearer abcdefghijklmnop",
        "Basic dXNlcjpwYXNzd29yZA==",
        "x" * 250 + TOKEN,
    ],
)
def test_credentials_are_taken_out_before_the_cut(text: str) -> None:
    redacted = redact(text)
    assert "eyJhbGci" not in redacted
    assert "abcdefgh" not in redacted
    assert "dXNlcjpw" not in redacted


_PIECES = (
    "eyJ",
    "bearer ",
    "Basic\t",
    "Bearer",
    " ",
    "aaa",
    "b" * 9,
    "c" * 30,
    ".",
    "é",
    "\x80",
    "=",
    "d" * 240,
    f"x {TOKEN}",
)


@given(st.lists(st.sampled_from(_PIECES), max_size=60).map("".join), st.sampled_from((20, 100, LONGEST)))
def test_what_is_left_is_the_same_as_if_all_of_the_text_were_searched(text: str, longest: int) -> None:
    whole = _CREDENTIAL.sub("<secret>", text) if len(text) > 16 else text
    assert redact(text, longest) == clean(whole, longest)


@pytest.mark.parametrize("longest", [20, 100, LONGEST])
def test_a_token_across_the_cut_is_taken_out_wherever_the_cut_goes_through_it(longest: int) -> None:
    for scheme in ("", "Bearer ", "bearer" + " " * 30, "basic \t "):
        token = scheme + (TOKEN if scheme != "basic \t " else "dXNlcjpwYXNzd29yZA==")
        for before in range(longest + 1):
            left = redact("." * before + token + "." * 500, longest).lower()
            assert "eyj" not in left, (scheme, before)
            assert "dxn" not in left, (scheme, before)


@pytest.mark.parametrize("unit", ["a", "Bearer ", "eyJ.", "eyJaaaaa ", " ", "\x80", "\0"])
def test_a_text_that_is_cut_costs_no_more_than_what_is_left_of_it(unit: str) -> None:
    text = unit * (16384 // len(unit))
    assert takes_at_most(0.003, lambda: [redact(text) for _ in range(100)])


@pytest.mark.parametrize("text", ["per-client", "more than one value in host", "3 bytes received", "the bearer scheme"])
def test_ordinary_details_survive(text: str) -> None:
    assert redact(text) == text


def test_a_subject_has_one_name_per_key() -> None:
    one, other = Pseudonyms(b"a" * 32), Pseudonyms(b"b" * 32)
    assert one.of("ada") == one.of("ada")
    assert one.of("ada") != one.of("bob")
    assert one.of("ada") != other.of("ada")
    assert "ada" not in one.of("ada")
    assert len(one.of("ada")) == 12


def test_names_are_not_remembered_without_end() -> None:
    names = Pseudonyms(b"k" * 32, remember=3)
    first = names.of("0")
    for subject in range(1, 10):
        names.of(str(subject))
    assert len(names._known) <= 3
    assert names.of("0") == first


def test_moments_are_utc() -> None:
    assert rfc3339(0) == "1970-01-01T00:00:00Z"
