"""One side of a replay."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from gateway.review.replay.evidence import PASSED
from gateway.review.replay.side import ReplayedSide
from tests.review.replay.configs import config
from tests.review.replay.log_lines import LINE, of
from tests.review.replay.recording import NOON, replayed

INFO: dict[str, Any] = {"method": "GET", "path": "/info", "route": "info", "procedures": None}


@pytest.fixture
def side(tmp_path: Path) -> ReplayedSide:
    return ReplayedSide(config(tmp_path), NOON)


def judged(side: ReplayedSide, by_record: str | None = PASSED, **more: Any) -> tuple[str, str]:
    line = {name: value for name, value in {**LINE, **INFO, **more}.items() if value is not None}
    line.pop("content_type") if "content_type" not in more else None
    recorded = of()
    recorded.__init__(line, NOON)  # type: ignore[misc]  # a line with exactly these fields
    exchange, route = side.route(recorded)
    found = side.judge(recorded, exchange, route, lambda _: by_record)
    return found.verdict, found.route


def test_time_goes_on_and_never_back(side: ReplayedSide) -> None:
    side.move(NOON + 5)
    side.move(NOON + 3)
    assert side.now == NOON + 5


def test_a_limit_is_taken_by_the_time_of_the_log(side: ReplayedSide) -> None:
    assert [judged(side)[0] for _ in range(61)].count(PASSED) == 60
    side.move(NOON + 0.25)
    assert judged(side) == (PASSED, "info")
    assert judged(side)[0] == "rate_limited"


def test_the_store_is_swept_as_time_passes(side: ReplayedSide) -> None:
    for number in range(100):
        judged(side, client=f"192.0.2.{number}")
    assert side.store.stats().records >= 100
    side.move(NOON + 3600)
    side.move(NOON + 3602)
    assert side.store.stats().records == 0


def test_a_request_pays_for_its_own_part_of_a_sweep(side: ReplayedSide) -> None:
    swept: list[int] = []

    def sweep(now: float, budget: int) -> int:
        swept.append(budget)
        return 0

    side.store.sweep = sweep  # type: ignore[method-assign]  # to see how much is looked at
    for second in range(1, 101):
        judged(side, client="192.0.2.1")
        side.move(NOON + second)
    assert len(swept) == 100
    assert sum(swept) <= 100 * 8, "a log of one request a second costs no more for each than one of a thousand"


@pytest.mark.parametrize(
    ("more", "verdict"),
    [
        ({"origin_sent": "https://evil.example"}, "origin_refused"),
        ({"path": "/nowhere"}, "no_route"),
        ({"method": "BREW"}, "method_not_allowed"),
        ({"path": "/api/trpc/x"}, "no_route"),
        ({"method": "OPTIONS", "preflight": "GET", "origin": "https://linguamate.app"}, PASSED),
        ({"path_sent": "/info//"}, "path_ambiguous"),
        ({"path": "/api/trpc/chat.a", "procedures": ["chat.a"]}, PASSED),
        ({"query_bytes": 501, "query_parameters": 1, "path": "/api/trpc/chat.a"}, "target_too_long"),
    ],
)
def test_what_the_compiled_stages_say(side: ReplayedSide, more: dict[str, Any], verdict: str) -> None:
    assert judged(side, **more)[0] == verdict


def test_without_a_token_none_is_there_whatever_is_recorded(side: ReplayedSide) -> None:
    chat = {"path": "/api/trpc/chat.a", "procedures": ["chat.a"]}
    assert judged(side, None, **chat)[0] == "token_missing"
    assert judged(side, None, token=True, **chat)[0] == ""


def test_requests_in_flight_count_in_their_worker_until_they_end(tmp_path: Path) -> None:
    side = ReplayedSide(config(tmp_path, ("requests: 50", "requests: 2")), NOON - 10)
    side.move(NOON - 5)
    assert [judged(side)[0] for _ in range(3)] == [PASSED, PASSED, "rate_limited"]
    assert judged(side, worker=4)[0] == PASSED
    side.move(NOON + 1)
    assert judged(side)[0] == PASSED


def test_a_client_behind_a_proxy_is_the_one_that_counts(tmp_path: Path) -> None:
    side = ReplayedSide(config(tmp_path, ("listen: {", "listen: {trusted_proxies: [10.0.0.1], ")), NOON)
    for number in range(100):
        assert judged(side, peer="10.0.0.1", client=f"192.0.2.{number}")[0] == PASSED
    assert side.believes("10.0.0.1") == "x-forwarded-for"
    assert side.believes("192.0.2.1") is None


def test_no_line_that_can_be_read_is_an_error(tmp_path: Path) -> None:
    """Any field with any value: what is read is judged."""
    same, choose = config(tmp_path), random.Random(5)
    texts = [
        "x",
        "GET",
        "*",
        "/",
        "//",
        "/api/trpc/a,b",
        "é",
        "?",
        "#",
        "unknown",
        "::1",
        "10.0.0.1",
        "rate_limited",
        "token_missing",
        "body_malformed",
        "egress",
    ]
    values: list[Any] = [*texts, "", 0, 1, 7.5, True, [], ["a"], ["a", "b"], None]
    names = [
        "method",
        "path",
        "status",
        "reason",
        "detail",
        "peer",
        "origin",
        "origin_sent",
        "fetch",
        "preflight",
        "preflight_headers",
        "token",
    ]
    names += [
        "listener",
        "fallback",
        "upstream",
        "path_sent",
        "called",
        "batch",
        "query_bytes",
        "query_parameters",
        "reported",
    ]
    lines = []
    for _ in range(2000):
        line = {**LINE, **{choose.choice(names): choose.choice(values) for _ in range(3)}}
        lines.append(json.dumps(line).encode())
    tally = replayed(lines, same, same)
    assert tally.requests + tally.heads + tally.unreadable.total() == len(lines)
    assert tally.requests > 200 and tally.changed == 0
