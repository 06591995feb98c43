"""Whatever form passes the gateway, undici reads as the same parts, and where its pieces end changes nothing."""

from __future__ import annotations

import asyncio
import re
from base64 import b64decode
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any
from zlib import crc32

from gateway.policy.upload.form import boundary_of
from tests.fuzz.gateways import ENTRY, FILES, POLICIES
from tests.fuzz.in_process import RESPONSE, Outcome, in_process, whole
from tests.fuzz.near_calls import PROCEDURES, some_call, some_json
from tests.fuzz.near_forms import some_form
from tests.fuzz.of_uploads import parts_of, pieces_of
from tests.gateway_fixture import running_gateway
from tests.trpc.peer import readings
from tests.upstream_fixture import Upstream, running_upstream, wire

TRIED = 2000
UNFRAMED = "head_malformed"
"""Of a request whose chunks are no chunks: in pieces, what is before them may be judged first."""
RENAMED = {"audio/x-m4a": "audio/mp4"}
# What is another one for every request, and for every gateway.
_OWN = re.compile(rb"(?:x-request-id|x-correlation-id|host|via|transfer-encoding|content-length): [^\r\n]*\r\n")


def content_of(request: bytes) -> bytes:
    """The content of a request, whose chunks are joined."""
    head, _, rest = request.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" not in head.lower():
        return rest
    content = b""
    while rest[:3] != b"0\r\n":
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        content, rest = content + rest[:length], rest[length + 2 :]
    return content


def type_of(request: bytes) -> bytes:
    head = request.partition(b"\r\n\r\n")[0]
    (found,) = re.findall(rb"\r\ncontent-type: ([^\r\n]*)", head, re.IGNORECASE)
    return bytes(found)


def expected(by_client: bytes) -> list[list[str]]:
    """The parts that the gateway finds in a request, as ``peer.mjs`` shows them, with the types that it gives them."""
    found = []
    for head, content in parts_of([content_of(by_client)], boundary_of(type_of(by_client).strip())):
        if head.file_name is None:
            found.append([head.name, content.decode()])
        else:
            declared = RENAMED.get(head.type) or head.content_type.decode()
            found.append([head.name, head.file_name, declared, content.hex()])
    return found


def shown(parts: Sequence[Any]) -> list[list[str]]:
    return [[name, *rest[:-1], b64decode(rest[-1]).hex()] if len(rest) > 1 else [name, *rest] for name, *rest in parts]


def test_undici_reads_the_parts_that_the_gateway_has_judged(packages: None) -> None:
    chance, found = Random(17), []
    with in_process(ENTRY, POLICIES, FILES) as gateway:
        for _ in range(TRIED):
            by_client = some_form(chance)
            outcome = gateway.ask(by_client)
            assert outcome.events == [] and len(outcome.sent) == (outcome.status == 200), by_client
            found += [(by_client, upstream) for upstream in outcome.sent]
    assert TRIED / 10 < len(found) < TRIED * 3 / 4  # both are tried
    there = readings({}, [upstream for _, upstream in found])
    judged = [(expected(by_client), reading) for (by_client, _), reading in zip(found, there, strict=True)]
    assert [pair for pair in judged if pair[1]["error"] or shown(pair[1]["parts"]) != pair[0]] == []


def verdict(outcome: Outcome) -> tuple[int, str, list[tuple[bytes, bytes]]]:
    """What the client is told, and what the upstream gets whole: never anything of a refused form."""
    sent = [(_OWN.sub(b"", one.partition(b"\r\n\r\n")[0] + b"\r\n"), content_of(one)) for one in outcome.sent]
    assert not sent or outcome.status == 200
    return outcome.status, outcome.reason, sent


def cut(data: bytes, seed: int) -> list[bytes]:
    """A request, whose head stays whole, in pieces."""
    head, end, rest = data.partition(b"\r\n\r\n")
    return [head + end, *pieces_of(rest, seed)]


def test_the_verdict_on_an_upload_does_not_depend_on_where_its_pieces_end() -> None:
    chance = Random(18)
    with in_process(ENTRY, POLICIES, FILES) as gateway:
        for number in range(TRIED // 5):
            form = some_form(chance, chance.choice((0, 0, 100_000)))
            once = verdict(gateway.ask(form))
            for seed in () if once[1] == UNFRAMED else range(3):
                assert verdict(gateway.ask(*cut(form, number + seed))) == once, (form, seed)


async def raw(upstream: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An upstream that keeps what it gets as it came: ``requests`` are bytes."""
    got = bytearray()
    while data := await reader.read(2**16):
        got += data
        while (size := whole(got)) is not None:
            upstream.requests.append(bytes(got[:size]))  # type: ignore[arg-type]  # as it came, and not read
            del got[:size]
            writer.write(RESPONSE)


def in_files(folder: Path, url: str) -> Path:
    """The entry file of the gateway before the upstream at ``url``."""
    for name, text in {"all.yaml": POLICIES, **FILES}.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "upstreams.yaml").write_text(ENTRY.replace("http://127.0.0.1:8787", url))
    return folder / "upstreams.yaml"


async def test_over_sockets_it_is_as_it_is_without(packages: None, tmp_path: Path) -> None:
    chance = Random(19)
    kinds = (some_call, some_json, some_form, lambda chance: some_form(chance, 100_000))
    asked = [chance.choice(kinds)(chance) for _ in range(160)]
    await asyncio.to_thread(_as_without, asked, await _by_sockets(asked, tmp_path))


def _as_without(asked: list[bytes], seen: list[Outcome]) -> None:
    with in_process(ENTRY, POLICIES, FILES) as gateway:
        for request, outcome in zip(asked, seen, strict=True):
            without = verdict(gateway.ask(request))
            assert without[1] == UNFRAMED or verdict(outcome) == without, request
    passed = [(request, outcome.sent[0]) for request, outcome in zip(asked, seen, strict=True) if outcome.sent]
    assert len(passed) > 20
    there = readings(PROCEDURES, [upstream for _, upstream in passed])
    for (request, _), reading in zip(passed, there, strict=True):
        if request.startswith(b"POST /speech"):
            assert shown(reading["parts"]) == expected(request)


async def _by_sockets(asked: list[bytes], folder: Path) -> list[Outcome]:
    """What comes of each request over sockets, sent in pieces."""
    seen = []
    async with (
        running_upstream(script=raw) as upstream,
        running_gateway(in_files(folder, upstream.url)) as gateway,
    ):
        for request in asked:
            upstream.requests.clear()
            async with wire(gateway.port) as client:
                for piece in cut(request, crc32(request)):
                    client.send(piece)
                    await asyncio.sleep(0)
                client.writer.write_eof()
                response = await asyncio.wait_for(client.reader.read(), 10)
            sent: list[bytes] = list(upstream.requests)  # type: ignore[arg-type]  # see ``raw``
            seen.append(Outcome(response, sent, [], []))
    return seen
