"""Text that is safe to log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.plain import LONGEST, Pseudonyms, clean, redact, rfc3339

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
