"""The client's pace while a call waits for it, on a clock of the loop's own."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.exchange import read_to_end
from gateway.core.verdict import Refusal
from gateway.proxy.message.body import RequestBody
from gateway.proxy.upstream import upload as module
from gateway.proxy.upstream.upload import Upload


class Source:
    """A connection that is never paused."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def write(self, data: bytes) -> None: ...


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STILL", 0.15)
    monkeypatch.setattr(module, "PORTION", 100)
    monkeypatch.setattr(module, "SLOW", 0.05)


class HeldBack(RequestBody):
    """A body of which its reader has nothing before all of it is here, as a policy may have it."""

    async def read(self) -> bytes | Refusal:
        return await self.gather(100_000) or await super().read()


def uploading(timeout: float = 30.0, kind: type[RequestBody] = RequestBody) -> tuple[Upload, RequestBody]:
    body = kind(Source())
    body.declare(None, timeout, False)
    return Upload(body, asyncio.get_running_loop()), body


async def drip(body: RequestBody, piece: bytes, every: float, times: int) -> None:
    for _ in range(times):
        await asyncio.sleep(every)
        body.feed(piece)
    body.end()


@pytest.mark.parametrize("kind", [RequestBody, HeldBack])
async def test_a_client_that_goes_on_sending_is_waited_for_as_long_as_it_takes(kind: type[RequestBody]) -> None:
    upload, body = uploading(kind=kind)
    dripping = asyncio.create_task(drip(body, b"x" * 100, 0.03, 12))
    assert await read_to_end(upload) == b"x" * 1200
    await dripping


@pytest.mark.parametrize("kind", [RequestBody, HeldBack])
@pytest.mark.parametrize("piece", [b"", b"x"])
async def test_a_client_that_stands_still_or_sends_next_to_nothing_ends_its_request(
    piece: bytes, kind: type[RequestBody]
) -> None:
    upload, body = uploading(kind=kind)
    dripping = asyncio.create_task(drip(body, piece, 0.02 if piece else 60, 50))
    began = asyncio.get_running_loop().time()
    refusal = await read_to_end(upload)
    assert isinstance(refusal, Refusal) and (refusal.reason.slug, refusal.close) == ("body_timeout", True)
    assert asyncio.get_running_loop().time() - began < 1.0
    dripping.cancel()


async def test_the_clock_of_the_whole_body_holds_too() -> None:
    upload, _ = uploading(timeout=0.01)
    refusal = await upload.read()
    assert isinstance(refusal, Refusal) and refusal.reason.slug == "body_timeout"


async def test_the_clock_of_the_whole_body_runs_on_where_the_time_of_the_client_is_renewed() -> None:
    upload, body = uploading(timeout=0.2, kind=HeldBack)
    dripping = asyncio.create_task(drip(body, b"x" * 100, 0.03, 30))
    refusal = await read_to_end(upload)
    assert isinstance(refusal, Refusal) and refusal.detail.endswith("bytes received"), "and not too few"
    dripping.cancel()


async def test_a_call_that_ends_before_its_content_says_nothing_unless_the_upstream_stood_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "SLOW", 60.0)
    upload, body = uploading()
    body.feed(b"some")
    await upload.read()
    for upstream_stood_still, late in ((False, True), (True, False)):
        upload.end(upstream_stood_still)
        assert upload.late is late
    body.end()
    upload.end(False)
    assert not upload.late


async def test_a_call_that_waited_for_its_client_says_nothing() -> None:
    upload, body = uploading()
    dripping = asyncio.create_task(drip(body, b"x" * 100, 0.03, 3))
    await read_to_end(upload)
    await dripping
    for upstream_stood_still in (False, True):
        upload.end(upstream_stood_still)
        assert upload.late


async def test_it_reads_as_the_content_that_it_is() -> None:
    upload, body = uploading()
    body.feed(b"ab")
    assert await upload.gather(2) is None
    assert (await upload.read(), upload.received, upload.complete, upload.whole()) == (b"ab", 2, False, None)
    upload.put_back(b"ab")
    body.end()
    assert (await read_to_end(upload), upload.complete) == (b"ab", True)
