"""Subscriptions over server-sent events: each event when it happens, and nothing left behind upstream."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.proxy.server import half_closed
from tests.trpc.gateway_between import bearer, gateway_before
from tests.trpc.real_peers import RealClient, RealServer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that unsubscribes ends its side, and is taken for gone when its stream is silent for a while."""
    monkeypatch.setattr(half_closed, "SILENT", 0.5)


def stream(topic: str, **more: Any) -> tuple[str, Any]:
    return "chat.stream", {"json": {"topic": topic, **more}}


async def test_events_arrive_one_by_one(client: RealClient, server: RealServer) -> None:
    """The next event is pushed only when the last one has arrived, so none can wait for company."""
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("a"), headers=bearer())
        await task.next("started")
        for number in range(5):
            await server.push("a", text=f"¡{number}!")
            event = await task.next("data")
            assert (event["eventId"], event["data"]) == (str(number), {"text": f"¡{number}!"})
        assert (await server.state())["streamsOpen"] == 1
        client.stop(task)
        await server.until(streamsOpen=0)


async def test_unsubscribing_cancels_the_stream_upstream(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("b"), headers=bearer())
        await task.next("started")
        await server.until(streamsOpen=1)
        client.stop(task)
        assert (await server.until(streamsOpen=0))["streamsCancelled"] == 1


async def test_a_stream_that_ends_is_complete(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("c"), headers=bearer())
        await task.next("started")
        await server.push("c", text="last")
        await server.push("c", end=True)
        assert (await task.next("data"))["data"] == {"text": "last"}
        await task.next("complete")
        await server.until(streamsOpen=0, streamsCancelled=0)


async def test_a_stream_that_is_cut_is_not_complete(client: RealClient, server: RealServer) -> None:
    """The client must notice, so that it connects again and asks for what it has missed."""
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("h"), headers=bearer())
        await task.next("started")
        await server.push("h", text="one")
        await task.next("data")
        await server.control("drop")
        event = await task.next("state", "complete")
        while event.get("state") == "pending":
            event = await task.next("state", "complete")
        assert (event["event"], event["state"]) == ("state", "connecting")
        assert event["error"]["kind"] == "TRPCClientError"
        client.stop(task)
        await server.until(streamsOpen=0)


async def test_an_error_in_a_stream_keeps_code_and_message(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("d"), headers=bearer())
        await task.next("started")
        await server.push("d", fail="The lesson is over")
        error = (await task.next("error"))["error"]
    assert (error["message"], error["code"]) == ("The lesson is over", "UNPROCESSABLE_CONTENT")


async def test_a_subscriber_goes_on_after_the_last_event_it_has(client: RealClient, server: RealServer) -> None:
    for number in range(3):
        await server.push("e", text=str(number))
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("e", lastEventId="0"), headers=bearer())
        events = [await task.next("data") for _ in range(2)]
        client.stop(task)
        await server.until(streamsOpen=0)
    assert [event["eventId"] for event in events] == ["1", "2"]


async def test_many_streams_at_once(client: RealClient, server: RealServer) -> None:
    async with gateway_before(server.url) as gateway:
        tasks = [client.start(gateway.url, "subscribe", stream("f"), headers=bearer()) for _ in range(20)]
        for task in tasks:
            await task.next("started")
        await server.push("f", text="all")
        for task in tasks:
            assert (await task.next("data"))["data"] == {"text": "all"}
        for task in tasks:
            client.stop(task)
        await server.until(streamsOpen=0, streamsCancelled=20)


@pytest.mark.parametrize(
    ("headers", "slug"),
    [
        ({}, "token_missing"),
        ({"authorization": "Bearer x"}, "token_invalid"),
        ({"origin": "https://evil.example"}, "origin_refused"),
    ],
)
async def test_a_refused_subscription_never_reaches_the_server(
    client: RealClient, server: RealServer, headers: dict[str, str], slug: str
) -> None:
    """EventSource shows a page only that it failed, not why; the reason stands in the gateway's log."""
    async with gateway_before(server.url) as gateway:
        task = client.start(gateway.url, "subscribe", stream("g"), headers=headers)
        event = await task.next("error")
        assert event["error"]["kind"] == "TRPCClientError"
        assert gateway.seen.reasons == [slug]
    assert (await server.state())["heads"] == []
