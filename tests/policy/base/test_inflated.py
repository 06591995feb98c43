"""Content that is inflated while it is read: one verdict for every cut of it, and no bomb."""

from __future__ import annotations

import asyncio
import gzip
import random
import tracemalloc
import zlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import read_to_end
from gateway.core.verdict import Refusal
from gateway.policy.base.inflated import CODINGS, FREE, PIECE, InflatedContent
from tests.processor_time import processor_time

TEXT = bytes(random.Random(1).choices(b'abcdefgh {}":,', k=30_000))


def raw(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKED = {"gzip": gzip.compress(TEXT), "deflate": zlib.compress(TEXT), "raw deflate": raw(TEXT)}


class Arriving:
    """A content in pieces; ``here`` of them have arrived."""

    late = False

    def __init__(self, pieces: Sequence[bytes], here: int = 0, chunked: bool = False) -> None:
        self.pieces = [piece for piece in pieces if piece]
        self.length: int | None = None if chunked else sum(map(len, pieces))
        self.limit: int | None = None
        self.received = 0
        self.here = len(self.pieces) if here < 0 else here

    @property
    def complete(self) -> bool:
        return self.here >= len(self.pieces)

    def whole(self) -> bytes | Refusal | None:
        data, self.pieces = b"".join(self.pieces), []
        return data

    def put_back(self, data: bytes) -> None:
        raise AssertionError("nothing inflated goes back into the coded content")

    async def gather(self, least: int) -> Refusal | None:
        raise AssertionError("not asked")

    async def read(self) -> bytes | Refusal:
        await asyncio.sleep(0)
        self.here = max(self.here - 1, 0)
        return self.pieces.pop(0) if self.pieces else b""


def inflated(
    pieces: Sequence[bytes],
    coding: str = "gzip",
    limit: int = 2**20,
    ratio: int = 20,
    here: int = 0,
    chunked: bool = False,
) -> InflatedContent:
    return InflatedContent(Arriving(pieces, here, chunked), coding, limit, ratio)


def outcome(found: bytes | Refusal | None) -> object:
    return found.reason.slug if isinstance(found, Refusal) else found


def cut(data: bytes, *sizes: int) -> list[bytes]:
    pieces = []
    for size in sizes:
        pieces.append(data[:size])
        data = data[size:]
    return [*pieces, data]


@pytest.mark.parametrize("coding", PACKED)
async def test_every_coding_and_every_way_to_read(coding: str) -> None:
    packed, name = PACKED[coding], coding.removeprefix("raw ")
    assert outcome(await read_to_end(inflated(cut(packed, 1, 2, 500), name))) == TEXT
    whole = inflated([packed], name, here=-1)
    assert outcome(whole.whole()) == TEXT and whole.received == len(TEXT)
    waiting = inflated(cut(packed, 10), name)
    assert waiting.whole() is None and not waiting.complete
    gathered = inflated(cut(packed, 5_000, 5_000), name)
    assert await gathered.gather(1) is None and gathered.received == 0
    first = await gathered.read()
    assert isinstance(first, bytes) and TEXT.startswith(first) and gathered.received == len(first)
    gathered.put_back(first)
    assert gathered.received == 0
    assert outcome(await read_to_end(gathered)) == TEXT
    assert gathered.length is None and gathered.late is False


def test_the_names_of_codings() -> None:
    assert CODINGS == {b"gzip": "gzip", b"x-gzip": "gzip", b"deflate": "deflate"}


WRONG = {
    "cut in the data": PACKED["gzip"][:-30],
    "cut in the trailer": PACKED["gzip"][:-1],
    "cut in the head": PACKED["gzip"][:5],
    "a byte behind": PACKED["gzip"] + b"\0",
    "a second member": PACKED["gzip"] * 2,
    "a wrong checksum": PACKED["gzip"][:-8] + b"\0\0\0\0" + PACKED["gzip"][-4:],
    "a wrong length": PACKED["gzip"][:-4] + b"\0\0\0\0",
    "flags that are reserved": PACKED["gzip"][:3] + b"\xe0" + PACKED["gzip"][4:],
    "a name that does not end": b"\x1f\x8b\x08\x08" + b"\0" * 6 + b"a" * 5_000,
    "no coding at all": b'{"a": 1}',
    "zlib for gzip": PACKED["deflate"],
}
WRONG_DEFLATE = {
    "gzip for deflate": PACKED["gzip"],
    "a dictionary": b"\x78\xbb\0\0\0\1" + PACKED["raw deflate"],
    "a wrong checksum of zlib": PACKED["deflate"][:-1] + b"\0",
    "zlib that is cut": PACKED["deflate"][:-2],
    "raw that is cut": PACKED["raw deflate"][:-1],
    "raw with a byte behind": PACKED["raw deflate"] + b"x",
    "a block of the reserved type": b"\x07",
}


@pytest.mark.parametrize("name", [*WRONG, *WRONG_DEFLATE])
async def test_what_is_broken_is_refused_in_every_cut(name: str) -> None:
    data = WRONG.get(name) or WRONG_DEFLATE[name]
    coding = "gzip" if name in WRONG else "deflate"
    for pieces in ([data], cut(data, 1), [data[at : at + 700] for at in range(0, len(data), 700)]):
        assert outcome(await read_to_end(inflated(pieces, coding))) == "body_malformed"
        assert outcome(inflated(pieces, coding, here=-1).whole()) == "body_malformed"
        gathered = inflated(pieces, coding)
        assert outcome(await gathered.gather(2**30) or await read_to_end(gathered)) == "body_malformed"


async def test_no_bytes_are_no_content() -> None:
    assert await read_to_end(inflated([])) == inflated([], here=-1).whole() == b""


@pytest.mark.parametrize("chunked", [False, True])
async def test_the_limit_and_the_ratio_are_exact(chunked: bool) -> None:
    data = TEXT[:1000]
    packed = gzip.compress(data)
    assert outcome(await read_to_end(inflated([packed], limit=1000, chunked=chunked))) == data
    assert outcome(await read_to_end(inflated([packed], limit=999, chunked=chunked))) == "body_too_large"
    even = gzip.compress(b"a" * 40_000)
    least = -(-40_000 // len(even))
    for pieces in ([even], [even[:1], even[1:]], [bytes([byte]) for byte in even]):
        assert outcome(await read_to_end(inflated(pieces, ratio=least, chunked=chunked))) == b"a" * 40_000
        assert outcome(await read_to_end(inflated(pieces, ratio=least - 1, chunked=chunked))) == "body_too_large"
    assert outcome(await read_to_end(inflated([gzip.compress(b"a" * FREE)], ratio=1, chunked=chunked))) == b"a" * FREE
    small = gzip.compress(b"a" * (FREE + 1))
    assert outcome(await read_to_end(inflated([small], ratio=1, chunked=chunked))) == "body_too_large"


BOMB = gzip.compress(b"\0" * 60_000_000)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_bomb_costs_little_time_and_memory(chunked: bool) -> None:
    """64 KiB of gzip that come to 60 MB, at the largest size that a policy of the shipped set allows."""
    assert len(BOMB) < 64 * 1024
    limit = 11_000_000
    tracemalloc.start()
    try:
        assert outcome(await read_to_end(inflated([BOMB], limit=limit, chunked=chunked))) == "body_too_large"
        assert tracemalloc.get_traced_memory()[1] < limit + 4 * PIECE
    finally:
        tracemalloc.stop()

    def all_here() -> None:
        assert outcome(inflated([BOMB], limit=limit, here=-1, chunked=chunked).whole()) == "body_too_large"

    def within_64_kib() -> None:
        assert outcome(inflated([BOMB], limit=64 * 1024, here=-1, chunked=True).whole()) == "body_too_large"

    assert processor_time(all_here, enough=0.003) < 0.01
    assert processor_time(within_64_kib, enough=0.001) < 0.003


async def test_a_reader_holds_one_piece() -> None:
    """A long upload is inflated as it is passed on: no more than a piece of it is in memory at once."""
    packed = gzip.compress(b"abcdefgh" * 2_000_000)
    content = inflated([packed[at : at + 4096] for at in range(0, len(packed), 4096)], limit=2**25, ratio=1032)
    longest = total = 0
    while piece := await content.read():
        assert isinstance(piece, bytes)
        longest, total = max(longest, len(piece)), total + len(piece)
    assert (total, longest <= PIECE) == (16_000_000, True)


@settings(deadline=None)
@given(
    st.binary(max_size=3000),
    st.sampled_from([*PACKED]),
    st.lists(st.integers(0, 2000), max_size=6),
    st.integers(1, 3000),
    st.booleans(),
    st.sampled_from([b"", b"\0", b"x" * 40]),
)
def test_whether_it_passes_does_not_depend_on_the_cut(
    data: bytes, coding: str, sizes: list[int], limit: int, chunked: bool, behind: bytes
) -> None:
    data = data * 5
    packed = {"gzip": gzip.compress, "deflate": zlib.compress, "raw deflate": raw}[coding](data) + behind
    name = coding.removeprefix("raw ")
    in_pieces = asyncio.run(read_to_end(inflated(cut(packed, *sizes), name, limit, 3, chunked=chunked)))
    at_once = inflated([packed], name, limit, 3, here=-1, chunked=chunked).whole()
    assert isinstance(in_pieces, Refusal) == isinstance(at_once, Refusal)
    if not isinstance(in_pieces, Refusal):
        assert in_pieces == at_once == data
    if behind or len(data) > limit:
        assert isinstance(in_pieces, Refusal)
