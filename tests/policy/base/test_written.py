"""Values of settings as people write them, and as the files are read again."""

from __future__ import annotations

import pytest

from gateway.core.secret import Secret
from gateway.core.units import Rate, parse_duration, parse_share, parse_size
from gateway.policy.base.written import duration, share, size, text


@pytest.mark.parametrize("seconds", [0.0, 0.025, 0.5, 1.0, 1.5, 14.0, 90.0, 900.0, 3600.0, 86400.0, 100000.0])
def test_a_duration_is_read_again_as_it_was(seconds: float) -> None:
    assert parse_duration(duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize("octets", [0, 1, 512, 1000, 1024, 1536, 65536, 10_000_000, 64 * 1024**2, 2**30])
def test_a_size_is_read_again_as_it_was(octets: int) -> None:
    assert parse_size(size(octets)) == octets


@pytest.mark.parametrize("part", [0.0, 0.005, 0.1, 0.5, 1.0])
def test_a_share_is_read_again_as_it_was(part: float) -> None:
    assert parse_share(share(part)) == pytest.approx(part)


def test_what_is_not_there_is_none() -> None:
    assert [text(None), duration(None), size(None), share(None)] == ["none"] * 4


def test_lists_and_mappings_stand_on_one_line() -> None:
    assert text(("a", 1, True, Rate(5, 60.0))) == "[a, 1, true, 5/minute]"
    assert text({"a": (1, 2), "b": None}) == "{a: [1, 2], b: none}"


def test_a_secret_is_never_shown() -> None:
    assert "hidden" not in text({"a": (Secret("hidden"),)})
