"""Which texts are one for a database that compares without case and accents."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.collation import collated


@pytest.mark.parametrize(
    "spelling",
    [
        "v\u00ecctim@example.com",
        "vi\u0338ctim@example.com",  # through the letter
        "vi\u20ddctim@example.com",  # around it
        "vi\u064ectim@example.com",  # a vowel of Arabic
        "vi\u05b0ctim@example.com",  # of Hebrew
        "vi\u093cctim@example.com",  # a dot of Devanagari
        "vi\u0902ctim@example.com",
        "vi\u3099ctim@example.com",
        "vic\u0640tim@example.com",
        "vic\ufff9tim@example.com",
        "vic\ufe76tim@example.com",  # whose compatibility form begins with a blank
        "v\u0365ctim@example.com",  # an i above
        "v\u0268ct\u0268m@example.com",  # an i with a stroke
        "\U0001f185ictim@example.com",
        "vict\U0001f178m@\U0001f154xample.com",
        "vi\U0001ce00ctim@example.com",  # not assigned before Unicode 16
    ],
)
def test_spellings_of_one_text(spelling: str) -> None:
    assert collated(spelling) == "victim@example.com"


def test_letters_of_more_than_one_letter_and_digits() -> None:
    assert collated("gu\u00f0r\u00fan") == "gudrun"
    assert collated("stra\u00dfe") == "strasse"
    assert collated("\ua733\U0001f18e") == "aaab"
    assert collated("a\u0661\u0967\U0001d7cf\u3021\u0f2a") == "a11111"
    assert collated("l\u00b7l") == collated("\u0140l") == "ll"


def test_words_of_other_scripts_stay_apart() -> None:
    assert collated("ਕਿ") != collated("ਕੁ") != collated("ਕ")
    assert collated("कमल") != collated("कोमल")
    assert collated("กิน") != collated("กน")
    assert collated("日本") != collated("日木")
    assert collated("ада") != collated("ada")


@given(st.text(max_size=8))
def test_folding_twice_is_folding_once(text: str) -> None:
    assert collated(collated(text)) == collated(text)


@pytest.mark.parametrize(
    "character", ["\u0338", "\u0315\u0300", "\u00e9", "\U0001f170", "\u00f0", "\u0915\u093c", "\ufffe"]
)
def test_the_longest_name_of_an_account_takes_less_than_three_milliseconds(character: str) -> None:
    text = (character * 320)[:320]
    spans = []
    for _ in range(5):
        collated.cache_clear()
        before = time.thread_time()
        collated(text)
        spans.append(time.thread_time() - before)
    assert min(spans) < 0.003
