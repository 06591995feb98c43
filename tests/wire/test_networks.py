"""The attack: one customer with a whole /48 signs in from a new /64 each time, so that no limit by address counts two."""

import shutil
from pathlib import Path

from tests.gateway_fixture import running_gateway
from tests.upstream_fixture import running_upstream, wire
from tests.wire.raw_client import reason_of

ROOT = Path(__file__).parents[2]
SECRETS = {name: "mB4kQ9zR-2wXv7Lt0yGhD5sPn8Ec1aUj6oIf3rTq" for name in ("TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN")}
WIDTH = 120  # what the shipped sign-in-per-network lets through at once


def login(client: str, number: int) -> bytes:
    body = b'{"0":{"json":{"email":"user%d@example.com","password":"p"}}}' % number
    return (
        b"POST /api/trpc/auth.login?batch=1 HTTP/1.1\r\nhost: gateway\r\ncontent-type: application/json\r\n"
        b"x-forwarded-for: %b\r\ncontent-length: %d\r\n\r\n%b" % (client.encode(), len(body), body)
    )


async def test_a_customer_with_every_subnet_of_a_48_is_one_client_of_the_sign_in(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    written = (ROOT / "upstreams.yaml").read_text()
    entry = tmp_path / "upstreams.yaml"
    entry.write_text(written.replace("trusted_proxies: []", "trusted_proxies: [127.0.0.0/8]"))
    async with running_upstream() as upstream:
        env = {**SECRETS, "TUTOR_URL": upstream.url}
        async with running_gateway(entry, env, wall=lambda: 1e9) as gateway, wire(gateway.port) as client:
            found = [await client.ask(login(f"2001:db8:1:{n:x}::1", n)) for n in range(WIDTH + 20)]
            assert [answer.status for answer in found] == [200] * WIDTH + [429] * 20
            assert reason_of(found[-1]) == "rate_limited"
            neighbour = await client.ask(login("2001:db8:2:1::1", 9999))
            assert neighbour.status == 200
        assert sum(b"auth.login" in received.line for received in upstream.requests) == WIDTH + 1
