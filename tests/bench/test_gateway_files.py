"""The bench's own files are good ones, and what its requests carry is what they ask for."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bench.bodies import FORM, JSON, OCTETS, body
from bench.contestants import HERE
from bench.scenarios import JUDGED, SCENARIOS
from bench.stages import contents
from gateway.config.load import load
from gateway.config.model import Config
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.runtime import Runtime
from gateway.state.memory.store import MemoryStore

ENV = {
    "BENCH_PORT": "8080",
    "BENCH_SECRET": "a-signing-secret-of-more-than-32-bytes",
    "BENCH_UPSTREAM": "http://127.0.0.1:8787",
}


def loaded(name: str, folder: Path) -> Config:
    config = load(HERE / "gateway" / name, {**ENV, "BENCH_STATE": str(folder)})
    assert isinstance(config, Config), "\n".join(map(str, config))
    return config


@pytest.mark.parametrize("name", ["bare.yaml", "upstreams.yaml"])
def test_the_gateway_takes_them(name: str, tmp_path: Path) -> None:
    assert loaded(name, tmp_path).routes


async def test_a_good_content_passes_whoever_looks_into_it(tmp_path: Path) -> None:
    runtime = Runtime(loaded("upstreams.yaml", tmp_path), Tools(MemoryStore(), time.time, ()))
    looks = dict(contents(runtime))
    assert len(looks) == 2
    for look in looks.values():
        look()  # raises for one that is refused


@pytest.mark.parametrize("kind", [OCTETS, JSON, FORM])
@pytest.mark.parametrize("size", [1024, 1025, 16384, 99_999])
def test_a_content_is_as_long_as_it_should_be(kind: str, size: int) -> None:
    assert len(body(kind, size)) == size


def test_each_scenario_that_looks_into_bodies_stands_beside_one_that_does_not() -> None:
    by_name = {scenario.name: scenario for scenario in SCENARIOS}
    assert JUDGED.keys() == {scenario.name for scenario in SCENARIOS if scenario.judged}
    for judged, unread in JUDGED.items():
        one, other = by_name[judged], by_name[unread]
        assert (one.content, one.body, one.connections, one.mode) == (
            other.content,
            other.body,
            other.connections,
            other.mode,
        )
        assert not other.judged
