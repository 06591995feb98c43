"""The demo answers in the real wire format."""

import json
import re
from urllib.parse import quote

import pytest

from gateway.demo.accounts import ADA_EMAIL
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, get, post, send


async def test_a_wrong_password_alone_and_in_a_batch_of_one(tutor: DemoTutor) -> None:
    wrong = {"json": {"email": ADA_EMAIL, "password": "nope"}}
    error = {
        "error": {
            "json": {
                "message": "Invalid email or password",
                "code": -32001,
                "data": {"code": "UNAUTHORIZED", "httpStatus": 401, "path": "auth.login", "zodError": None},
            }
        }
    }
    assert await post(tutor, "/api/trpc/auth.login", wrong) == (401, error)
    assert await post(tutor, "/api/trpc/auth.login?batch=1", {"0": wrong}) == (401, [error])


async def test_a_batch_with_different_outcomes_is_207(tutor: DemoTutor) -> None:
    inputs = quote(json.dumps({"0": {"json": {"language": "es"}}}))
    status, _, answer = await get(tutor, f"/api/trpc/lessons.getAll,auth.getCurrentUser?batch=1&input={inputs}")
    assert status == 207
    assert {lesson["language"] for lesson in answer[0]["result"]["data"]["json"]} == {"es"}
    assert answer[1]["error"]["json"]["data"]["path"] == "auth.getCurrentUser"


async def test_mixing_kinds_runs_nothing(tutor: DemoTutor) -> None:
    status, answer = await post(tutor, "/api/trpc/auth.login,lessons.getAll?batch=1", {"0": LOGIN})
    assert (status, answer["error"]["json"]["code"], dict(tutor.counts)) == (400, -32600, {})


async def test_absent_wrong_method_wrong_type_and_bad_input(tutor: DemoTutor) -> None:
    status, answer = await post(tutor, "/api/trpc/auth.nope", LOGIN)
    assert (status, answer["error"]["json"]["code"]) == (404, -32004)
    status, _, answer = await get(tutor, "/api/trpc/auth.login")
    assert (status, answer["error"]["json"]["code"]) == (405, -32005)
    status, _, raw = await send(tutor.url, "POST /api/trpc/auth.login HTTP/1.1\r\ncontent-type: text/plain", b"{}")
    assert (status, json.loads(raw)["error"]["json"]["code"]) == (415, -32015)
    status, _, _ = await send(tutor.url, "POST /api/trpc/auth.login HTTP/1.1", b"{}")
    assert status == 415
    status, answer = await post(tutor, "/api/trpc/auth.login", {"json": {"email": "x", "password": ""}})
    fields = answer["error"]["json"]["data"]["zodError"]["fieldErrors"]
    assert (status, set(fields)) == (400, {"email", "password"})
    status, _, raw = await send(tutor.url, "POST /api/trpc/auth.login HTTP/1.1\r\ncontent-type: application/json", b"{")
    assert (status, dict(tutor.counts)) == (400, {"auth.login": 2})


async def test_a_streamed_batch_is_lines_and_always_200(tutor: DemoTutor) -> None:
    accept = "\r\ntrpc-accept: application/jsonl"
    status, fields, raw = await get(tutor, "/api/trpc/lessons.getAll,lessons.nope?batch=1", accept)
    text = raw if isinstance(raw, bytes) else b""
    assert (status, fields["transfer-encoding"]) == (200, "chunked")
    lines = [json.loads(line) for line in text.split(b"\r\n") if line.startswith(b"{")]
    assert lines[0] == {"json": {"0": [[0], [None, 0, 0]], "1": [[0], [None, 0, 1]]}}
    assert [line["json"][:2] for line in lines[1:]] == [[0, 0], [2, 0], [3, 0], [1, 0]]
    status, _, answer = await get(tutor, "/api/trpc/lessons.getAll", accept)
    assert (status, answer["error"]["json"]["data"]["code"]) == (400, "BAD_REQUEST")


async def test_the_fields_every_answer_carries(tutor: DemoTutor) -> None:
    _, fields, _ = await get(tutor, "/api/health", "\r\nx-correlation-id: abc")
    assert fields["vary"] == "trpc-accept, Origin"
    assert fields["x-correlation-id"] == "abc"
    assert fields["access-control-allow-origin"] == fields["access-control-allow-credentials"] == "true"
    _, fields, _ = await get(tutor, "/api/trpc/lessons.nope")
    assert re.fullmatch(r"[0-9a-f-]{36}", fields["x-correlation-id"])
    assert not {"cache-control", "etag", "retry-after", "set-cookie"} & set(fields)


async def test_a_head_over_16_kib_is_431_without_a_body(tutor: DemoTutor) -> None:
    status, fields, raw = await send(tutor.url, f"GET /api/health HTTP/1.1\r\nx: {'a' * 16_500}")
    assert (status, fields["content-length"], raw) == (431, "0", b"")
    assert (await send(tutor.url, f"GET /api/health HTTP/1.1\r\nx: {'a' * 16_000}"))[0] == 200


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
async def test_methods_that_run_nothing(tutor: DemoTutor, method: str) -> None:
    assert (await send(tutor.url, f"{method} /api/trpc/lessons.getAll HTTP/1.1"))[0] == 204
    assert not tutor.counts
