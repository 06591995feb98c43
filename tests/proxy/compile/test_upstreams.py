"""From an upstream's settings to an upstream that can be called, and what looks after its endpoints."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gateway.config.model import UpstreamSettings
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.upstreams import assemble, background_tasks
from gateway.proxy.pool.discovery import DnsDiscovery
from gateway.proxy.pool.health_check import HealthChecker
from gateway.proxy.upstream.upstream import Upstream
from gateway.state.memory.store import MemoryStore
from tests.certificate_files import issue
from tests.no_descriptors import no_descriptors

ONE = {"url": "http://127.0.0.1:1"}
TWO = {"url": "https://a.example", "weight": 3, "priority": 1, "region": "eu"}


def settings(*endpoints: dict[str, object], **more: object) -> UpstreamSettings:
    return UpstreamSettings.model_validate({"endpoints": endpoints or (ONE,), **more})


def assembled(*endpoints: dict[str, object], **more: object) -> Upstream:
    return assemble("tutor", settings(*endpoints, **more), "eu", Tools(MemoryStore()))


async def test_each_endpoint_is_as_it_is_written() -> None:
    upstream = assembled(ONE, TWO)
    assert upstream.name == "tutor"
    assert [(each.host, each.port) for each in upstream.endpoints] == [("127.0.0.1", 1), ("a.example", 443)]
    assert [each.weight for each in upstream.endpoints] == [1, 3]
    assert [each.priority for each in upstream.endpoints] == [0, 1]
    assert [each.region for each in upstream.endpoints] == ["", "eu"]
    assert [each.tls is not None for each in upstream.endpoints] == [False, True]


async def test_without_a_descriptor_for_the_authorities_there_is_no_upstream_that_trusts_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue(tmp_path, "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with no_descriptors(), pytest.raises(OSError) as caught:
        assembled(TWO)
    assert caught.value.errno == errno.EMFILE
    (tls,) = [each.tls for each in assembled(TWO).endpoints]
    assert tls is not None and tls.cert_store_stats()["x509"]


@pytest.mark.parametrize(
    ("endpoints", "more", "repeats"),
    [
        ([ONE], {}, False),
        ([ONE], {"retries": {}}, True),
        ([ONE, TWO], {}, True),
        ([{"url": "http://a.example"}], {"resolve": 10.0}, True),
    ],
    ids=["one endpoint", "retries", "two endpoints", "names that are looked up"],
)
async def test_a_call_is_attempted_again_only_where_there_is_something_to_try(
    endpoints: list[dict[str, object]], more: dict[str, object], repeats: bool
) -> None:
    assert (assembled(*endpoints, **more).attempts is not None) is repeats


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, [DnsDiscovery]),
        ({"health_check": {"path": "/health"}}, [HealthChecker, DnsDiscovery]),
        ({"resolve": 10.0}, [DnsDiscovery]),
        ({"health_check": {"path": "/health"}, "resolve": 10.0}, [HealthChecker, DnsDiscovery]),
    ],
    ids=["a name", "health check", "lookup", "both"],
)
async def test_what_looks_after_the_endpoints(more: dict[str, object], kinds: list[type]) -> None:
    of = settings({"url": "http://a.example"}, **more)
    upstream = assemble("tutor", of, "", Tools(MemoryStore()))
    assert [type(task) for task in background_tasks(upstream, of, Tools(MemoryStore()))] == kinds
