"""What an upstream is told of the client: from a trusted proxy what it said, from anybody else what the gateway knows."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import Received, Wire, running_upstream, wire
from tests.wire.raw_client import reason_of

FIELDS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-port", b"forwarded")
ENTRY = """\
version: 1
listen: {trusted_proxies: [TRUSTED], trusted_fields: WRITTEN}
upstreams:
  tutor: {endpoints: [{url: "URL"}], request_headers: {EDITS}}
  broken: {endpoints: [{url: "http://127.0.0.1:9"}], fallback: other}
fallbacks: {other: {upstream: tutor}}
routes:
  - {name: info, paths: [/info], methods: [GET, POST], upstream: tutor, auth: public}
  - {name: second, paths: [/second], upstream: broken, auth: public}
"""
OURS, NOBODY = "127.0.0.0/8, 10.0.0.0/8", "192.0.2.77/32"


def entry(url: str, trusted: str = OURS, written: str = "any", edits: str = "") -> str:
    text = ENTRY.replace("URL", url).replace("TRUSTED", trusted)
    return text.replace("WRITTEN", written).replace("EDITS", edits)


def lines(fields: list[tuple[str, str]]) -> bytes:
    return "".join(f"{name}: {value}\r\n" for name, value in fields).encode("latin-1")


def get(fields: list[tuple[str, str]], path: str = "/info") -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: gateway\r\n".encode() + lines(fields) + b"\r\n"


def told(request: Received) -> dict[str, str]:
    """The forwarding fields that reached the upstream, none of which may be there twice."""
    found = {name.decode(): request.all(name) for name in FIELDS}
    assert all(len(values) < 2 for values in found.values()), request.fields
    return {name.removeprefix("x-forwarded-"): values[0].decode() for name, values in found.items() if values}


FROM_A_PROXY = {
    "nothing": ([], {"for": "127.0.0.1", "proto": "http"}),
    "the scheme": ([("x-forwarded-proto", "https")], {"for": "127.0.0.1", "proto": "https"}),
    "all of X-Forwarded": (
        [
            ("X-Forwarded-For", "203.0.113.9"),
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "app.example"),
            ("X-Forwarded-Port", "443"),
        ],
        {"for": "203.0.113.9", "proto": "https", "host": "app.example", "port": "443"},
    ),
    "several hops in one line": (
        [("x-forwarded-for", "6.6.6.6, 203.0.113.9, 10.1.1.1"), ("x-forwarded-proto", "ftp, https, http")],
        {"for": "203.0.113.9", "proto": "https"},
    ),
    "several lines": (
        [
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-proto", "http"),
            ("x-forwarded-for", "203.0.113.9"),
            ("x-forwarded-proto", "https"),
        ],
        {"for": "203.0.113.9", "proto": "https"},
    ),
    "Forwarded": (
        [("Forwarded", 'for="[2001:db8::1]:4711";proto=https;host="app.example:8443";by=_edge')],
        {
            "for": "2001:db8::1",
            "proto": "https",
            "host": "app.example:8443",
            "forwarded": 'for="[2001:db8::1]";host="app.example:8443";proto=https',
        },
    ),
    "Forwarded of several hops in several lines": (
        [("forwarded", "for=6.6.6.6"), ("forwarded", "for=203.0.113.9;proto=https, for=10.1.1.1;proto=http")],
        {"for": "203.0.113.9", "proto": "https", "forwarded": "for=203.0.113.9;proto=https"},
    ),
    "hidden": (
        [("forwarded", "for=_SEVKISEK;proto=https")],
        {"for": "unknown", "proto": "https", "forwarded": "for=unknown;proto=https"},
    ),
    "unknown": ([("forwarded", "for=unknown")], {"for": "unknown", "proto": "http", "forwarded": "for=unknown;proto=http"}),
    "both": (
        [("forwarded", "for=203.0.113.9;proto=https"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-port", "443")],
        {"for": "203.0.113.9", "proto": "https", "port": "443", "forwarded": "for=203.0.113.9;proto=https"},
    ),
    "what no proxy is asked for": (
        [("x-real-ip", "6.6.6.6"), ("x-forwarded-ssl", "on"), ("x-forwarded-prefix", "/x"), ("x_forwarded_proto", "https")],
        {"for": "127.0.0.1", "proto": "http"},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "upstream_sees"), FROM_A_PROXY.values(), ids=FROM_A_PROXY)
@pytest.mark.parametrize("path", ["/info", "/second"])
async def test_what_a_trusted_proxy_says_reaches_the_upstream_once(
    path: str, sent: list[tuple[str, str]], upstream_sees: dict[str, str]
) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        for _ in range(2):  # and when it is remembered
            assert (await client.ask(get(sent, path))).status == 200
    assert [told(request) for request in upstream.requests] == [upstream_sees] * 2
    names = {name.lower() for request in upstream.requests for name, _ in request.fields}
    assert not names & {b"x-real-ip", b"x-forwarded-ssl", b"x-forwarded-prefix", b"x_forwarded_proto"}


@pytest.mark.parametrize("sent", [one for one, _ in FROM_A_PROXY.values()], ids=FROM_A_PROXY)
async def test_what_a_stranger_says_does_not(sent: list[tuple[str, str]]) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url, NOBODY)) as gateway,
        wire(gateway.port) as client,
    ):
        assert (
            await client.ask(get([*sent, ("forwarded", 'malformed"'), ("x-forwarded-proto", "\xff")]))
        ).status == 200
    assert [told(request) for request in upstream.requests] == [{"for": "127.0.0.1", "proto": "http"}]


REFUSED = [
    [("x-forwarded-for", "unknown")],
    [("x-forwarded-for", "203.0.113.9, localhost")],
    [("x-forwarded-proto", "https;")],
    [("x-forwarded-proto", "gopher")],
    [("x-forwarded-host", "a b")],
    [("x-forwarded-host", "a"), ("x-forwarded-host", "b/c")],
    [("x-forwarded-port", "https")],
    [("forwarded", "203.0.113.9")],
    [("forwarded", "for=2001:db8::1")],
    [("forwarded", 'for="')],
    [("forwarded", 'for="6.6.6.6'), ("forwarded", "for=203.0.113.9")],
    [("forwarded", "for=203.0.113.9;proto=https;proto=http")],
    [("forwarded", 'for=203.0.113.9;host="a\'b c"')],
    [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.8")],
    [("forwarded", "for=unknown"), ("x-forwarded-for", "203.0.113.8")],
    [("forwarded", "for=203.0.113.9;proto=https"), ("x-forwarded-proto", "http")],
    [("forwarded", "for=203.0.113.9;host=a.example"), ("x-forwarded-host", "b.example")],
    [("forwarded", "for=10.1.1.1," * 40)],
]


@pytest.mark.parametrize("sent", REFUSED, ids=[repr(one)[:60] for one in REFUSED])
async def test_what_cannot_be_read_or_contradicts_itself_is_refused(sent: list[tuple[str, str]]) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        for _ in range(2):
            refused = await client.ask(get(sent))
            assert (refused.status, reason_of(refused)) == (400, "forwarded_malformed")
        assert (await client.ask(get([]))).status == 200
    assert len(upstream.requests) == 1


async def test_only_the_kind_that_the_proxies_write_is_read_where_that_is_said() -> None:
    sent = [("forwarded", "for=6.6.6.6;proto=http"), ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-proto", "https")]
    seen = {}
    async with running_upstream() as upstream:
        for written in ("x-forwarded", "forwarded"):
            async with running_gateway(entry(upstream.url, OURS, written)) as gateway, wire(gateway.port) as client:
                assert (await client.ask(get(sent))).status == 200
                seen[written] = told(upstream.requests[-1])
    assert seen["x-forwarded"] == {"for": "203.0.113.9", "proto": "https"}
    assert seen["forwarded"] == {"for": "6.6.6.6", "proto": "http", "forwarded": "for=6.6.6.6;proto=http"}


BALANCERS = {
    "AWS ALB": ([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")], {"proto": "https", "port": "443"}),
    "AWS ALB with the client's port": ([("X-Forwarded-For", "203.0.113.9:51234"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443")], {"proto": "https", "port": "443"}),
    "Google Cloud": ([("X-Forwarded-For", "203.0.113.9,34.120.1.1"), ("X-Forwarded-Proto", "https"), ("Via", "1.1 google")], {"proto": "https"}),
    "Cloudflare": ([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("CF-Connecting-IP", "203.0.113.9"), ("CDN-Loop", "cloudflare; loops=1")], {"proto": "https"}),
    "nginx": ([("X-Real-IP", "203.0.113.9"), ("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "app.example")], {"proto": "https", "host": "app.example"}),
    "HAProxy option forwardfor": ([("x-forwarded-for", "203.0.113.9")], {"proto": "http"}),
    "HAProxy option forwarded": ([("forwarded", 'proto=https;host="app.example";by=10.0.0.1;for="203.0.113.9:4711"')], {"proto": "https", "host": "app.example"}),
    "Azure Application Gateway": ([("X-Forwarded-For", "203.0.113.9:4711"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443"), ("X-Original-Host", "app.example")], {"proto": "https", "port": "443"}),
    "Traefik": ([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "wss"), ("X-Forwarded-Host", "app.example"), ("X-Forwarded-Port", "443"), ("X-Forwarded-Server", "edge")], {"proto": "wss", "host": "app.example", "port": "443"}),
    "Envoy behind a balancer": ([("x-forwarded-for", "203.0.113.9,10.0.0.1"), ("x-forwarded-proto", "https,http"), ("x-envoy-external-address", "203.0.113.9")], {"proto": "https"}),
    "Heroku": ([("X-Forwarded-For", "203.0.113.9"), ("X-Forwarded-Proto", "https"), ("X-Forwarded-Port", "443"), ("Via", "1.1 vegur"), ("X-Request-Start", "1")], {"proto": "https", "port": "443"}),
}  # fmt: skip
"""What each of them writes for one client, and what is known then beside its address."""

FORGED = [
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-proto", "ws"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-port", "666"),
    ("forwarded", "for=6.6.6.6;proto=ws;host=evil.example"),
    ("forwarded", "for=203.0.113.9;host=evil.example"),
    ("forwarded", "host=evil.example"),
]


@pytest.mark.parametrize("balancer", BALANCERS)
async def test_the_plain_set_up_of_each_balancer_passes_and_what_a_client_adds_is_never_believed(balancer: str) -> None:
    """Where the balancer appends to the field, and where it does not know it and lets it pass."""
    own, expected = BALANCERS[balancer]
    names = {name.lower() for name, _ in own} & {name.decode() for name in FIELDS}
    proxies = f"{OURS}, 34.120.1.1/32"
    wanted = {"for": "203.0.113.9", **expected}
    async with running_upstream() as upstream:
        async with running_gateway(entry(upstream.url, proxies)) as gateway, wire(gateway.port) as client:
            assert (await client.ask(get(own))).status == 200
            plain = told(upstream.requests[-1])
            plain.pop("forwarded", None)
            assert plain == wanted
        written = f"[{', '.join(sorted(names))}]"
        async with running_gateway(entry(upstream.url, proxies, written)) as gateway:
            for name, value in FORGED:
                if name in names and name not in ("x-forwarded-for", "forwarded"):
                    continue  # they all replace it
                async with wire(gateway.port) as client:
                    assert (await client.ask(get([(name, value), *own]))).status == 200
                    found = told(upstream.requests[-1])
                    found.pop("forwarded", None)
                    assert found == wanted, (name, value)


OWN = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded", "x-request-id", "x-correlation-id"]  # fmt: skip
SAID = [("x-forwarded-for", "203.0.113.9"), ("x-forwarded-host", "a.example"), ("x-forwarded-port", "443"), ("forwarded", "proto=https")]  # fmt: skip
ANY = [*OWN, "date", "user-agent", "accept", "cookie", "authorization", "content-type", "x-api-key", "x-user-id", "traceparent"]  # fmt: skip


async def ask(client: Wire, sent: list[tuple[str, str]]) -> None:
    body = b"POST /info HTTP/1.1\r\nhost: gateway\r\ncontent-length: 2\r\n" + lines(sent) + b"\r\n{}"
    assert (await client.ask(body)).status == 200


@pytest.mark.parametrize("trusted", [OURS, NOBODY], ids=["trusted", "stranger"])
@pytest.mark.parametrize("edit", ["set", "remove"])
async def test_what_is_set_or_removed_replaces_whatever_anybody_wrote(edit: str, trusted: str) -> None:
    edits = (
        f"remove: [{', '.join(ANY)}]" if edit == "remove" else "set: {" + ", ".join(f"{one}: ours" for one in ANY) + "}"
    )
    sent = [*SAID, *((name, "12345678") for name in ANY if name not in OWN), ("X-Request-Id", "from-a-client")]
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url, trusted, "any", edits)) as gateway,
        wire(gateway.port) as client,
    ):
        await ask(client, sent)
        await ask(client, sent)
    for request in upstream.requests:
        found = {name: request.all(name.encode()) for name in ANY}
        assert found == {name: [b"ours"] if edit == "set" else [] for name in ANY}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from(ANY), unique=True),
    st.lists(st.sampled_from(ANY), unique=True),
    st.lists(st.tuples(st.sampled_from([*OWN, "via", "date", "cookie", "x-api-key"]), st.just("12345678"))),
    st.sampled_from([OURS, NOBODY]),
)
async def test_no_field_that_the_gateway_writes_is_ever_there_twice(
    put: list[str], removed: list[str], sent: list[tuple[str, str]], trusted: str
) -> None:
    put = [name for name in put if name not in removed]
    edits = f"set: {{{', '.join(f'{one}: ours' for one in put)}}}, remove: [{', '.join(removed)}]"
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url, trusted, "any", edits)) as gateway,
        wire(gateway.port) as client,
    ):
        await client.ask(get(sent))
        await client.ask(get(SAID))
    for request in upstream.requests:
        counted = Counter(name.lower() for name, _ in request.fields)
        assert not [name for name in (*OWN, "via", "host", *put) if counted[name.encode()] > 1], request.fields
        assert all(request.all(name.encode()) == [b"ours"] for name in put)
        assert not any(request.all(name.encode()) for name in removed)
