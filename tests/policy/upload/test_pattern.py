"""Patterns of texts: which are taken, and that none of them takes long whatever is sent."""

from __future__ import annotations

import re

import pytest

from gateway.policy.upload.pattern import check
from tests.processor_time import takes_at_most


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("[a-z]{2,3}(-[A-Z]{2})?", 16),
        ("true|false", 5),
        ("(?:true|false)", 5),
        (r"[0-9]+", 1000),
        (r"\d{4}-\d{2}-\d{2}", 10),
        (r"[^\]<>]{0,200}", 1000),
        (r"[]a]*\.", 100),
        ("(ab)*", 100),
        ("", 1),
        ("^[a-z]+$", 100),
        (".*", 16_384),
        ("[a-z]+@[a-z]+", 100),
    ],
)
def test_patterns_that_are_taken(pattern: str, longest: int) -> None:
    assert check(pattern, longest) == ""


@pytest.mark.parametrize(
    ("pattern", "longest"),
    [
        ("(a+)+b", 30),
        ("(a|a)*b", 30),
        ("(a*)*", 64),
        ("(?:a?){40}a{40}", 80),
        ("a*a*a*a*b", 100),
        (".*.*.*x", 200),
        ("(x+x+)+y", 40),
        (".{0,100}.{0,100}.{500}x", 1000),
        ("([a-z]+)*", 20),
    ],
)
def test_patterns_that_take_long(pattern: str, longest: int) -> None:
    assert "too many ways" in check(pattern, longest)


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        ")",
        "a)",
        "[a",
        "*",
        "a**",
        "a{2,1}",
        "a{3",
        "(?=a)",
        "(?<n>a)",
        r"(a)\1",
        r"\p",
        r"\bx",
        "(?i)a",
        "a|*",
        "\\",
    ],
)
def test_patterns_that_are_not_understood(pattern: str) -> None:
    assert "regular expression" in check(pattern, 10) or "not taken" in check(pattern, 10)


@pytest.mark.parametrize(
    ("pattern", "longest", "text"),
    [
        (".*", 16_384, "a" * 16_383 + "\n"),
        ("[a-z]*[a-z]*x", 170, "a" * 170),
        ("(?:a?){10}a{10}", 20, "a" * 19),
        ("(ab|a|b){6}c", 26, "ab" * 6),
        ("[a-z]{0,120}.{0,120}[a-z]!", 240, "a" * 240),
    ],
)
def test_the_dearest_that_are_taken(pattern: str, longest: int, text: str) -> None:
    assert check(pattern, longest) == ""
    match = re.compile(pattern, re.ASCII).fullmatch
    assert takes_at_most(0.005, lambda: match(text))
