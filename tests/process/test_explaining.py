"""Explanations for operators: one at a time, in a process of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.ops.api.admin import NotExplained
from gateway.process import explaining
from gateway.process.explaining import Explaining
from tests.process.configs import OPS_TOKEN, written

NOW = 1_767_268_800.0


class Worker:
    def __init__(self, **kept: dict[str, Any]) -> None:
        self.kept = kept

    async def find(self, request_id: str, timeout: float) -> dict[str, Any] | None:
        return self.kept.get(request_id)


async def test_a_request_and_a_refused_one_are_explained_by_the_configuration(tmp_path: Path) -> None:
    config = written(tmp_path)
    line = {"id": "abc", "method": "GET", "path": "/nothing", "route": "unmatched", "status": 404, "reason": "no_route"}
    found = Explaining([Worker(), Worker(abc=line)])
    explained = await found.explain(config, {"method": "GET", "target": "/nothing"}, NOW)
    again = await found.explain(config, {"request_id": "abc"}, NOW)
    for one in (explained, again):
        assert (one["verdict"], one["status"], one["canonical"]) == ("no_route", 404, "GET /nothing")
        assert OPS_TOKEN not in str(one)


@pytest.mark.parametrize(
    ("order", "status", "sentence"),
    [
        ({"request_id": "gone"}, 404, "No worker keeps"),
        ({"method": "GET", "target": "/", "headers": {"a": "hush\nhush"}}, 400, "one line"),
    ],
)
async def test_what_cannot_be_explained_says_why_and_repeats_nothing(
    tmp_path: Path, order: dict[str, Any], status: int, sentence: str
) -> None:
    with pytest.raises(NotExplained) as raised:
        await Explaining([Worker()]).explain(written(tmp_path), order, NOW)
    assert raised.value.status == status
    assert sentence in str(raised.value)
    assert "hush" not in str(raised.value)


async def test_there_is_one_at_a_time_and_one_that_hangs_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> tuple[int, bytes]:
        await asyncio.Event().wait()
        return 0, b""

    monkeypatch.setattr(explaining, "run_apart", hang)
    monkeypatch.setattr(explaining, "SECONDS", 0.05)
    found, config = Explaining([]), written(tmp_path)
    first = asyncio.create_task(found.explain(config, {"method": "GET", "target": "/"}, NOW))
    await asyncio.sleep(0)
    with pytest.raises(NotExplained, match="try again"):
        await found.explain(config, {"method": "GET", "target": "/"}, NOW)
    with pytest.raises(NotExplained, match="not done within"):
        await first
