"""An endpoint: its name for Host, in the log and for operators, and whether it may get calls."""

from __future__ import annotations

import ssl

import pytest

from gateway.proxy.pool.endpoint import Endpoint


@pytest.mark.parametrize(
    ("host", "port", "tls", "authority"),
    [
        ("api.example", 80, False, b"api.example"),
        ("api.example", 443, True, b"api.example"),
        ("api.example", 443, False, b"api.example:443"),
        ("api.example", 8443, True, b"api.example:8443"),
        ("::1", 8080, False, b"[::1]:8080"),
        ("::1", 80, False, b"[::1]"),
    ],
)
def test_host_has_a_port_only_where_it_is_not_that_of_the_scheme(
    host: str, port: int, tls: bool, authority: bytes
) -> None:
    endpoint = Endpoint(host, port, ssl.create_default_context() if tls else None)
    assert (endpoint.host_field, endpoint.authority) == (authority, authority.decode())


def test_it_may_get_calls_while_it_is_healthy_and_not_ejected() -> None:
    endpoint, now = Endpoint("127.0.0.1", 80, None), 100.0
    endpoint.clock = lambda: now
    assert endpoint.healthy
    endpoint.checked_healthy = False
    assert not endpoint.healthy
    endpoint.checked_healthy, endpoint.ejected_until = True, 110.0
    assert (endpoint.healthy, endpoint.ejected_for) == (False, 10.0)
    now = 110.0
    assert (endpoint.healthy, endpoint.ejected_for) == (True, 0.0)


def test_one_of_its_addresses_is_the_same_server_with_a_state_of_its_own() -> None:
    endpoint = Endpoint("api.example", 8080, None, weight=3, priority=2, region="eu")
    endpoint.failures, endpoint.checked_healthy = 4, False
    address = endpoint.at("192.0.2.1")
    assert (address.label, address.host_field, address.address) == (
        "api.example:8080",
        b"api.example:8080",
        "192.0.2.1",
    )
    assert (address.weight, address.priority, address.region) == (3, 2, "eu")
    assert (address.failures, address.healthy) == (0, True)
