"""How many connections the descriptors of a worker carry, and the limit that a run begins with."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.config.model import Config
from gateway.process.descriptors import RESERVE, fitted, room
from tests.process.configs import written

LIMITS = (16, 64, 100, 128, 200, 256, 512, 1024, 2048, 4096, 20_000, 1_048_576)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """10,000 connections, and two upstreams with 1,000 each."""
    return written(tmp_path)


def test_enough_for_all_changes_nothing(config: Config) -> None:
    found = room(config, 1_048_576)
    assert found.enough and fitted(config, found) is config
    assert room(config, 12_000 + RESERVE + 1).enough


def test_the_listener_gets_what_the_upstreams_leave(config: Config) -> None:
    found = room(config, 8192)
    assert (found.connections, found.upstreams) == (8192 - RESERVE - 1 - 2000, 2000)
    assert fitted(config, found).listen.limits.connections == found.connections
    assert fitted(config, found).upstreams == config.upstreams
    assert found.sentence() == (
        "8,192 descriptors a worker carry 5,999 connections a listener, not the 10,000 of listen.limits.connections"
    )


def test_too_few_for_the_upstreams_are_shared(config: Config) -> None:
    found = room(config, 1024)
    assert (found.connections, found.upstreams) == (416, 415)
    assert [upstream.max_connections for upstream in fitted(config, found).upstreams.values()] == [207, 207]
    assert "and 415 to all upstreams, not the 2,000 of their max_connections" in found.sentence()


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("more", ["", ", egress: {port: 0}", ", workers: 16", ", limits: {connections: 100}"])
def test_what_is_given_out_never_exceeds_the_descriptors_and_nobody_gets_none(
    tmp_path: Path, limit: int, more: str
) -> None:
    config = written(tmp_path, **{"drain: 5s": "drain: 5s" + more})
    found = room(config, limit)
    made = fitted(config, found)
    listeners = 2 if config.listen.egress else 1
    given = made.listen.limits.connections * listeners + sum(each.max_connections for each in made.upstreams.values())
    assert given <= limit - min(RESERVE, limit // 2)
    assert made.listen.limits.connections >= min(2, config.listen.limits.connections)
    assert all(each.max_connections >= 1 for each in made.upstreams.values())
    assert made.listen.limits.connections <= config.listen.limits.connections
    assert made.digest == config.digest


def test_the_limit_of_a_process_is_raised_as_far_as_it_may_be() -> None:
    code = (
        "import resource; from gateway.process.descriptors import hard_limit, raise_limit;"
        "print(hard_limit(), raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    hard = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (hard // 2, hard)),
    )
    assert ran.stdout.split() == [str(hard).encode()] * 4


@pytest.mark.parametrize("limit", LIMITS)
def test_one_address_never_has_all_of_fewer_connections_than_are_written(tmp_path: Path, limit: int) -> None:
    """Requests whose content does not come would hold all of them, and nobody else would be served."""
    bounds = ", limits: {per_address: {connections: 1000, requests: 250}}"
    limits = fitted(
        written(tmp_path, **{"drain: 5s": "drain: 5s" + bounds}), room(written(tmp_path), limit)
    ).listen.limits
    of_one = limits.per_address
    assert of_one.connections == max(1, min(1000, limits.connections // 2))
    assert of_one.requests == max(1, min(250, limits.connections // 4))


def test_an_address_without_a_bound_gets_none(config: Config) -> None:
    of_one = fitted(config, room(config, 256)).listen.limits.per_address
    assert (of_one.connections, of_one.requests) == (None, None)
