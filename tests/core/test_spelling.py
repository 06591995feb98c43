"""Which texts are one for a reader who overlooks case, accents, or what is not seen."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.spelling import all_folded, folded
from tests.processor_time import takes_at_most


@pytest.mark.parametrize(
    "spelling",
    [
        "VICTIM@example.com",
        " victim@example.com\t",
        "\ufeffvictim@example.com\u3000",
        "\uff56ictim@example.com",  # full width
        "v\u0131ctim@example.com",  # dotless, upper case I
        "v\u0130ctim@example.com",  # dotted, lower case i and a dot
        "v\u00ecctim@example.com",  # MySQL compares without accents unless told otherwise
        "vi\u0300ctim@example.com",
        "vic\u200btim@example.com",
        "vic\u00adtim@example.com",
        "victim@example.com\0",
        "\u2060victim\ufe0f@example.com",
        "\U000e0076victim@example.com",
    ],
)
def test_spellings_of_one_text(spelling: str) -> None:
    assert folded(spelling) == "victim@example.com"


def test_letters_that_lower_case_does_not_unite() -> None:
    assert folded("\u212a\u017f") == folded("KS") == "ks"  # the Kelvin sign and the long s
    assert folded("STRASSE") == folded("straße")
    assert folded("Søren") == folded("SOREN")
    assert folded("ﬁ") == "fi"


def test_words_of_other_scripts_stay_apart() -> None:
    assert folded("ਕਿ") != folded("ਕੁ") != folded("ਕ")
    assert folded("日本") != folded("日木")
    assert folded("ада") != folded("ada")


@given(st.text(max_size=8))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(max_size=8))
def test_no_change_of_case_or_form_gets_around_it(text: str) -> None:
    for other in (text.upper(), text.lower(), text.title(), text.casefold(), text.swapcase(), f" {text}\0"):
        assert folded(other) == folded(text)
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert folded(unicodedata.normalize(form, text)) == folded(text)  # type: ignore[arg-type]  # the four there are


def test_every_accent_is_in_one_of_the_blocks() -> None:
    marks = [mark for mark in map(chr, range(sys.maxunicode + 1)) if unicodedata.combining(mark) >= 200]
    marks.remove("\u0345")  # the iota below, whose upper case is a letter
    assert [hex(ord(mark)) for mark in marks if folded(f"a{mark}") != "a"] == []


@given(st.lists(st.text("aA \0éß", max_size=4), max_size=4))
def test_all_of_several_are_folded_as_each_of_them(texts: list[str]) -> None:
    assert all_folded(texts) == [folded(text) for text in texts]


def test_a_text_that_grows_too_much_has_no_spelling() -> None:
    """U+FDFA is one character, and 18 in compatibility forms."""
    assert folded("\ufdfa" * 8)
    with pytest.raises(ValueError, match="grows too much"):
        folded("\ufdfa" * 320)


@pytest.mark.parametrize("piece", ["\u0315\u0300", "\ufb03", "\uac00", "\u0390", "İ", "a", "\u200b", " "])
def test_the_longest_name_of_an_account_folds_in_two_milliseconds(piece: str) -> None:
    text = (piece * 320)[:320]
    assert takes_at_most(0.002, lambda: folded(text), 5)
