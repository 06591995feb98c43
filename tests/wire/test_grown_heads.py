"""A head that is longer on its way to the upstream than it came: by what must be encoded, by what the gateway adds."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import Received, running_upstream, wire
from tests.wire.raw_client import reason_of

MOST = 4096
ENTRY = """\
version: 1
listen: {limits: {header_bytes: 4KiB}}
upstreams:
  tutor:
    endpoints: [{url: "URL"}]
    trpc: {prefix: /api/trpc, aliases: {a: LONGER}}
    request_headers: {set: {x-key: "KEY"}}
  several: {endpoints: [{url: "URL"}], retries: {on: [connect]}, timeouts: {total: 5s}, breaker: once, fallback: sorry}
  replaced: {endpoints: [{url: "URL"}], breaker: once, fallback: sorry}
breakers: {once: {failures: 1, recover_after: 1m}}
fallbacks: {sorry: {json: {}}}
routes:
  - {name: info, paths: [/info], methods: [GET, POST], upstream: tutor, auth: public}
  - {name: short, paths: [/s], upstream: tutor, auth: public, rewrite: /REWRITTEN}
  - {name: several, paths: [/several], upstream: several, auth: public}
  - {name: replaced, paths: [/replaced], upstream: replaced, auth: public}
  - {name: aliased, procedures: [LONGER], upstream: tutor, auth: public}
"""


def entry(url: str) -> str:
    text = ENTRY.replace("URL", url).replace("KEY", "k" * 500)
    return text.replace("LONGER", "l" * 900).replace("REWRITTEN", "r" * 900)


def size(request: Received) -> int:
    lines = [request.line, *(name + b": " + value for name, value in request.fields), b""]
    return len(b"\r\n".join(lines)) + 2


def head(target: bytes, fields: bytes = b"") -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\nhost: gateway\r\n" + fields + b"\r\n"


CHARACTERS = [b'"', b"<", b">", b"[", b"\\", b"]", b"^", b"`", b"{", b"|", b"}"]


@pytest.mark.parametrize("character", CHARACTERS)
async def test_a_query_of_procedures_that_grows_threefold_is_refused_by_the_size_it_would_have(
    character: bytes,
) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        assert (await client.ask(head(b"/api/trpc/a?q=" + character * 700))).status == 200
        answer = await client.ask(head(b"/api/trpc/a?q=" + character * 1500))
        assert (answer.status, reason_of(answer)) == (414, "target_too_long")
        assert (await client.ask(head(b"/info"))).status == 200
        assert len(upstream.requests) == 2
        assert gateway.seen.exchanges[1].failure is None


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("path", [b"/info", b"/several", b"/replaced"])
async def test_any_other_query_does_not_grow(character: bytes, path: bytes) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        assert (await client.ask(head(path + b"?q=" + character * 3200))).status == 200
        answer = await client.ask(head(path + b"?q=" + character * 3900))
        assert (answer.status, reason_of(answer)) == (414, "target_too_long")
        assert [request.line for request in upstream.requests] == [b"GET %b?q=%b HTTP/1.1" % (path, character * 3200)]
        assert gateway.seen.exchanges[1].failure is None


@pytest.mark.parametrize(
    ("target", "fields"),
    [
        (b"/s?q=" + b"a" * 2700, b""),
        (b"/api/trpc/a?input=" + b"a" * 2700, b""),
        (b"/info?q=" + b"a" * 3500, b""),
        (b"/info", b"accept: " + b"a" * 3500 + b"\r\n"),
        (b"/api/trpc/a?q=" + b'"' * 800, b"cookie: " + b"a" * 700 + b"\r\n"),
    ],
    ids=["rewrite", "alias", "fields that are set", "beside a long field", "all together"],
)
async def test_what_the_gateway_adds_counts_too(target: bytes, fields: bytes) -> None:
    async with (
        running_upstream() as upstream,
        running_gateway(entry(upstream.url)) as gateway,
        wire(gateway.port) as client,
    ):
        answer = await client.ask(head(target, fields))
        assert (answer.status, upstream.requests) == (431 if b"accept" in fields else 414, [])
        assert (await client.ask(head(b"/info"))).status == 200


async def test_a_body_does_not_count() -> None:
    body = b"x" * 30_000
    framing = b"content-length: %d\r\n" % len(body)
    async with running_upstream() as upstream, running_gateway(entry(upstream.url)) as gateway:
        async with wire(gateway.port) as client:
            assert (await client.ask(head(b"/info", framing).replace(b"GET", b"POST", 1) + body)).status == 200
            grown = head(b"/info?" + b'"' * 3800, framing).replace(b"GET", b"POST", 1) + body
            assert (await client.ask(grown)).status == 414
        assert [len(request.body) for request in upstream.requests] == [len(body)]


targets = st.tuples(
    st.sampled_from([b"/info", b"/s", b"/several", b"/api/trpc/a", b"/inf%6f"]),
    st.sampled_from([b'"', b"a", b"%22", b"%41", b"{", b"%7e"]),
    st.integers(0, 3900),
    st.integers(0, 3900),
).map(lambda made: head(made[0] + b"?" + made[1] * (made[2] // len(made[1])), b"cookie: " + b"c" * made[3] + b"\r\n"))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(targets, min_size=10, max_size=10))
async def test_nothing_that_reaches_an_upstream_is_over_the_limit(sent: list[bytes]) -> None:
    async with running_upstream() as upstream, running_gateway(entry(upstream.url)) as gateway:
        for one in sent:
            async with wire(gateway.port) as client:
                assert (await client.ask(one)).status in (200, 414, 431)
        assert all(size(request) <= MOST for request in upstream.requests)


LONG = {
    "a path": (b"/files/" + b"a" * 5000, b"", 414),
    "a query": (b"/info?" + b"a" * 5000, b"", 414),
    "beside fields": (b"/info?" + b"a" * 2500, b"x: " + b"a" * 2000 + b"\r\n", 414),
    "an absolute form": (b"http://gateway/" + b"a" * 5000, b"", 414),
    "fields": (b"/info", b"x: " + b"a" * 5000 + b"\r\n", 431),
    "many fields": (b"/info?" + b"a" * 100, b"".join(b"x%d: a\r\n" % number for number in range(600)), 431),
    "fields beside it": (b"/info?" + b"a" * 2000, b"x: " + b"a" * 2500 + b"\r\n", 431),
}


@pytest.mark.parametrize(("target", "fields", "status"), LONG.values(), ids=LONG)
async def test_a_long_target_is_414_and_long_fields_are_431(target: bytes, fields: bytes, status: int) -> None:
    async with running_gateway(entry("http://127.0.0.1:9")) as gateway:
        for dripping in (False, True):
            async with wire(gateway.port) as client:
                sent = head(target, fields)
                for start in range(0, len(sent), 1000 if dripping else len(sent)):
                    client.send(sent[start : start + 1000 if dripping else None])
                response = await client.response()
                reason = "target_too_long" if status == 414 else "headers_too_large"
                assert (response.status, reason_of(response), response[b"connection"]) == (status, reason, b"close")


@pytest.mark.parametrize(
    ("sent", "status"), [(b"GET /" + b"a" * 6000, 414), (b"GET / HTTP/1.1\r\nx: " + b"a" * 6000, 431)]
)
async def test_neither_has_to_come_to_its_end(sent: bytes, status: int) -> None:
    async with running_gateway(entry("http://127.0.0.1:9")) as gateway, wire(gateway.port) as client:
        assert (await client.ask(sent)).status == status
