"""Limits that are compared, and what the rule that serves does: what passes now and did not before was called looser."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.policy.base.bucket import key_part
from gateway.policy.base.order import Effect, SettingChange, compared
from gateway.policy.rate_limit.rate_limit import Settings
from gateway.state.rules.gcra import SECOND, Take, decide_one

_KEYS = ("address", "network", "principal", "route", "header:x-device")
_LIMITS = st.builds(
    lambda limit, period, burst, key: Settings.model_validate(
        {"limit": f"{limit}/{period}s", "burst": burst, "key": key}
    ),
    st.integers(1, 4),
    st.integers(1, 3),
    st.one_of(st.none(), st.integers(1, 4)),
    st.lists(st.sampled_from(_KEYS), min_size=1, max_size=3, unique=True),
)
# Seconds since the last one, and who sends it to where: few of each, so that buckets are shared.
_REQUESTS = st.lists(
    st.tuples(
        st.sampled_from((0.0, 0.25, 1.0)),
        st.sampled_from(("192.0.2.1", "192.0.2.2", "198.51.100.1")),
        st.sampled_from(("", "ann", "bob")),
        st.sampled_from(("one", "two")),
        st.sampled_from((b"a", b"b")),
    ),
    max_size=8,
)
Request = tuple[float, str, str, str, bytes]


def passes(limit: Settings, requests: list[Request]) -> bool:
    """Whether ``limit`` lets all of ``requests`` pass."""
    parts = [key_part(word) for word in limit.key]
    tats: dict[bytes, float] = {}
    now = 1_000_000.0 * SECOND
    for wait, address, principal, route, device in requests:
        now += wait * SECOND
        exchange = Exchange("GET", "/", {b"x-device": device}, address, 0.0)
        exchange.client, exchange.principal = address, principal
        bucket = b"".join(part(exchange, route, None) for part in parts)
        take = Take(bucket, 1, limit.limit.limit, limit.limit.period, limit.at_once)
        taken, tat = decide_one(take, tats.get(bucket, float("-inf")), now)
        if not taken.ok:
            return False
        tats[bucket] = now if tat is None else tat
    return True


def effects(found: list[SettingChange]) -> list[tuple[tuple[str, ...], Effect]]:
    return [(change.path, change.effect) for change in found]


@settings(max_examples=300)
@given(_LIMITS, _LIMITS, _REQUESTS)
def test_what_passes_now_and_did_not_before_was_called_looser(
    old: Settings, new: Settings, requests: list[Request]
) -> None:
    if passes(new, requests) and not passes(old, requests):
        assert Effect.LOOSENS in [change.effect for change in compared(old, new)]


_OPPOSITE = {Effect.LOOSENS: Effect.TIGHTENS, Effect.TIGHTENS: Effect.LOOSENS, Effect.CHANGES: Effect.CHANGES}


@given(_LIMITS, _LIMITS)
def test_the_other_direction_is_the_mirror(old: Settings, new: Settings) -> None:
    there, back = effects(list(compared(old, new))), effects(list(compared(new, old)))
    assert [path for path, _ in there] == [path for path, _ in back]
    for (_, one), (_, other) in zip(there, back, strict=True):
        assert other is _OPPOSITE[one] or one is other is Effect.LOOSENS
    assert list(compared(old, old.model_copy())) == []
