"""Which of two listeners lets more through."""

from __future__ import annotations

import pytest

from gateway.config.listen_orders import ANYWHERE, HERE, SOMEWHERE, reach
from gateway.config.listen_settings import Listen
from gateway.config.worker_count import AUTO, WorkerCount
from gateway.policy.base.order import compared
from tests.settings_compared import CHANGES, LOOSENS, TIGHTENS, Written, of_parts, seen

TLS: Written = {"tls": {"cert": "a.pem", "key": "a.key"}}

LOOSER = [
    ("host", {"host": "127.0.0.1"}, {"host": "10.0.0.1"}),
    ("host", {"host": "10.0.0.1"}, {"host": "0.0.0.0"}),
    ("workers", {"workers": 2}, {"workers": 3}),
    ("trusted_proxies", {}, {"trusted_proxies": ["10.0.0.0/8"]}),
    ("trusted_proxies", {"trusted_proxies": ["10.1.0.0/16"]}, {"trusted_proxies": ["10.0.0.0/8"]}),
    ("limits.connections", {}, {"limits": {"connections": 20_000}}),
    ("limits.header_bytes", {}, {"limits": {"header_bytes": 65536}}),
    ("limits.header_timeout", {}, {"limits": {"header_timeout": 20.0}}),
    ("limits.body_timeout", {}, {"limits": {"body_timeout": 60.0}}),
    ("limits.keepalive", {}, {"limits": {"keepalive": 90.0}}),
    ("limits.send_timeout", {}, {"limits": {"send_timeout": 60.0}}),
    ("limits.unsent", {}, {"limits": {"unsent": 2**30}}),
    ("limits.per_address.connections", {"limits": {"per_address": {"connections": 9}}}, {}),
    ("limits.per_address.requests", {"limits": {"per_address": {"requests": 9}}}, {}),
    ("limits.per_address.unrouted", {}, {"limits": {"per_address": {"unrouted": "2000/second"}}}),
    ("tls", TLS, {}),
    ("egress", {}, {"egress": {}}),
]

EITHER_WAY = [
    ("host", {"host": "10.0.0.1"}, {"host": "192.168.0.1"}),
    ("trusted_proxies", {"trusted_proxies": ["10.0.0.0/8"]}, {"trusted_proxies": ["11.0.0.0/8"]}),
    ("trusted_fields", {}, {"trusted_fields": "forwarded"}),
    # 120/minute lets fewer pass in a second and more at once
    (
        "limits.per_address.unrouted",
        {"limits": {"per_address": {"unrouted": "60/second"}}},
        {"limits": {"per_address": {"unrouted": "120/minute"}}},
    ),
]

NEITHER = [
    ("host", {"host": "127.0.0.1"}, {"host": "::1"}),
    ("port", {}, {"port": 8081}),
    ("via", {}, {"via": "other"}),
    ("drain.announce", {}, {"drain": {"announce": 9.0}}),
    ("drain.finish", {}, {"drain": {"finish": 9.0}}),
    ("egress.port", {"egress": {}}, {"egress": {"port": 8182}}),
    ("tls.cert", TLS, {"tls": {"cert": "b.pem", "key": "a.key"}}),
]


@pytest.mark.parametrize(("setting", "strict", "loose"), LOOSER)
def test_what_lets_more_in_loosens(setting: str, strict: Written, loose: Written) -> None:
    assert of_parts(Listen, strict, loose) == [(setting, LOOSENS)]
    assert of_parts(Listen, loose, strict) == [(setting, TIGHTENS)]


@pytest.mark.parametrize(("setting", "one", "other"), EITHER_WAY)
def test_what_lets_others_in_loosens_either_way(setting: str, one: Written, other: Written) -> None:
    assert of_parts(Listen, one, other) == of_parts(Listen, other, one) == [(setting, LOOSENS)]


@pytest.mark.parametrize(("setting", "one", "other"), NEITHER)
def test_what_lets_the_same_in_is_neither(setting: str, one: Written, other: Written) -> None:
    assert of_parts(Listen, one, other) == of_parts(Listen, other, one) == [(setting, CHANGES)]


def test_as_many_workers_as_processors_is_the_same_on_every_host() -> None:
    one, other = (Listen(workers=WorkerCount.of(count, AUTO)) for count in (2, 8))
    assert list(compared(one, other)) == []
    assert seen(list(compared(Listen(workers=4), other))) == [("workers", LOOSENS)]
    assert seen(list(compared(other, Listen(workers=4)))) == [("workers", LOOSENS)]


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("0.0.0.0", ANYWHERE),
        ("0", ANYWHERE),
        ("::", ANYWHERE),
        ("*", ANYWHERE),
        ("127.0.0.1", HERE),
        ("127.1", HERE),
        ("::1", HERE),
        ("localhost", HERE),
        ("10.0.0.1", SOMEWHERE),
        ("gateway.internal", SOMEWHERE),
    ],
)
def test_from_where_a_host_is_reached(host: str, found: int) -> None:
    assert reach(host) == found
