"""Two generations of verified tokens: bounded, and what is used stays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.auth.token_cache import TokenCache, VerifiedToken


def token(number: int, until: float = 100.0) -> VerifiedToken:
    return VerifiedToken(until, f"user-{number}", {})


def use(cache: TokenCache, number: int) -> None:
    """As a request does: a look at the newer generation, then at the older one, then verification."""
    fingerprint = b"%d" % number
    if fingerprint not in cache.newer:
        cache.add(fingerprint, cache.take(fingerprint, lambda: 0.0) or token(number))


@given(st.integers(0, 12), st.lists(st.integers(0, 20), max_size=60))
def test_it_is_bounded_and_the_latest_is_there(size: int, numbers: list[int]) -> None:
    cache = TokenCache(size)
    for number in numbers:
        use(cache, number)
        assert len(cache) == len(list(cache)) <= size
        assert size < 2 or b"%d" % number in cache.newer


def test_a_token_in_use_survives_many_others() -> None:
    cache = TokenCache(10)
    for number in range(40):
        use(cache, number)
        use(cache, 0)
    assert {"user-0", "user-39", "user-38", "user-37"} <= {known.subject for known in cache}


def test_an_invalid_token_of_the_older_generation_is_dropped() -> None:
    cache = TokenCache(10)
    cache.add(b"a", token(1, until=50.0))
    cache.age()
    assert cache.take(b"a", lambda: 50.0) is None
    assert len(cache) == 0


def test_a_token_of_the_newer_generation_is_dropped_and_verified_again() -> None:
    """``take`` is called for it when its time is over."""
    cache = TokenCache(10)
    cache.add(b"a", token(1))
    assert cache.take(b"a", lambda: 0.0) is None
    assert len(cache) == 0


def test_after_ageing_each_token_goes_through_take_once() -> None:
    cache = TokenCache(10)
    cache.add(b"a", token(1))
    cache.age()
    assert b"a" not in cache.newer
    assert cache.take(b"a", lambda: 0.0) == token(1)
    assert cache.take(b"a", lambda: 0.0) is None
