"""What the real server answers reaches the real client unchanged, over every link."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.proxy.server import half_closed
from tests.trpc.gateway_between import LINKS, WIRE_STATUS, bearer, gateway_before
from tests.trpc.real_peers import RealClient, RealServer


def data(outcome: dict[str, Any]) -> Any:
    assert outcome["event"] == "result", outcome
    return outcome["data"]["json"]


@pytest.mark.parametrize("link", LINKS)
async def test_a_query_with_values_json_does_not_have(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, ("lessons.getAll", {"json": {"language": "pa"}}))
    assert data(outcome) == [{"id": "pa-1", "title": "ਸਤ ਸ੍ਰੀ ਅਕਾਲ", "language": "pa", "tags": ["a1"]}]
    assert outcome["data"]["meta"]["values"] == {"0.tags": ["set"]}


@pytest.mark.parametrize("link", LINKS)
async def test_a_mutation_with_a_date_each_way(client: RealClient, server: RealServer, link: str) -> None:
    when = {"json": {"event": "opened", "at": "2026-01-02T03:04:05.678Z"}, "meta": {"values": {"at": ["Date"]}}}
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, ("analytics.trackEvent", when), headers=bearer())
    assert data(outcome) == {"tracked": "opened", "at": "2026-01-02T03:04:05.678Z"}
    assert outcome["data"]["meta"]["values"] == {"at": ["Date"]}


@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize(
    "text", ["¿Qué? 100 % a+b=c & d#e/f\\g,h", "日本語 🎓 \u200b", "%2e%2e%2f %00", '"}]{"json":1']
)
async def test_any_text_arrives_as_it_was(client: RealClient, server: RealServer, link: str, text: str) -> None:
    async with gateway_before(server.url) as gateway:
        spoken = {"json": {"message": text, "language": "es"}}
        [sent] = await client.call(gateway.url, link, ("chat.sendMessage", spoken), headers=bearer())
        [asked] = await client.call(gateway.url, link, ("lessons.getAll", {"json": {"language": text}}))
    assert data(sent)["reply"] == f"You said: {text}"
    assert data(asked) == []


@pytest.mark.parametrize("link", LINKS)
async def test_the_token_names_the_user(client: RealClient, server: RealServer, link: str) -> None:
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, "auth.getCurrentUser", headers=bearer(sub="u-bo"))
    assert data(outcome)["id"] == "u-bo"


@pytest.mark.parametrize(("link", "requests"), [("http", 3), ("batch", 1), ("stream", 1)])
async def test_a_batch_is_one_request(client: RealClient, server: RealServer, link: str, requests: int) -> None:
    calls = ["lessons.getAll", ("lessons.getById", {"json": {"id": "es-1"}}), "auth.getCurrentUser"]
    async with gateway_before(server.url) as gateway:
        first, second, third = await client.call(gateway.url, link, *calls, headers=bearer())
    assert len(data(first)) == 2
    assert data(second)["title"] == "Saludos"
    assert data(third)["email"] == "ada@example.com"
    state = await server.state()
    assert len(state["heads"]) == requests
    assert state["runs"] == {"lessons.getAll": 1, "lessons.getById": 1, "auth.getCurrentUser": 1}


@pytest.mark.parametrize("link", LINKS)
async def test_one_call_fails_and_the_others_do_not(client: RealClient, server: RealServer, link: str) -> None:
    """A batch whose calls differ is 207 and passes as it is; a thrown error is the server's own 500, not an outage."""
    calls = [("lessons.getById", {"json": {"id": name}}) for name in ("es-1", "none", "pa-1")]
    async with gateway_before(server.url) as gateway:
        first, second, third = await client.call(gateway.url, link, *calls)
    assert (data(first)["id"], data(third)["id"]) == ("es-1", "pa-1")
    error = second["error"]
    assert (error["kind"], error["message"]) == ("TRPCClientError", "Lesson not found")
    assert (error["code"], error["httpStatus"], error["rpcCode"]) == ("INTERNAL_SERVER_ERROR", 500, -32603)
    assert error["data"]["path"] == "lessons.getById"
    assert error["status"] == (WIRE_STATUS[link] or 500)


@pytest.mark.parametrize("link", LINKS)
async def test_the_servers_own_errors_keep_their_data(client: RealClient, server: RealServer, link: str) -> None:
    bad = ("auth.login", {"json": {"email": "no address", "password": ""}})
    wrong = ("auth.login", {"json": {"email": "ada@example.com", "password": "wrong"}})
    async with gateway_before(server.url) as gateway:
        [refused] = await client.call(gateway.url, link, bad)
        [denied] = await client.call(gateway.url, link, wrong)
    assert (refused["error"]["code"], refused["error"]["httpStatus"]) == ("BAD_REQUEST", 400)
    assert set(refused["error"]["data"]["zodError"]["fieldErrors"]) == {"email", "password"}
    assert (denied["error"]["message"], denied["error"]["code"]) == ("Invalid email or password", "UNAUTHORIZED")


@pytest.mark.parametrize("link", LINKS)
async def test_a_batch_of_one_passes_where_batches_do_not(client: RealClient, server: RealServer, link: str) -> None:
    login = {"json": {"email": "ada@example.com", "password": "Correct-horse-1"}}
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, ("auth.login", login))
        [alias] = await client.call(gateway.url, link, ("auth.signin", login))
    assert data(outcome)["user"]["joined"] == data(alias)["user"]["joined"] == "2024-02-03T04:05:06.000Z"
    assert (await server.state())["runs"] == {"auth.login": 2}


@pytest.mark.parametrize("link", LINKS)
async def test_a_big_answer_arrives_whole(client: RealClient, server: RealServer, link: str) -> None:
    size = 3 * 2**20
    async with gateway_before(server.url) as gateway:
        [outcome] = await client.call(gateway.url, link, ("lessons.export", {"json": {"bytes": size}}))
    text = data(outcome)["text"]
    assert (len(text), set(text)) == (size // 2, {"ñ"})


async def test_a_streamed_batch_shows_each_result_when_it_is_there(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "stream", "lessons.held", "lessons.getAll")
        first = await task.next()
        assert (first["event"], first["call"]) == ("result", 1)  # while the other call is still held
        assert (await server.state())["held"] == 1
        await server.control("release")
        second = await task.next()
        assert (second["call"], data(second)) == (0, {"released": True})


async def test_a_streamed_batch_that_is_cut_fails_what_is_missing(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "stream", "lessons.held", "lessons.getAll")
        first = await task.next()
        assert (first["event"], first["call"]) == ("result", 1)
        await server.control("drop")
        second = await task.next()
        assert (second["event"], second["call"], second["error"]["kind"]) == ("error", 0, "TRPCClientError")


@pytest.mark.parametrize("link", LINKS)
async def test_a_client_that_leaves_cancels_the_call_upstream(
    client: RealClient, server: RealServer, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Its clocks are those of the call and of a silent stream, since the end of its input may also be that of one who waits.
    monkeypatch.setattr(half_closed, "SILENT", 1.0)
    async with gateway_before(server.url, RESPONSE="3s") as gateway:
        task = client.start(gateway.url, link, "lessons.held")
        await server.until(held=1)
        client.stop(task)
        assert (await task.next("error"))["error"]["kind"] == "TRPCClientError"
        await server.until(held=0)


async def test_what_the_server_sees_of_the_client(client: RealClient, server: RealServer) -> None:
    forged = {"x-forwarded-for": "192.0.2.7", "cf-connecting-ip": "192.0.2.8", "x-real-ip": "192.0.2.9"}
    async with gateway_before(server.url) as gateway:
        await client.call(gateway.url, "batch", "lessons.getAll", headers={**bearer(), **forged, "trpc-accept": "x"})
    [head] = (await server.state())["heads"]
    assert head["url"].startswith("/api/trpc/lessons.getAll?batch=1&input=")
    assert head["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert not {"cf-connecting-ip", "x-real-ip"} & set(head["headers"])
    assert head["headers"]["authorization"].startswith("Bearer ")
