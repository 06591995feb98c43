"""Durations, sizes and rates: what is written is what is meant, and anything else is refused with a sentence."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.units import (
    DURATION_PATTERN,
    RATE_PATTERN,
    SHARE_PATTERN,
    SIZE_PATTERN,
    Rate,
    parse_duration,
    parse_rate,
    parse_share,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("10s", 10.0), ("15m", 900.0), ("1h", 3600.0), ("1d", 86400.0), ("1.5s", 1.5), ("0s", 0.0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "-1s", "1 s", "1S", "1m30s", "1w", ".5s", "1.s", "\u0661s", "1s\n", "1e3s"]
)
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "octets"),
    [("512", 512), ("1B", 1), ("16KiB", 16384), ("10MB", 10_000_000), ("1MiB", 1048576), ("2GB", 2 * 10**9), ("0", 0)],
)
def test_sizes(text: str, octets: int) -> None:
    assert parse_size(text) == octets


@pytest.mark.parametrize("text", ["", "KB", "1kb", "1 KB", "-1", "1.5MB", "1TB", "1KiB\n", "\u06621"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("5/minute", Rate(5, 60.0)),
        ("1/second", Rate(1, 1.0)),
        ("300/hour", Rate(300, 3600.0)),
        ("2/day", Rate(2, 86400.0)),
        ("100/15m", Rate(100, 900.0)),
    ],
)
def test_rates(text: str, rate: Rate) -> None:
    assert parse_rate(text) == rate


@pytest.mark.parametrize(
    "text", ["", "5", "/minute", "0/minute", "5/minutes", "5/0s", "-5/minute", "5 / minute", "5/m"]
)
def test_no_rates(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        parse_rate(text)


@pytest.mark.parametrize(("text", "spelled"), [("5/minute", "5/minute"), ("5/60s", "5/minute"), ("5/15m", "5/900s")])
def test_a_rate_prints_as_it_is_written(text: str, spelled: str) -> None:
    assert str(parse_rate(text)) == spelled


@given(st.integers(1, 10**9 - 1), st.one_of(st.integers(1, 999).map(lambda ms: ms / 1000), st.integers(1, 10**8)))
def test_a_printed_rate_is_read_again(limit: int, period: float) -> None:
    rate = Rate(limit, float(period))
    again = parse_rate(str(rate))
    assert again.limit == rate.limit
    assert again.period == pytest.approx(rate.period)


@given(st.one_of(st.text(max_size=8), st.from_regex(r"[0-9]{1,4}(\.[0-9])?[a-zA-Z/]{0,4}", fullmatch=True)))
def test_the_patterns_for_editors_agree_with_the_parsers(text: str) -> None:
    for pattern, parse in ((DURATION_PATTERN, parse_duration), (SIZE_PATTERN, parse_size)):
        matched = re.fullmatch(pattern, text) is not None
        try:
            parse(text)
        except ValueError:
            assert not matched
        else:
            assert matched


@given(st.text(max_size=12))
def test_every_rate_that_is_read_fits_the_pattern(text: str) -> None:
    try:
        parse_rate(text)
    except ValueError:
        return
    assert re.fullmatch(RATE_PATTERN, text)


@given(st.integers(0, 10**6))
def test_units_are_multiples_of_each_other(number: int) -> None:
    assert parse_duration(f"{number}m") == 60 * parse_duration(f"{number}s")
    assert parse_size(f"{number}MiB") == 1024 * parse_size(f"{number}KiB")


@pytest.mark.parametrize(("text", "share"), [("20%", 0.2), ("0%", 0.0), ("100%", 1.0), ("0.25%", 0.0025)])
def test_shares(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)
    assert re.search(SHARE_PATTERN, text)


@pytest.mark.parametrize("text", ["", "20", "%", "-1%", "101%", "100.01%", "20 %", ".5%", "\u0661%", "20%\n"])
def test_no_shares(text: str) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        parse_share(text)
