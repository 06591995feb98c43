"""What a browser makes of any text in an address reaches the backend byte for byte: addresses of the real ``URL`` and ``fetch``."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from pathlib import Path

import pytest

from gateway.core.path_sent import stays_below
from tests.gateway_fixture import Running, running_gateway
from tests.upstream_fixture import Upstream, running_upstream, wire
from tests.wire.raw_client import reason_of

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  api: {endpoints: [{url: "URL"}], trpc: {prefix: /api/trpc}, paths: {case: ignored, slash: ignored}}
routes:
  - {name: rpc, procedures: [lessons.getAll], upstream: api, auth: public}
  - {name: me, paths: [/users/@me], upstream: api, auth: public}
  - {name: users, paths: [/users/*], upstream: api, auth: access-token}
  - {name: open, paths: [/open/*], upstream: api, auth: public}
  - {name: named, paths: [/named/a+b], upstream: api, auth: public}
  - {name: inside, paths: [/store/in/secret/*], deny: inside only}
  - {name: store, paths: [/store/*], upstream: api, auth: public}
  - {name: old, paths: [/old/x], upstream: api, auth: public, rewrite: /new}
"""
SEED = 20261128


async def sent(gateway: Running, upstream: Upstream, target: str, method: str = "GET") -> tuple[int, str, list[str]]:
    """Status, reason, and the targets that the upstream got."""
    before = len(upstream.requests)
    async with wire(gateway.port) as client:
        answer = await client.ask(f"{method} {target} HTTP/1.1\r\nhost: gateway\r\n\r\n".encode())
    seen = [one.line.decode().split(" ")[1] for one in upstream.requests[before:]]
    return answer.status, reason_of(answer), seen


def texts(count: int) -> list[str]:
    """Texts of all that may stand in one: ASCII with its controls, halves of surrogate pairs, other scripts."""
    draw = random.Random(SEED)
    ascii_ = [chr(number) for number in range(128)]
    others = [
        "é",
        "ü",
        "日",
        "😀",
        "\ud800",
        "\udc00",
        "\u202e",
        "\u0085",
        "\ufeff",
        "%41",
        "%FC",
        "%0A",
        "%2F",
        "100%",
        "&a=",
        ";v=1",
    ]
    return ["".join(draw.choices([*ascii_, *others], k=draw.randint(1, 12))) for _ in range(count)]


async def test_any_text_in_an_address_arrives_as_the_browser_spelled_it() -> None:
    node = shutil.which("node")
    assert node is not None, "node is not installed; scripts/setup brings it"
    everything = "".join(map(chr, range(256)))
    drawn = [text.replace("?", "").replace("#", "") for text in texts(80)]
    addresses = [f"/open/x?{text}" for text in [*texts(80), everything.replace("#", "")]]
    addresses += [f"/open/x{text}?{text}" for text in drawn]
    addresses += ["/open/x?", "/open/x??", "/open/a[1]|b^c~d!$&'()*+,;=:@e", "/open/a//b/", "/open/a;v=1/b;w"]
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        fetcher = await asyncio.create_subprocess_exec(
            node,
            str(Path(__file__).with_name("urls.mjs")),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        order = {"base": gateway.url, "addresses": addresses, "parameters": [*texts(80), everything]}
        output, _ = await fetcher.communicate(json.dumps(order).encode())
        assert fetcher.returncode == 0
        found = json.loads(output)
        assert len(found) == len(addresses) + 2 * 81
        passed = [spelled for spelled, status in found if status == 200]
        assert [one.line.decode() for one in upstream.requests] == [f"GET {spelled} HTTP/1.1" for spelled in passed]
        for spelled, status in found:
            path = spelled.partition("?")[0]
            # A dot segment or the like in the path may lead elsewhere; nothing else is refused, and nothing in a query is.
            assert status == 200 or (status == 400 and not stays_below("/open/", path)), spelled
        assert len(passed) > 0.9 * len(found)


QUERIES = [
    "a=1%0A2%09%0D%FC%00", "a=%41&b=%2f%2F%2b+%20", "a[]=1&a[]=2|3^4{5}", "a=\"'`<>\\", "&&=&a&a=&=b&", "b=1&a=2&b=0", "100%", "%zz%u0041%", "?", "a=%e4%BD%a0", "a=~!*'()%7E%21",
    "X-Amz-Credential=AK%2F20261128%2Fs3&X-Amz-Signature=aB3%3d", "a;b;c", "a=%25%32%35", "a=%E2%80%A8%ED%A0%80",
]  # fmt: skip


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("path", ["/open/x", "/old/x", "/users/@me", "/named/a+b"])
async def test_a_query_goes_on_byte_for_byte(path: str, query: str) -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        forwarded = "/new" if path == "/old/x" else path
        assert await sent(gateway, upstream, f"{path}?{query}") == (200, "", [f"{forwarded}?{query}"])


@pytest.mark.parametrize(
    ("query", "forwarded"),
    [
        ("batch=1&input=%7B%220%22%3A%7B%22json%22%3A%22a%0Ab%22%7D%7D", None),
        ("input=%22%fc%09%00%22&%62atch=%31", "input=%22%FC%09%00%22&batch=1"),
        ('input={"json":"100%"}&x', "input=%7B%22json%22:%22100%25%22%7D&x"),
        ("batch=1%00", ""),
        ("batch%00=1", ""),
        ("%c1%a2atch=1", ""),
    ],
)
async def test_a_query_of_procedures_is_read(query: str, forwarded: str | None) -> None:
    target = "/api/trpc/lessons.getAll"
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        found = await sent(gateway, upstream, f"{target}?{query}")
        if forwarded == "":
            assert found == (400, "path_ambiguous", [])
        else:
            assert found == (200, "", [f"{target}?{query if forwarded is None else forwarded}"])


# What no route names goes on as it came, and what one names in the spelling that it has.
PATHS = {
    "/open/a%2Bb/c+d": "/open/a%2Bb/c+d",
    "/open/%7euser/%41%c3%a9": "/open/%7euser/%41%c3%a9",
    "/open/%21%27%28%29%2a!'()*~": "/open/%21%27%28%29%2a!'()*~",
    "/open/%40%3A%24%26%2C%3D@:$&,=": "/open/%40%3A%24%26%2C%3D@:$&,=",
    "/o%70en/%70": "/open/%70",
    "/open/a%2Fb%2fc": "/open/a%2Fb%2fc",
    "/open/a%5Cb": "/open/a%5Cb",
    "/open/a;v=1": "/open/a;v=1",
    "/open/a%3Bb": "/open/a%3Bb",
    "/open//a///b": "/open//a///b",
    "/open/a%0Ab%09%FC": "/open/a%0Ab%09%FC",
    "/open/100%": "/open/100%",
    "/open/50%2520off": "/open/50%2520off",
    "/open/[1]|^": "/open/[1]|^",
    "http://gateway/open/a%2Fb?x=%2f": "/open/a%2Fb?x=%2f",
    "http://gateway/open/%7E?": "/open/%7E?",
    "/open/": "/open/",
    "/users/%40me": "/users/@me",
    "/users/%40m%65?%65": "/users/@me?%65",
    "/named/a%2Bb": "/named/a+b",
    "/store/a%2bb": "/store/a%2bb",
    "/store/in/%73ecrets": "/store/in/%73ecrets",
    "/old/%78": "/new",
}


@pytest.mark.parametrize(("target", "forwarded"), PATHS.items())
async def test_a_path_is_respelled_only_where_a_route_names_it(target: str, forwarded: str) -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        assert await sent(gateway, upstream, target) == (200, "", [forwarded])


# Where anything else is named below a pattern, and where a reading may lead out of it, what has several stays refused.
REFUSED = [
    "/store/a%2Fb", "/store/in%2Fsecret/x", "/store/a;v", "/store//in/secret/x", "/store/in;x/secret/y", "/store/in%252Fsecret",
    "/store/%", "/store/%0A", "/store/in%5Csecret", "/users/%2Fx", "/users/@me;x", "/users/@me%00", "/users/@me%2f", "/named/a+b;x", "/named//a+b",
    "/open/../users/x", "/open/..%2fusers/x", "/open/%2e%2e%2fusers%2fx", "/open/..;/users", "/open/;/../users", "/open/..%00/users",
    "/open/%252e%252e/users", "/open/%25252e%25252e%25252fusers", "/open/.%09./users", "/open/..%5cusers", "/open/%5c..%5cusers",
    "/open/%c0%ae%c0%ae/users", "/open/.%FF./users", "/open/%E2%80%A5%2Fusers", "/open/%EF%BC%8E%EF%BC%8E%EF%BC%8Fusers%2f", "/open/%u002e%u002e/users",
    "/open/%2f", "/open/;x", "/open//", "/open/%3f%2f", "//open/x", "//evil.example/open/x", "/%2fopen/x", "/;/open/x", "/open;/x", "/open%2Fx",
    "/open/a b%2f", "/open/<%2f", '/open/"%2f', "/open/{a}", "/open/a\\b", "/open/.", "/open/a/..", "/open/x#y",
]  # fmt: skip


@pytest.mark.parametrize("target", REFUSED)
async def test_a_path_that_may_be_read_as_another_route_is_refused(target: str) -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        status, reason, seen = await sent(gateway, upstream, target)
        assert (status, seen) == (400, []) and reason in ("path_ambiguous", "head_malformed")


async def test_a_405_of_a_path_with_several_readings_names_what_is_taken_there() -> None:
    async with running_upstream() as upstream, running_gateway(ENTRY.replace("URL", upstream.url)) as gateway:
        for method in ("DELETE", "OPTIONS", "PUT"):
            for target in ("/open/a;b", "/open/a%2Fb", "/open/x%00"):
                async with wire(gateway.port) as client:
                    answer = await client.ask(f"{method} {target} HTTP/1.1\r\nhost: gateway\r\n\r\n".encode())
                assert (answer.status, answer[b"allow"], reason_of(answer)) == (405, b"GET, HEAD", "method_not_allowed")
        assert (await sent(gateway, upstream, "/open/..;/users", "DELETE"))[:2] == (400, "path_ambiguous")
        assert (await sent(gateway, upstream, "/store/a;b", "DELETE"))[:2] == (400, "path_ambiguous")
        assert upstream.requests == []
