"""A refusal of a running gateway, explained by its id: by its workers and by its log. And requests by what it has loaded."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.cli.command_line import run as command_line
from tests.gateway_run import OPERATOR, OPS_TOKEN, Maker

HUSH = "hush-hush-hush"


async def test_a_refusal_is_found_on_whichever_worker_it_was_and_nothing_is_given_away(
    runs: Maker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def explain(*words: str) -> tuple[int, dict[str, Any], str]:
        code = await asyncio.to_thread(command_line, "explain", *words, "--json")
        out = capsys.readouterr().out
        return code, json.loads(out), out

    run = await runs(workers=2)
    headers = {"authorization": f"Bearer {HUSH}.a.b", "cookie": HUSH}
    ids = []
    for _ in range(6):
        async with ClientSession(headers=headers) as session, session.get(f"{run.url}/api/private") as response:
            assert response.status == 401
            ids.append((await response.json())["request_id"])
    (run.folder / "token").write_text(OPS_TOKEN)
    operators = ("--ops", run.ops, "--token-file", str(run.folder / "token"))
    for request_id in (ids[0], ids[-1]):
        code, found, out = await explain("--request-id", request_id, *operators)
        assert (code, found["verdict"], found["status"], found["canonical"]) == (
            1,
            "token_invalid",
            401,
            "GET /api/private",
        )
        assert [stage["stage"] for stage in found["stages"] if stage["verdict"] == "token_invalid"] == ["auth"]
        assert not [secret for secret in (HUSH, "127.0.0.1:", OPS_TOKEN) if secret in out]
    code, found, _ = await explain("--request-id", "never", *operators)
    assert (code, found["ok"]) == (2, False)

    order = {
        "method": "GET",
        "target": "/api/private",
        "headers": {"authorization": f"Bearer {HUSH}.a.b"},
        "body": HUSH,
    }
    async with (
        ClientSession(headers=OPERATOR) as session,
        session.post(f"{run.ops}/v1/explain", json=order) as response,
    ):
        explained = await response.text()
    assert json.loads(explained)["verdict"] == "token_invalid"
    assert HUSH not in explained

    await run.stop()
    for name, value in run.env.items():
        monkeypatch.setenv(name, value)
    log = ("--log", str(run.out), "--config", str(run.folder / "upstreams.yaml"))
    code, found, _ = await explain("--request-id", ids[0], *log)
    assert (code, found["verdict"]) == (1, "token_invalid")
    assert HUSH not in run.out.read_text() + run.err.read_text()
    assert [line["refused"] for line in run.events("explained")] == [True, True, True, False]
