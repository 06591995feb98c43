"""Texts for patterns: candidates that fit, and no pattern that takes long or raises."""

from __future__ import annotations

import re
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.review.pattern_texts import LONGEST, texts


@pytest.mark.parametrize(
    "pattern",
    [
        "^abc$",
        r"^\d{6}$",
        "^[a-z]{2,3}(-[A-Z]{2})?$",
        r"^[^a-z]\.\x41\u0042$",
        "^(?:cat|dog)+?x*$",
        r"^(?<year>\d{4})-\s\w$",
        r"^[\d_-]+\/[]?$".replace("[]?", "[/]?"),
        r"^\p{L}+$".replace(r"\p{L}", "[a-z]"),
        r"^(?!\.)(?!.*\.\.)([a-z0-9_'+\-\.]*)[a-z0-9_+-]@([a-z0-9][a-z0-9\-]*\.)+[a-z]{2,}$",
    ],
)
def test_one_of_the_first_matches(pattern: str) -> None:
    searched = re.compile(re.sub(r"\(\?<(\w+)>", r"(?P<\1>", pattern)).search
    assert any(searched(text) for text in islice(texts(pattern), 8))


@pytest.mark.parametrize(("less", "more"), [("^a{1,2}$", "^a{1,3}$"), ("^a+$", "^a+"), ("^a{1,99}$", "^a{1,100}$")])
def test_one_shows_where_a_pattern_was_loosened(less: str, more: str) -> None:
    assert [text for text in texts(more) if re.search(more, text) and not re.search(less, text)]


@pytest.mark.parametrize("pattern", ["(", "a)", "[a", "\\", r"\xZZ", r"\u{110000}", "(" * 5000, r"\u{"])
def test_what_is_not_understood_gives_none(pattern: str) -> None:
    assert list(texts(pattern)) == []


@pytest.mark.parametrize("pattern", ["((a{1,1000}){1,1000}){1,1000}", "(.*)*" * 30, "a{99999999999}", "[a-z]" * 9000])
def test_no_text_is_longer_than_the_bound(pattern: str) -> None:
    assert all(len(text) <= LONGEST for text in texts(pattern, (10**9,)))


@given(st.text(alphabet="ab()[]{}|*+?\\^$.-,0159xu:=!<>d", max_size=40))
def test_no_pattern_raises(pattern: str) -> None:
    assert len(list(texts(pattern))) < 50


@pytest.mark.parametrize("pattern", ["^[a-z]+@([a-z0-9]+\\.)+[a-z]{2,}$", "^a*b{3}(c|d){2,}$", "^(?:ab)+$"])
def test_one_has_the_length_that_is_asked_for(pattern: str) -> None:
    assert [text for text in texts(pattern, (200,)) if len(text) == 200 and re.search(pattern, text)]
