"""Guesses whose status the client would choose: a lockout counts them as the backend's own status for a wrong one."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, web

from tests.gateway_fixture import running_gateway

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  shop: {endpoints: [{url: "${SHOP}"}]}
routes:
  - {name: login, paths: [/login], methods: [POST], upstream: shop, auth: public, lockout: accounts, body: json}
"""
POLICIES = """\
bodies: {json: {max: 64KiB, types: [application/json]}}
lockouts: {accounts: {account: /email, failures: 3, within: 1h, lock_for: 1h}}
"""
TAG = '"the body of a 401"'


class Shop:
    """Responds as frameworks do that have pages too: pages for browsers, conditions for whatever has a tag."""

    def __init__(self) -> None:
        self.guesses: list[str] = []
        self.url = ""

    async def login(self, request: web.Request) -> web.Response:
        fields = request.headers
        self.guesses.append((await request.json())["password"])
        if TAG in (fields.get("if-none-match"), fields.get("if-range")):
            return web.Response(status=304)
        if "if-match" in fields or "if-unmodified-since" in fields:
            return web.Response(status=412)
        if "respond-async" in fields.get("prefer", ""):
            return web.Response(status=202)
        if "html" in fields.get("accept", "") or "moved" in request.query:
            return web.Response(status=303, headers={"location": "/login?error"})
        if "json" not in fields.get("accept", "json") and "*/*" not in fields["accept"]:
            return web.Response(status=406)
        return web.json_response({"error": "wrong"}, status=401)


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    backend = Shop()
    app = web.Application()
    app.router.add_post("/login", backend.login)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        async with running_gateway(ENTRY, {"SHOP": f"http://127.0.0.1:{port}"}, policies=POLICIES) as gateway:
            backend.url = gateway.url
            yield backend
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"accept": "text/html"},
        {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"},
        {"accept": "image/png"},
        {"if-none-match": TAG},
        {"if-range": TAG},
        {"if-match": '"x"'},
        {"if-unmodified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"prefer": "respond-async"},
        {"accept": "*/*", "query": "moved"},
    ],
    ids=lambda fields: "; ".join(fields) + str(len(fields.get("accept", ""))),
)
async def test_no_field_gives_more_guesses(shop: Shop, fields: dict[str, str]) -> None:
    fields = dict(fields)
    query = fields.pop("query", "")
    async with ClientSession() as session:
        for number in range(8):
            body = {"email": "ada@example.com", "password": str(number)}
            async with session.post(f"{shop.url}/login?{query}", json=body, headers=fields) as response:
                await response.read()
    assert shop.guesses == ["0", "1", "2"]
