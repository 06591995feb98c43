"""The demo's plain routes."""

import io

import aiohttp
import pytest

from gateway.demo.tutor import DemoTutor
from tests.demo.talk import get, post, send


@pytest.mark.parametrize("path", ["", "/", "/info", "/health", "/toolkit/health", "/stt/health"])
async def test_what_it_says_about_itself(tutor: DemoTutor, path: str) -> None:
    status, fields, answer = await get(tutor, "/api" + path)
    assert (status, fields["content-type"], type(answer)) == (200, "application/json", dict)


def audio(data: bytes = b"RIFF", kind: str = "audio/webm;codecs=opus", name: str = "audio") -> aiohttp.FormData:
    form = aiohttp.FormData()
    form.add_field(name, io.BytesIO(data), filename="a.webm", content_type=kind)
    form.add_field("language", "es-MX")
    return form


async def test_transcribe(tutor: DemoTutor, http: aiohttp.ClientSession) -> None:
    url = tutor.url + "/api/stt/transcribe"
    async with http.post(url, data=audio()) as answer:
        assert (answer.status, await answer.json()) == (200, {"text": "hola mundo", "language": "es-MX", "bytes": 4})
    for form, status in (
        (audio(b""), 400),
        (audio(kind="text/html"), 415),
        (audio(name="file"), 400),
        (audio(b"x" * 10_000_001), 413),
    ):
        async with http.post(url, data=form) as answer:
            assert answer.status == status
    async with http.post(url, data=b"no form", headers={"content-type": "multipart/form-data; boundary=b"}) as answer:
        assert answer.status == 503  # the client's fault, and yet it looks like an outage
    assert tutor.counts["POST /api/stt/transcribe"] == 6


async def test_rest_posts(tutor: DemoTutor) -> None:
    now = tutor.wall()
    sign = {"hmac": "x", "algo": "sha256", "ts": now * 1000}
    assert (await post(tutor, "/api/ingest/logs", {"logs": [1], "sig": sign}))[1]["received"] == 1
    assert (await post(tutor, "/api/ingest/logs", {"logs": [1], "sig": sign | {"ts": now - 301}}))[0] == 401
    assert (await post(tutor, "/api/ingest/logs", {"logs": [1]}))[0] == 400
    assert (await post(tutor, "/api/ingest/logs", [1]))[0] == 400
    assert (await post(tutor, "/api/toolkit/v1/text/llm", {"messages": []}))[0] == 200
    assert (await send(tutor.url, "POST /api/toolkit/text/llm HTTP/1.1\r\ncontent-type: application/json", b"{"))[
        0
    ] == 400
    assert (await post(tutor, "/api/stt", {}))[1] == {"text": "hello from server (mock)"}
    assert (await post(tutor, "/api/nothing", {}))[0] == 404
    assert (await send(tutor.url, "OPTIONS /api/stt HTTP/1.1"))[0] == 204
