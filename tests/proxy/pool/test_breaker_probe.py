"""What a health check that is a breaker's try says about the upstream."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.proxy.pool.breaker_probe import BreakerProbe


class Breaker:
    def __init__(self, turn: int | None) -> None:
        self.turn = turn
        self.reported: list[tuple[int, bool | None]] = []

    def probe(self) -> int | None:
        return self.turn

    def probed(self, turn: int, failed: bool | None, cause: str) -> None:
        assert cause == "why it failed last"
        self.reported.append((turn, failed))


def probing(breaker: Any, found: bool | Exception | None, others: bool) -> tuple[Any, Any]:
    async def check(endpoint: Any) -> bool | None:
        if isinstance(found, Exception):
            raise found
        return found

    endpoints: Any = [
        SimpleNamespace(checked_healthy=False, cause="why it failed last"),
        SimpleNamespace(checked_healthy=others),
    ]
    checker: Any = SimpleNamespace(check=check)
    return BreakerProbe(breaker, checker, endpoints), endpoints[0]


@pytest.mark.parametrize(
    ("found", "others", "failed"),
    [(True, True, False), (True, False, False), (False, False, True), (False, True, None), (None, False, None)],
)
async def test_a_bad_endpoint_beside_a_good_one_is_not_a_bad_upstream(
    found: bool | None, others: bool, failed: bool | None
) -> None:
    breaker = Breaker(7)
    made, endpoint = probing(breaker, found, others)
    assert await made.check(endpoint) is found
    assert breaker.reported == [(7, failed)]


async def test_without_a_turn_it_is_only_a_check() -> None:
    breaker = Breaker(None)
    made, endpoint = probing(breaker, True, True)
    assert await made.check(endpoint) is True
    assert breaker.reported == []


async def test_a_check_that_breaks_down_gives_its_turn_back() -> None:
    breaker = Breaker(7)
    made, endpoint = probing(breaker, ZeroDivisionError(), False)
    with pytest.raises(ZeroDivisionError):
        await made.check(endpoint)
    assert breaker.reported == [(7, None)]
