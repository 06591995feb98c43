"""The demo backend reads and answers as the real one does, so that a test that sends it an attack means something."""

import asyncio
import io
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from gateway.cli.demo import hs256
from gateway.cli.demo.accounts import ADA_EMAIL, ADA_PASSWORD, user_id
from gateway.cli.demo.address import read_target
from gateway.cli.demo.procedures import PROCEDURES
from gateway.cli.demo.toolkit import DemoToolkit
from gateway.cli.demo.tutor import DemoTutor

SECRET = "a-demo-secret-of-forty-characters-or-so!"
LOGIN = {"json": {"email": ADA_EMAIL, "password": ADA_PASSWORD}}
KEY = "toolkit-key"
ROOT = Path(__file__).parents[2]


@pytest.fixture
async def tutor() -> AsyncIterator[DemoTutor]:
    async with DemoTutor(SECRET) as service:
        yield service


@pytest.fixture
async def toolkit() -> AsyncIterator[DemoToolkit]:
    async with DemoToolkit(KEY, crawl_seconds=0.001) as service:
        yield service


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def send(url: str, head: str, body: bytes = b"") -> tuple[int, dict[str, str], bytes]:
    """One raw exchange: a target goes out exactly as written. Status 0 is an answer that is not HTTP, or none."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(head.encode("latin-1") + b"\r\nhost: demo\r\nconnection: close\r\n")
        writer.write(f"content-length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(5):
            raw = await reader.read()
    finally:
        writer.close()
    start, _, rest = raw.partition(b"\r\n\r\n")
    status, *lines = start.decode("latin-1").split("\r\n")
    if not status.startswith("HTTP/1.1 "):
        return 0, {}, raw
    fields = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(status.split()[1]), fields, rest


async def post(tutor: DemoTutor, target: str, body: Any, extra: str = "") -> tuple[int, Any]:
    head = f"POST {target} HTTP/1.1\r\ncontent-type: application/json{extra}"
    status, _, raw = await send(tutor.url, head, json.dumps(body).encode())
    return status, json.loads(raw) if raw.startswith((b"{", b"[")) else raw


async def get(tutor: DemoTutor, target: str, extra: str = "") -> tuple[int, dict[str, str], Any]:
    status, fields, raw = await send(tutor.url, f"GET {target} HTTP/1.1{extra}")
    return status, fields, json.loads(raw) if raw.startswith((b"{", b"[")) else raw


async def token(tutor: DemoTutor) -> str:
    _, answer = await post(tutor, "/api/trpc/auth.login", LOGIN)
    return str(answer["result"]["data"]["json"]["accessToken"])


# ------------------------------------------------------------------------------------------------ spellings


@pytest.mark.parametrize(
    "target",
    [
        "/api/trpc/auth.login",
        "/api/trpc/auth%2Elogin",
        "/api/trpc/%61uth.login",
        "/api/trpc/auth.login/",
        "/api/trpc/auth.login//",
        "/api/trpc/./auth.login",
        "/api/trpc/x/../auth.login",
        "/api/trpc/x/%2e%2e/auth.login",
        "/api/x/../trpc/auth.login",
        "http://any.host/api/trpc/auth.login",
        "/api/trpc/auth.signin",
        "/api/trpc/auth.login?batch=0",
        "/api/trpc/auth.login?batch=true",
        "/api/trpc/auth.login?Batch=1",
        "/api/trpc/auth.login?batch=0&batch=1",
    ],
)
async def test_a_spelling_that_runs(tutor: DemoTutor, target: str) -> None:
    status, answer = await post(tutor, target, LOGIN)
    assert (status, tutor.counts["auth.login"]) == (200, 1)
    assert answer["result"]["data"]["json"]["user"]["email"] == ADA_EMAIL


@pytest.mark.parametrize(
    "target",
    ["auth.login,auth.login?batch=1", "auth.login%2Cauth.login?batch=1", "auth.login,auth.login?%62atch=1",
     "auth.signin,auth.login?batch=1&batch=0"],
)  # fmt: skip
async def test_a_batch_in_which_both_run(tutor: DemoTutor, target: str) -> None:
    status, answer = await post(tutor, "/api/trpc/" + target, {"0": LOGIN, "1": LOGIN})
    assert (status, len(answer), tutor.counts["auth.login"]) == (200, 2, 2)


@pytest.mark.parametrize("path", ["auth.login,", "x/,auth.login", "auth.login,%20auth.login"])
async def test_a_batch_in_which_the_good_one_runs(tutor: DemoTutor, path: str) -> None:
    status, answer = await post(tutor, f"/api/trpc/{path}?batch=1", {"0": LOGIN, "1": LOGIN})
    assert (status, len(answer), tutor.counts["auth.login"]) == (207, 2, 1)


@pytest.mark.parametrize(
    "target",
    ["/api/trpc//auth.login", "/API/trpc/auth.login", "/api/TRPC/auth.login", "/api/trpc/Auth.login",
     "/api/trpc/auth/login", "/api/trpc/auth%2Flogin", "/api/trpc/auth.login%00", "/api/trpc/auth%252Elogin",
     "/api/trpc/auth.login,auth.login", "/api/trpc/auth.login,auth.login?batch=true", "/api/trpc/", "/api/trpc"],
)  # fmt: skip
async def test_a_spelling_that_finds_nothing(tutor: DemoTutor, target: str) -> None:
    status, _ = await post(tutor, target, LOGIN)
    assert (status, dict(tutor.counts), tutor.requests) == (404, {}, 1)


@pytest.mark.parametrize("path", ["%ff", "%", "auth.login%"])
async def test_a_bad_escape_is_a_500_from_anyone(tutor: DemoTutor, path: str) -> None:
    status, answer = await post(tutor, f"/api/trpc/{path}", LOGIN)
    assert (status, answer["error"]["json"]["data"]["code"]) == (500, "INTERNAL_SERVER_ERROR")


async def test_commas_alone_are_six_calls(tutor: DemoTutor) -> None:
    status, answer = await post(tutor, "/api/trpc/,,,,,?batch=1", {})
    assert (status, len(answer)) == (404, 6)


@pytest.mark.parametrize(
    ("target", "path"),
    [("/a/b/..", "/a/"), ("/..", "/"), ("/a/.", "/a/"), ("/a\\b", "/a/b"), ("HTTP://h:1/x?y#z", "/x"), ("*", "/")],
)
def test_a_target_is_read_as_browsers_read_it(target: str, path: str) -> None:
    assert read_target(target)[0] == path


# ------------------------------------------------------------------------------------------------ wire format


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


# ------------------------------------------------------------------------------------------------ procedures


def test_the_table_is_the_backends() -> None:
    assert len(PROCEDURES) == 62
    kinds = [procedure.kind for procedure in PROCEDURES.values()]
    assert (kinds.count("query"), kinds.count("mutation")) == (26, 36)
    assert sum(procedure.public for procedure in PROCEDURES.values()) == 30


@pytest.mark.parametrize("name", sorted(name for name, row in PROCEDURES.items() if not row.public))
async def test_a_protected_procedure_asks_for_a_token(tutor: DemoTutor, name: str) -> None:
    if PROCEDURES[name].kind == "query":
        status, _, _ = await get(tutor, f"/api/trpc/{name}")
    else:
        status, _ = await post(tutor, f"/api/trpc/{name}", {})
    assert status == 401


async def test_a_bad_token_counts_as_anonymous(tutor: DemoTutor) -> None:
    good = await token(tutor)
    for bad in (good[:-2], "x.y.z", "", good.replace(".", "", 1)):
        assert (await get(tutor, "/api/trpc/auth.getCurrentUser", f"\r\nauthorization: Bearer {bad}"))[0] == 401
        assert (await get(tutor, "/api/trpc/lessons.getAll", f"\r\nauthorization: Bearer {bad}"))[0] == 200
    status, _, answer = await get(tutor, "/api/trpc/auth.getCurrentUser", f"\r\nauthorization: bearer {good}")
    assert (status, answer["result"]["data"]["json"]["id"]) == (200, user_id(ADA_EMAIL))


async def test_an_access_token_ends_by_the_clock() -> None:
    now = [1_700_000_000.0]
    async with DemoTutor(SECRET, wall=lambda: now[0]) as tutor:
        bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
        assert (await get(tutor, "/api/trpc/user.getProfile", bearer))[0] == 200
        now[0] += 901
        assert (await get(tutor, "/api/trpc/user.getProfile", bearer))[0] == 401


async def test_tokens_are_as_the_real_ones(tutor: DemoTutor) -> None:
    _, answer = await post(tutor, "/api/trpc/auth.login", LOGIN)
    pair = answer["result"]["data"]["json"]
    access = hs256.verify(pair["accessToken"], SECRET, 0)
    assert access is not None
    assert (set(access), access["type"], len(access["sub"]), len(access["sid"])) == (
        {"sub", "sid", "type", "expInSec", "iat", "exp"}, "access", 32, 32)  # fmt: skip
    refresh = {"json": {"refreshToken": pair["refreshToken"]}}
    _, answer = await post(tutor, "/api/trpc/auth.refreshToken", refresh)
    renewed = answer["result"]["data"]["json"]["accessToken"]
    assert "sid" not in (hs256.verify(renewed, SECRET, 0) or {})
    bearer = f"\r\nauthorization: Bearer {pair['accessToken']}"
    assert (await post(tutor, "/api/trpc/auth.logout", {}, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.refreshToken", refresh))[0] == 401
    assert (await get(tutor, "/api/trpc/user.get", bearer))[0] == 200  # the access token lives on
    assert (await get(tutor, "/api/trpc/user.get", f"\r\nauthorization: Bearer {pair['refreshToken']}"))[0] == 401


async def test_a_life_of_an_account(tutor: DemoTutor) -> None:
    person = {"email": "bo@example.com", "password": "Weak", "displayName": "Bo", "name": "Bo B", "acceptedTerms": True}
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person}))[0] == 400
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person | {"password": "lowercase1!"}}))[0] == 400
    person["password"] = "Battery-staple-2"
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person | {"acceptedTerms": False}}))[0] == 400
    _, answer = await post(tutor, "/api/trpc/auth.signup", {"json": person})
    bearer = f"\r\nauthorization: Bearer {answer['result']['data']['json']['accessToken']}"
    assert (await post(tutor, "/api/trpc/auth.signup", {"json": person}))[0] == 400  # taken by now
    _, answer = await post(tutor, "/api/trpc/auth.updateProfile", {"json": {"displayName": "Boo", "bio": "x"}}, bearer)
    assert answer["result"]["data"]["json"]["displayName"] == "Boo"
    change = {"currentPassword": "Battery-staple-2", "newPassword": "Another-one-3", "confirmPassword": "Another-one-3"}
    assert (await post(tutor, "/api/trpc/auth.changePassword", {"json": change}, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.changePassword", {"json": change}, bearer))[0] == 400
    reset = {"email": "bo@example.com", "code": "######", "password": "Taken-over-4"}  # any six characters will do
    assert (await post(tutor, "/api/trpc/auth.resetPassword", {"json": reset}))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.resetPassword", {"json": reset | {"code": "1"}}))[0] == 400
    login = {"json": {"email": "bo@example.com", "password": "Taken-over-4"}}
    assert (await post(tutor, "/api/trpc/auth.login", login))[0] == 200
    delete = {"json": {"password": "Taken-over-4", "confirmation": "DELETE"}}
    assert (
        await post(
            tutor,
            "/api/trpc/auth.deleteAccount",
            delete | {"json": {"password": "x", "confirmation": "DELETE"}},
            bearer,
        )
    )[0] == 400
    assert (await post(tutor, "/api/trpc/auth.deleteAccount", delete, bearer))[0] == 200
    assert (await post(tutor, "/api/trpc/auth.login", login))[0] == 401


_INPUTS = {
    "string": "x", "email": "x@example.com", "url": "https://example.com/", "boolean": True, "number": 5,
    "uuid": "3f0f7a52-6a1c-4d3c-9a53-0c1b8f7f6a10", "list": ["x"], "record": {},
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(set(PROCEDURES) - {"auth.login", "auth.signin", "auth.signup"}))
async def test_every_procedure_answers_something(tutor: DemoTutor, name: str) -> None:
    row = PROCEDURES[name]
    given: dict[str, Any] = {field.name: _INPUTS[field.type] for field in row.fields if not field.optional}
    given |= {"password": ADA_PASSWORD, "confirmation": "DELETE", "code": "123456", "otp": "123456"}
    given |= {"currentPassword": ADA_PASSWORD, "newPassword": "New-pass-1", "confirmPassword": "New-pass-1"}
    given |= {"id": "es-market", "dailyGoalMinutes": 10} if name != "auth.refreshToken" else {}
    bearer = f"\r\nauthorization: Bearer {await token(tutor)}"
    if row.kind == "query":
        text = quote(json.dumps({"json": given}))
        status, _, answer = await get(tutor, f"/api/trpc/{name}?input={text}", bearer)
    else:
        status, answer = await post(tutor, f"/api/trpc/{name}", {"json": given}, bearer)
    if name == "auth.refreshToken":
        assert status == 401
        return
    assert (status, "json" in answer["result"]["data"], tutor.counts[row.name]) == (200, True, 1)


async def test_an_unknown_lesson_is_a_plain_500(tutor: DemoTutor) -> None:
    status, _, _ = await get(tutor, "/api/trpc/lessons.getById?input=" + quote('{"json":{"id":"none"}}'))
    assert status == 500


# ------------------------------------------------------------------------------------------------ REST and control


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


async def test_counts_are_read_and_reset_by_this_host_only(tutor: DemoTutor) -> None:
    await post(tutor, "/api/trpc/auth.signin", LOGIN)
    assert (await get(tutor, "/__control/counts"))[2] == {"requests": 1, "counts": {"auth.login": 1}}
    assert tutor.heads[0][:2] == ("POST", "/api/trpc/auth.signin")
    for through_a_proxy in ("x-forwarded-for: 192.0.2.1", "forwarded: for=192.0.2.1"):
        assert (await get(tutor, "/__control/counts", f"\r\n{through_a_proxy}"))[0] == 403
    assert (await get(tutor, "/__control/none"))[0] == 404
    assert (await post(tutor, "/__control/reset", {}))[1]["requests"] == 1
    assert (tutor.requests, dict(tutor.counts)) == (0, {})


# ------------------------------------------------------------------------------------------------ toolkit


BEARER = f"authorization: Bearer {KEY}"


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


async def test_an_ill_toolkit(toolkit: DemoToolkit) -> None:
    assert (await mode(toolkit, {"mode": "fail"}))[1]["mode"] == "fail"
    assert (await ask(toolkit))[0] == 500
    await mode(toolkit, {"mode": "garbage"})
    assert (await ask(toolkit))[0] == 0
    await mode(toolkit, {"mode": "crawl"})
    assert json.loads((await ask(toolkit))[2])["completion"]
    await mode(toolkit, {"mode": "reset"})
    with pytest.raises(ConnectionResetError):
        await ask(toolkit)


async def test_a_toolkit_that_hangs_until_told_otherwise(toolkit: DemoToolkit) -> None:
    toolkit.set_mode("hang")
    waiting = asyncio.create_task(ask(toolkit))
    while not toolkit.counts:
        await asyncio.sleep(0)
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


# ------------------------------------------------------------------------------------------------ the command


async def start(*more: str, **env: str) -> asyncio.subprocess.Process:
    program = "import typer; from gateway.cli.demo_command import demo; typer.run(demo)"
    command = [sys.executable, "-c", program, "--tutor-port", "0", "--toolkit-port", "0", *more]
    kept = {name: value for name, value in os.environ.items() if name not in ("JWT_SECRET", "TOOLKIT_API_KEY")}
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, env=kept | env, cwd=ROOT, stdout=pipe, stderr=pipe)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_serves_until_a_signal_and_ends_cleanly(
    number: signal.Signals, http: aiohttp.ClientSession
) -> None:
    process = await start("--json", JWT_SECRET=SECRET)
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    async with http.get(where["tutor"] + "/api/health") as answer:
        assert answer.status == 200
    async with http.get(where["toolkit"] + "/__control/mode") as answer:
        assert (await answer.json())["mode"] == "ok"
    process.send_signal(number)  # with two idle connections still open
    async with asyncio.timeout(10):
        rest, errors = await process.communicate()
    assert (process.returncode, rest, errors) == (0, b"", b"")


@pytest.mark.parametrize("env", [{}, {"JWT_SECRET": "short"}])
async def test_the_command_wants_a_secret(env: dict[str, str]) -> None:
    process = await start(**env)
    out, errors = await process.communicate()
    assert (process.returncode, out) == (2, b"")
    assert b"JWT_SECRET" in errors
    assert b"Traceback" not in errors
    assert b"short" not in errors


async def test_the_command_says_when_a_port_is_taken(tutor: DemoTutor) -> None:
    process = await start("--tutor-port", tutor.url.rpartition(":")[2], JWT_SECRET=SECRET)
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"address already in use" in errors
    assert b"Traceback" not in errors
