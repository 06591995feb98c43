"""Uploads on sockets: what is refused and how, what reaches the upstream before the verdict, and who is held to account."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from gateway.core.exchange import Exchange
from tests.eventually import eventually
from tests.gateway_fixture import Running, running_gateway
from tests.policy.upload.forms import BOUNDARY, WEBM, content_type, file, form, text
from tests.policy.upload.hostile_files import HOSTILE
from tests.policy.upload.made_files import mp4
from tests.policy.upload.malformed_forms import malformed
from tests.upstream_fixture import Response, Upstream, running_upstream, wire

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  stt:
    endpoints: [{{url: "{url}"}}]
    timeouts: {{connect: 1s, response: 2s, idle: 4s}}
    retries: {{on: [connect, reset, 503]}}
    breaker: once
    fallback: instead
routes:
  - {{name: speech, paths: [/speech], methods: [POST], upstream: stt, auth: public, body: form, upload: speech}}
  - {{name: renamed, paths: [/renamed], methods: [POST], upstream: stt, auth: public, body: form, upload: renamed}}
  - {{name: reported, paths: [/reported], methods: [POST], upstream: stt, auth: public, body: form, upload: reported}}
"""
POLICIES = """\
bodies:
  form: {max: 12MB, types: [multipart/form-data, application/json]}
breakers:
  once: {failures: 1, recover_after: 60s}
fallbacks:
  instead: {json: {text: "", degraded: true}}
uploads:
  speech:
    parts:
      audio: {types: [audio/webm, audio/mp4, audio/mpeg, audio/wav, audio/ogg], max: 10MB, required: true}
      language: {max: 16, pattern: "[a-z]{2,3}(-[A-Z]{2})?"}
      a: {max: 64}
  renamed:
    parts:
      audio: {types: [audio/webm, audio/mp4], max: 10MB, as: {audio/x-m4a: audio/mp4, audio/webm: audio/webm}}
  reported:
    mode: report
    parts:
      audio: {types: [audio/webm], max: 1MB}
"""
BIG = WEBM + bytes(range(256)) * 1200
GOOD = form(file(), text(b"en-US"))
LARGE = form(text(b"en-US"), file(BIG))


@dataclass
class Backend:
    """An upstream that reads contents to their end, notes what it got of each, and says ``early`` before it reads any."""

    early: bytes = b""
    contents: list[bytearray] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    complete: list[bytes] = field(default_factory=list)

    async def __call__(self, upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            content = bytearray()
            self.heads.append(head)
            self.contents.append(content)
            if self.early:
                writer.write(self.early)
            await self._read(reader, head.lower(), content)
            self.complete.append(bytes(content))
            if not self.early:
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")

    @staticmethod
    async def _read(reader: asyncio.StreamReader, head: bytes, content: bytearray) -> None:
        if b"transfer-encoding: chunked" in head:
            while size := int(await reader.readline(), 16):
                content += (await reader.readexactly(size + 2))[:-2]
            await reader.readline()
            return
        left = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        while left:
            piece = await reader.read(left)
            if not piece:
                raise asyncio.IncompleteReadError(b"", left)
            content += piece
            left -= len(piece)


@contextlib.asynccontextmanager
async def serving(backend: Backend) -> AsyncIterator[Running]:
    async with (
        running_upstream(script=backend) as upstream,
        running_gateway(ENTRY.format(url=upstream.url), policies=POLICIES) as gateway,
    ):
        yield gateway


def head(length: int | None, path: str = "/speech", sent: bytes | None = None, more: str = "") -> bytes:
    framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    kind = (sent or content_type()).decode("latin-1")
    return f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-type: {kind}\r\n{more}{framing}\r\n\r\n".encode("latin-1")


def chunks(body: bytes, size: int = 50_000) -> bytes:
    pieces = (body[at : at + size] for at in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


async def upload(
    gateway: Running, body: bytes, chunked: bool, path: str = "/speech", sent: bytes | None = None
) -> Response:
    async with wire(gateway.port) as client:
        client.send(head(None if chunked else len(body), path, sent) + (chunks(body) if chunked else body))
        return await client.response()


def slug(response: Response) -> str:
    return str(json.loads(response.body)["reason"])


def unaccounted(gateway: Running, backend: Backend) -> bool:
    """Whether nothing is held against the upstream: one failure would open the circuit."""
    return gateway.store.circuit(b"stt", 0.0).state == "closed"


def hostile(large: bool) -> dict[str, tuple[str, bytes]]:
    """Uploads with the reason that each is refused for, by name; ``large`` ones begin well and go on for 300 KB before."""
    before = form(file(BIG, name=b"audio"), end=b"")[: -len(BOUNDARY) - 2] if large else b""
    start = b"--%b\r\n" % BOUNDARY
    found = {}
    for name, body in malformed(BIG if large else WEBM).items():
        found[name] = ("upload_malformed", before + body if body.startswith(start) and len(body) < len(BIG) else body)
    audio = {name: value for name, value in HOSTILE.items() if value[0].startswith("audio/")}
    for name, (declared, content, reason) in audio.items():
        if declared in ("audio/webm", "audio/mp4", "audio/mpeg", "audio/wav", "audio/ogg"):
            found[f"the file: {name}"] = (reason, form(text(b"x" * 64, b"a"), file(content, declared.encode())))
    return found


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("large", [False, True])
async def test_what_is_refused_never_arrives_whole_and_is_held_against_nobody(large: bool, chunked: bool) -> None:
    backend = Backend()
    async with serving(backend) as gateway:
        cases = hostile(large)
        assert len(cases) > 80
        for name, (reason, body) in cases.items():
            response = await upload(gateway, body, chunked)
            assert (name, response.status // 100, slug(response)) == (name, 4, reason)
            detail = json.loads(response.body)["detail"]
            assert detail and "WebKit" not in detail and "webm " not in detail, name
        assert backend.complete == []
        assert bool(backend.contents) is large
        assert unaccounted(gateway, backend)
        response = await upload(gateway, LARGE, chunked)
        assert response.status == 200
        assert backend.complete == [LARGE]
        assert {exchange.failure for exchange in gateway.seen.exchanges} == {None}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", [GOOD, LARGE, form(file(WEBM), end=b"--")])
async def test_what_passes_arrives_byte_for_byte(body: bytes, chunked: bool) -> None:
    backend = Backend()
    async with serving(backend) as gateway:
        assert (await upload(gateway, body, chunked)).status == 200
    assert backend.complete == [body]


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("large", [False, True])
async def test_a_type_is_written_anew_and_the_length_with_it(chunked: bool, large: bool) -> None:
    backend = Backend()
    content = mp4() if not large else BIG
    kind = b"audio/webm;codecs=opus" if large else b"Audio/X-M4A"
    body = form(file(content, kind))
    async with serving(backend) as gateway:
        assert (await upload(gateway, body, chunked, "/renamed")).status == 200
    assert backend.complete == [body.replace(kind, b"audio/webm" if large else b"audio/mp4")]
    assert (b"chunked" in backend.heads[0]) is large


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_end_is_held_back_until_all_is_judged(chunked: bool) -> None:
    backend = Backend()
    async with serving(backend) as gateway, wire(gateway.port) as client:
        cut = LARGE.rindex(b"\r\n--")
        first = chunks(LARGE[:-1])[: -len(b"0\r\n\r\n")] if chunked else LARGE[:-1]
        client.send(head(None if chunked else len(LARGE)) + first)
        await eventually(lambda: backend.contents and len(backend.contents[0]) >= cut)
        await asyncio.sleep(0.02)
        assert bytes(backend.contents[0]) == LARGE[:cut], "nothing of the end"
        client.send(chunks(LARGE[-1:]) if chunked else LARGE[-1:])
        assert (await client.response()).status == 200
    assert backend.complete == [LARGE]


async def test_the_start_of_a_file_is_held_back_until_it_is_known_what_it_is() -> None:
    backend = Backend()
    body = form(file(BIG), text(b"en"))
    second = form(file(BIG, b"audio/ogg"))
    async with serving(backend) as gateway:
        assert slug(await upload(gateway, second, True)) == "upload_type_refused"
        assert backend.contents == [], "not even a connection"
        async with wire(gateway.port) as client:
            client.send(head(len(body)) + body[: body.index(BIG) + 4])
            await asyncio.sleep(0.05)
            assert backend.contents == []


async def test_a_refusal_comes_at_once_while_the_client_still_sends() -> None:
    backend = Backend()
    async with serving(backend) as gateway, wire(gateway.port) as client:
        client.send(head(9_000_000) + form(file(BIG), text(b"NOT A LANGUAGE")) + bytes(100))
        response = await client.response()
        assert (response.status, slug(response)) == (400, "upload_malformed")
        assert response[b"connection"] == b"close"
        assert json.loads(response.body)["errors"] == [
            {"pointer": "/language", "detail": json.loads(response.body)["detail"]}
        ]
        client.send(bytes(100_000))
        assert await client.ended()
    assert backend.complete == []


async def test_a_file_that_is_too_large_is_refused_as_soon_as_it_is() -> None:
    backend = Backend()
    async with serving(backend) as gateway, wire(gateway.port) as client:
        body = form(file(WEBM + bytes(10_000_000)))
        client.send(head(None))
        for at in range(0, len(body), 500_000):
            piece = body[at : at + 500_000]
            client.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        response = await client.response()
        assert (response.status, slug(response)) == (413, "upload_too_large")
        assert "10 MB" in json.loads(response.body)["detail"]
    assert backend.complete == []
    assert unaccounted(gateway, backend)


@pytest.mark.parametrize(
    ("length", "sent", "reason"),
    [
        (11_000_000, None, "upload_too_large"),
        (1000, b"multipart/form-data", "upload_malformed"),
        (1000, b"multipart/form-data; boundary=B; boundary=C", "upload_malformed"),
        (1000, b"text/plain", "media_type_refused"),
    ],
)
async def test_a_head_is_refused_before_the_client_is_asked_for_more(
    length: int, sent: bytes | None, reason: str
) -> None:
    async with serving(Backend()) as gateway, wire(gateway.port) as client:
        client.send(head(length, sent=sent, more="expect: 100-continue\r\n"))
        response = await client.response()
        assert (response.status // 100, slug(response)) == (4, reason)


async def test_a_client_that_waits_is_asked_for_a_form_that_may_pass() -> None:
    backend = Backend()
    async with serving(backend) as gateway, wire(gateway.port) as client:
        client.send(head(len(GOOD), more="expect: 100-continue\r\n"))
        assert (await client.response()).status == 100
        assert (await client.ask(GOOD)).status == 200
    assert backend.complete == [GOOD]


@pytest.mark.parametrize(
    "early", [b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n", b"HTTP/1.1 503 Busy\r\ncontent-length: 2\r\n\r\n"]
)
async def test_an_upstream_that_responds_before_the_verdict_is_not_held_to_account(early: bytes) -> None:
    backend = Backend(early)
    async with serving(backend) as gateway, wire(gateway.port) as client:
        body = form(file(BIG), text(b"NOT A LANGUAGE"))
        client.send(head(len(body) + 9) + body)
        with contextlib.suppress(asyncio.IncompleteReadError):
            await client.response()
        await eventually(lambda: gateway.seen.exchanges)
        assert unaccounted(gateway, backend)
    assert backend.complete == []


async def test_a_client_that_leaves() -> None:
    backend = Backend()
    async with serving(backend) as gateway:
        async with wire(gateway.port) as client:
            client.send(head(len(LARGE)) + LARGE[:200_000])
            await eventually(lambda: backend.contents and len(backend.contents[0]) > 100_000)
            client.reset()
        await eventually(lambda: gateway.seen.exchanges)
        assert unaccounted(gateway, backend)
    assert backend.complete == []


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(
    ("body", "noted"),
    [
        (form(file(BIG)), []),
        (form(file(b"<script>" * 30_000)), ["upload_type_refused"]),
        (form(file(BIG))[:-20], ["upload_malformed"]),
        (form(file(WEBM + bytes(1_000_000))), ["upload_too_large"]),
        (b"no form", ["upload_malformed"]),
    ],
)
async def test_report_mode_passes_all_byte_for_byte_and_notes_it(body: bytes, noted: list[str], chunked: bool) -> None:
    backend = Backend()
    async with serving(backend) as gateway:
        assert (await upload(gateway, body, chunked, "/reported")).status == 200
        found: list[Exchange] = await eventually(lambda: gateway.seen.exchanges)
        assert [refusal.reason.slug for refusal in found[0].reported] == noted
        assert all(refusal.detail for refusal in found[0].reported)
    assert backend.complete == [body]


async def test_json_is_left_to_those_who_look_into_it_and_nothing_else_passes() -> None:
    backend = Backend()
    async with serving(backend) as gateway:
        assert (await upload(gateway, b"{}", False, sent=b"application/json")).status == 200
        other = b"application/json, multipart/form-data; boundary=" + BOUNDARY
        assert slug(await upload(gateway, GOOD, False, sent=other)) == "media_type_refused"
        assert slug(await upload(gateway, b"x", False, sent=b"audio/webm")) == "media_type_refused"
    assert backend.complete == [b"{}"]


async def test_a_small_refusal_leaves_the_connection_to_the_next_request() -> None:
    async with serving(Backend()) as gateway, wire(gateway.port) as client:
        bad = form(text(b"NOT"))
        assert slug(await client.ask(head(len(bad)) + bad)) == "upload_malformed"
        assert (await client.ask(head(len(GOOD)) + GOOD)).status == 200
