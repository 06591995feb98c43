"""The one client address: only what our own proxies wrote is believed."""

import tracemalloc
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.forwarded import OVER_HTTP, OVER_TLS
from gateway.core.verdict import Refusal
from gateway.policy.base.proxies import parse_address
from gateway.policy.base.tools import Tools
from gateway.policy.base.trusted_fields import MAX_HOPS
from gateway.policy.client import Client, build

PROXIES = Client([ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("192.0.2.7/32")])


def walk(header: bytes | None, peer: str = "10.0.0.1", stage: Client = PROXIES) -> str:
    fields = {} if header is None else {b"x-forwarded-for": header}
    exchange = Exchange("GET", "/", fields, peer, 0.0)
    verdict = stage.on_request(exchange)
    return verdict.reason.slug if isinstance(verdict, Refusal) else exchange.client


@pytest.mark.parametrize(
    ("header", "client"),
    [
        (None, "10.0.0.1"),
        (b"", "10.0.0.1"),
        (b"203.0.113.9", "203.0.113.9"),
        (b"6.6.6.6, 203.0.113.9", "203.0.113.9"),
        (b"6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),
        (b"6.6.6.6, 203.0.113.9, 192.0.2.7,fd00::5", "203.0.113.9"),
        (b"10.9.9.9, 10.1.2.3", "10.9.9.9"),
        (b"203.0.113.9:55", "203.0.113.9"),
        (b"[2001:DB8::1]:443", "2001:db8::1"),
        (b"[2001:db8::1]", "2001:db8::1"),
        (b"2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
        (b"::ffff:203.0.113.9", "203.0.113.9"),
        (b"[::ffff:203.0.113.9]:4", "203.0.113.9"),
        (b"6.6.6.6, ::ffff:10.1.2.3", "6.6.6.6"),
        (b"\t203.0.113.9 ,\t10.1.2.3 ", "203.0.113.9"),
        # what stands left of the client is its own invention and is never looked at
        (b"<script>, , 203.0.113.9, 10.1.2.3", "203.0.113.9"),
    ],
)
def test_the_walk_from_the_right(header: bytes | None, client: str) -> None:
    assert walk(header) == client
    assert walk(header) == client  # and when it is remembered


@pytest.mark.parametrize(
    "entry",
    [
        b"unknown",
        b"_hidden",
        b"localhost",
        b"1.2.3",
        b"1.2.3.4.5",
        b"01.2.3.4",
        b"1.2.3.256",
        b"0x7f.0.0.1",
        b"2130706433",
        b"1.2.3.4:",
        b"1.2.3.4:65536",
        b"1.2.3.4:99999999",
        b"1.2.3.4:-1",
        b"1.2.3.4 5.6.7.8",
        b"[1.2.3.4]",
        b"[::1",
        b"::1]",
        b"[]",
        b"fe80::1%eth0",
        b"[fe80::1%25eth0]:80",
        b"1.2.3.4%lo",
        b'"[::1]:4"',
        b"for=1.2.3.4",
        b"http://1.2.3.4",
        b"1.2.3.4/32",
        b"\xd9\xa1.2.3.4",
        b"\xef\xbc\x91.2.3.4",
        b"1.2.3.4\xa0",
        b" ",
        b",",
    ],
)
def test_a_malformed_entry_that_is_reached_refuses_the_request(entry: bytes) -> None:
    assert walk(entry) == "forwarded_malformed"
    assert walk(b"6.6.6.6, " + entry + b", 10.1.2.3") == "forwarded_malformed"


def test_the_header_of_a_stranger_is_ignored_even_when_malformed() -> None:
    assert walk(b"10.0.0.1", peer="203.0.113.5") == "203.0.113.5"
    assert walk(b"not an address", peer="203.0.113.5") == "203.0.113.5"


def test_without_trusted_proxies_nobody_is_believed() -> None:
    stage = build(Tools(store=None, trusted_proxies=()))  # type: ignore[arg-type]  # this stage stores nothing
    assert walk(b"6.6.6.6", peer="127.0.0.1", stage=stage) == "127.0.0.1"


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        ("", "unknown"),
        ("/run/gateway.sock", "unknown"),
        ("::ffff:203.0.113.5", "203.0.113.5"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_peers_in_one_spelling(peer: str, client: str) -> None:
    assert walk(b"6.6.6.6", peer=peer) == client


def test_a_mapped_peer_and_a_mapped_network_are_ipv4() -> None:
    assert walk(b"6.6.6.6", peer="::ffff:10.0.0.1") == "6.6.6.6"
    mapped = Client([ip_network("::ffff:10.0.0.0/104")])
    assert walk(b"6.6.6.6", peer="10.0.0.1", stage=mapped) == "6.6.6.6"
    assert walk(b"6.6.6.6", peer="11.0.0.1", stage=mapped) == "11.0.0.1"


def test_the_walk_is_bounded() -> None:
    chain = ["203.0.113.9"] + ["10.0.0.2"] * (MAX_HOPS - 1)
    assert walk(", ".join(chain).encode()) == "203.0.113.9"
    assert walk(", ".join([*chain, "10.0.0.2"]).encode()) == "forwarded_malformed"
    assert walk(b"," * 10_000) == "forwarded_malformed"


def test_the_memory_for_addresses_is_bounded() -> None:
    stage = Client([ip_network("10.0.0.0/8")])
    walk(b"203.0.113.9", stage=stage)
    tracemalloc.start()
    try:
        for number in range(10_000):
            address = str(ip_address(0xCB007100 + number))
            assert walk(address.encode(), stage=stage) == address
            assert walk(None, peer=address, stage=stage) == address
        for number in range(1000):
            walk(b"x" * 4000 + b"%d, 203.0.113.9" % number, stage=stage)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 2_000_000, "that is less than 4096 addresses of clients and as many of peers, and no long field"


addresses = st.ip_addresses()


@settings(deadline=None)
@given(st.lists(addresses, min_size=1, max_size=12), st.text(max_size=30))
def test_the_client_is_the_last_address_that_is_not_ours(chain: list[object], lie: str) -> None:
    plain = [parse_address(str(address)) for address in chain]
    ours = [ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("192.0.2.7/32")]
    foreign = [address for address in plain if not any(address in network for network in ours)]
    expected = str(foreign[-1] if foreign else plain[0])
    header = ", ".join(map(str, chain)).encode()
    assert walk(header) == expected
    if foreign:  # nothing written further left can change it
        assert walk(lie.encode("utf-8", "replace") + b"," + header) == expected


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_give_a_canonical_address_or_the_refusal(header: bytes) -> None:
    client = walk(header)
    assert client == "forwarded_malformed" or str(ip_address(client)) == client


def test_what_is_remembered_of_one_proxy_is_not_said_of_another() -> None:
    fields = {b"x-forwarded-proto": b"https", b"forwarded": b"proto=https"}
    for peer in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        exchange = Exchange("GET", "/", fields, peer, 0.0)
        assert PROXIES.on_request(exchange) is None
        assert exchange.client == peer
        assert dict(exchange.forwarded.pairs)[b"forwarded"] == f"for={peer};proto=https".encode()


def test_the_scheme_of_the_connection_holds_where_none_is_said() -> None:
    for connection, proto in ((OVER_HTTP, b"http"), (OVER_TLS, b"https"), (OVER_HTTP, b"http")):
        exchange = Exchange("GET", "/", {b"x-forwarded-host": b"a.example"}, "10.0.0.1", 0.0)
        exchange.forwarded = connection
        assert PROXIES.on_request(exchange) is None
        assert exchange.forwarded.pairs == [(b"x-forwarded-proto", proto), (b"x-forwarded-host", b"a.example")]
