"""The demo toolkit, and every way in which it can fail."""

import asyncio
import json
from typing import Any

import pytest

from gateway.demo.toolkit import DemoToolkit
from tests.demo.talk import BEARER, send
from tests.eventually import eventually


async def ask(toolkit: DemoToolkit, path: str = "/text/llm/", field: str = BEARER) -> tuple[int, dict[str, str], bytes]:
    return await send(toolkit.url, f"POST {path} HTTP/1.1\r\n{field}", b"{}")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/stt/transcribe/", "text"),
        ("/text/llm/", "completion"),
        ("/images/generate/", "image"),
        ("/images/edit/", "image"),
    ],
)
async def test_a_healthy_toolkit(toolkit: DemoToolkit, path: str, key: str) -> None:
    status, _, raw = await ask(toolkit, path)
    assert status == 200
    assert key in json.loads(raw)
    assert toolkit.counts[f"POST {path}"] == 1


async def test_the_toolkit_wants_its_key_and_its_paths(toolkit: DemoToolkit) -> None:
    assert (await ask(toolkit, field="authorization: Bearer other"))[0] == 401
    assert (await ask(toolkit, field="x: y"))[0] == 401
    assert (await ask(toolkit, "/text/llm"))[0] == 404
    assert not toolkit.counts
    async with DemoToolkit() as any_key:
        assert (await ask(any_key))[0] == 200
        assert (await ask(any_key, field="authorization: Bearer"))[0] == 401


async def mode(toolkit: DemoToolkit, body: Any) -> tuple[int, Any]:
    status, _, raw = await send(toolkit.url, "POST /__control/mode HTTP/1.1", json.dumps(body).encode())
    return status, json.loads(raw)


async def test_a_failing_toolkit(toolkit: DemoToolkit) -> None:
    assert (await mode(toolkit, {"mode": "fail"}))[1]["mode"] == "fail"
    assert (await ask(toolkit))[0] == 500
    await mode(toolkit, {"mode": "garbage"})
    assert (await ask(toolkit))[0] == 0
    await mode(toolkit, {"mode": "busy"})
    assert (await ask(toolkit))[0] == 429
    await mode(toolkit, {"mode": "crawl"})
    assert json.loads((await ask(toolkit))[2])["completion"]
    await mode(toolkit, {"mode": "reset"})
    with pytest.raises(ConnectionResetError):
        await ask(toolkit)


async def test_a_toolkit_that_hangs_until_its_mode_changes(toolkit: DemoToolkit) -> None:
    toolkit.set_mode("hang")
    waiting = asyncio.create_task(ask(toolkit))
    await eventually(lambda: toolkit.counts)
    assert not waiting.done()
    toolkit.set_mode("ok")
    assert (await waiting)[0] == 200


async def test_a_mode_for_a_while(toolkit: DemoToolkit) -> None:
    assert (await mode(toolkit, {"mode": "hang", "for": 0.02}))[1]["for"] <= 0.02
    assert (await ask(toolkit))[0] == 200
    assert toolkit.mode == "ok"


@pytest.mark.parametrize("body", [{"mode": "nope"}, {"mode": "ok", "for": 0}, {"mode": "ok", "for": "x"}, [], {}])
async def test_a_mode_that_does_not_exist(toolkit: DemoToolkit, body: Any) -> None:
    status, answer = await mode(toolkit, body)
    assert (status, set(answer)) == (400, {"error"})
    assert toolkit.mode == "ok"
