"""Texts with ``*`` in them, and members of JSON."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.review.policy_tests.matching import Mismatch, fits, mismatches


@pytest.mark.parametrize(
    ("pattern", "text", "does"),
    [
        ("60", "60", True),
        ("60", "600", False),
        ("*", "", True),
        ("*", "anything", True),
        ("", "", True),
        ("", "x", False),
        ("Bearer *", "Bearer x", True),
        ("Bearer *", "Bearer", False),
        ("*app", "https://app", True),
        ("max-age=*; *", "max-age=5; includeSubDomains", True),
        ("a*a", "a", False),
        ("a*b*a", "aba", True),
        ("a*b*a", "aab", False),
        ("**", "", True),
        (r"\*", "*", True),
        (r"\*", "x", False),
        (r"a\**", "a*b", True),
        ("[a]?.", "[a]?.", True),
    ],
)
def test_a_star_is_any_text(pattern: str, text: str, does: bool) -> None:
    assert fits(pattern, text) is does


@given(st.lists(st.text(alphabet="ab", max_size=3), min_size=1, max_size=4), st.data())
def test_a_text_made_of_the_pieces_fits(pieces: list[str], data: st.DataObject) -> None:
    between = [data.draw(st.text(alphabet="abc", max_size=3)) for _ in pieces[1:]]
    text = pieces[0] + "".join(b + p for b, p in zip(between, pieces[1:], strict=True))
    assert fits("*".join(pieces), text)


def test_the_work_is_linear() -> None:
    pattern, text = "a*" * 500 + "b", "a" * 200_000
    begun = time.thread_time()
    assert not fits(pattern, text)
    assert time.thread_time() - begun < 0.1


@pytest.mark.parametrize(
    ("expected", "got", "wrong"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, []),
        ({"a": {"b": [1, "x"]}}, {"a": {"b": [1, "x"]}}, []),
        ({"a": "*"}, {"a": {"anything": True}}, []),
        ({"a": "Try * seconds"}, {"a": "Try 60 seconds"}, []),
        ({"a": None}, {"a": None}, []),
        ([], [], []),
        ({"a": 1}, {}, [("a", "1", "nothing")]),
        ({"a": None}, {}, [("a", "null", "nothing")]),
        ({"a": 1}, {"a": True}, [("a", "1", "true")]),
        ({"a": True}, {"a": 1}, [("a", "true", "1")]),
        ({"a": "1"}, {"a": 1}, [("a", '"1"', "1")]),
        ({"a": {"b": [{"c": 1}]}}, {"a": {"b": [{"c": 2}]}}, [("a.b[0].c", "1", "2")]),
        ([1], [1, 2], [("", "[1]", "[1, 2]")]),
        ({"a": [1]}, {"a": "1"}, [("a", "[1]", '"1"')]),
        ({"a": {}}, {"a": []}, [("a", "{}", "[]")]),
        ({"a": 1, "b": 2}, {"a": 2, "b": 1}, [("a", "1", "2"), ("b", "2", "1")]),
    ],
)
def test_members_are_compared(expected: object, got: object, wrong: list[tuple[str, str, str]]) -> None:
    assert list(mismatches(expected, got)) == [Mismatch(*one) for one in wrong]
