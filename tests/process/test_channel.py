"""Orders reach a worker whole, secrets included, and nothing else lets a secret be pickled."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from gateway.core.secret import Secret
from gateway.process.channel import Announce, Drain, Reload, Start, encode, receive

ROOT = Path(__file__).parent.parent.parent
ENV = {
    "JWT_SECRET": "a-signing-secret-of-more-than-32-bytes",
    "GATEWAY_OPS_TOKEN": "an-operators-token-of-more-than-32-bytes",
    "TOOLKIT_API_KEY": "a-toolkit-key",
}


def shipped() -> Config:
    loaded = load(ROOT / "upstreams.yaml", ENV)
    assert isinstance(loaded, Config), loaded
    return loaded


def reader(data: bytes) -> asyncio.StreamReader:
    made = asyncio.StreamReader()
    made.feed_data(data)
    made.feed_eof()
    return made


async def test_the_whole_shipped_configuration_arrives_as_it_was() -> None:
    config = shipped()
    start = Start(config, 3, 7, Path("/run"), b"key", "1.0", 5.0)
    orders = reader(encode(start) + encode(Reload(config, 6.0)) + encode(Announce()) + encode(Drain(20.0, 5.0, 0.0)))
    got = await receive(orders)
    assert got == start
    assert isinstance(got, Start)
    token = got.config.ops.token
    assert token is not None and token.reveal() == ENV["GATEWAY_OPS_TOKEN"]
    assert (token.written, token.shown) == ("${GATEWAY_OPS_TOKEN}", "${GATEWAY_OPS_TOKEN}"), (
        "and what is written of them"
    )
    assert await receive(orders) == Reload(config, 6.0)
    assert await receive(orders) == Announce()
    assert await receive(orders) == Drain(20.0, 5.0, 0.0)
    assert await receive(orders) is None


async def test_half_an_order_is_none() -> None:
    assert await receive(reader(encode(Drain(1.0, 0.1, 0.0))[:-1])) is None
    assert await receive(reader(b"\x01")) is None


def test_a_secret_still_refuses_every_other_pickle() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret("hush"))
