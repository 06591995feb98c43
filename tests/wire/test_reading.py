"""Guesses in spellings that a backend reads as the victim's account and a gateway might not: none may get past the lockout."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from aiohttp import ClientSession, web
from yarl import URL

from tests.gateway_fixture import running_gateway

VICTIM = "victim@example.com"
FAILURES = 3
ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR}"}]
    trpc: {prefix: /api/trpc, max_batch: 10, transformer: none}
routes:
  - {name: login, paths: [/login], methods: [GET, POST], upstream: tutor, auth: public, lockout: accounts, body: json}
  - {name: limited, paths: [/limited], methods: [GET, POST], upstream: tutor, auth: public, rate_limits: [per-account], body: json}
  - {name: call, procedures: [auth.login], upstream: tutor, auth: public, lockout: accounts, body: json}
"""
POLICIES = f"""\
bodies:
  json: {{max: 64KiB, types: [application/json]}}
lockouts:
  accounts: {{account: /email, failures: {FAILURES}, within: 1h, lock_for: 1h, address: null}}
rate_limits:
  per-account: {{limit: {FAILURES}/hour, key: ["input:/email"]}}
"""


class Lenient:
    """A backend that finds an account wherever any framework would: by charset, by the last of two members, without case,
    in prototypes, in lists, in the query, and in what the gateway may take for no JSON at all."""

    def __init__(self) -> None:
        self.victims = 0
        self.others = 0

    async def respond(self, request: web.Request) -> web.Response:
        octets = await request.read()
        named = list(request.query.values())
        for coding in {request.charset or "utf-8", "utf-8"}:
            try:
                text = octets.decode(coding, "ignore")
                named += self._texts(json.loads(text.strip("\ufeff \0")))
            except (LookupError, ValueError):
                continue
        found = [name for name in named if name.strip(" \t\0\ufeff").casefold() == VICTIM]
        self.victims += bool(found)
        self.others += not found
        return web.json_response({"error": "wrong"}, status=401)

    def _texts(self, value: Any) -> list[str]:
        if isinstance(value, dict):
            return [text for member in value.values() for text in self._texts(member)]
        if isinstance(value, list):
            return [text for item in value for text in self._texts(item)]
        return [value] if isinstance(value, str) else []


@pytest.fixture
async def backend() -> AsyncIterator[tuple[Lenient, str]]:
    lenient = Lenient()
    server = web.Server(lenient.respond)
    runner = web.ServerRunner(server)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield lenient, f"http://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def utf_7(text: str) -> bytes:
    """``text`` in UTF-7, all letters and all that JSON separates by in base 64: nothing of it is JSON in ASCII."""
    return b"+" + b64encode(text.encode("utf-16-be")).rstrip(b"=") + b"-"


PLAIN = json.dumps({"email": VICTIM, "password": "p"})
DECOY = '"email":"decoy%d@example.com"'
# Content type and content of a guess; %d is the number of the guess, so that each has another decoy.
SPELLINGS: dict[str, tuple[str, Callable[[int], bytes]]] = {
    "utf-7": ("application/json; charset=utf-7", lambda _: utf_7(PLAIN)),
    "utf-7 behind a decoy": (
        "application/json; charset=utf-7",
        lambda n: json.dumps({"email": f"decoy{n}@example.com", "x": utf_7(VICTIM).decode()}).encode(),
    ),
    "two charsets": ('application/json; charset="utf-8"; charset=utf-7', lambda _: utf_7(PLAIN)),
    "utf-16": ("application/json; charset=utf-16", lambda _: PLAIN.encode("utf-16")),
    "ebcdic": ("application/json; charset=cp037", lambda _: PLAIN.encode("cp037")),
    "rot 13": ("application/json; charset=rot13", lambda _: PLAIN.encode()),
    "byte order mark": ("application/json", lambda _: b"\xef\xbb\xbf" + PLAIN.encode()),
    "two types": ("application/json, text/plain", lambda _: PLAIN.encode()),
    "another type": ("text/plain", lambda _: PLAIN.encode()),
    "vendor's JSON": ("application/vnd.api+json", lambda _: PLAIN.encode()),
    "a member twice": ("application/json", lambda n: b"{" + (DECOY % n).encode() + b"," + PLAIN.encode()[1:]),
    "another case": ("application/json", lambda n: ("{" + DECOY % n + f',"Email":"{VICTIM}"' + "}").encode()),
    "a soft hyphen": ("application/json", lambda n: ("{" + DECOY % n + f',"e\\u00admail":"{VICTIM}"' + "}").encode()),
    "a hyphen": ("application/json", lambda n: ("{" + DECOY % n + f',"e-mail":"{VICTIM}"' + "}").encode()),
    "a prototype": ("application/json", lambda n: ("{" + DECOY % n + f',"__proto__":{{"email":"{VICTIM}"}}' + "}").encode()),
    "a prototype alone": ("application/json", lambda _: f'{{"__proto__":{{"email":"{VICTIM}"}}}}'.encode()),
    "a constructor": ("application/json", lambda _: f'{{"constructor":{{"prototype":{{"email":"{VICTIM}"}}}}}}'.encode()),
    "a list": ("application/json", lambda _: json.dumps({"email": [VICTIM]}).encode()),
    "an object": ("application/json", lambda _: json.dumps({"email": {"email": VICTIM}}).encode()),
    "a list of all": ("application/json", lambda _: json.dumps([{"email": VICTIM}]).encode()),
    "zeros behind it": ("application/json", lambda n: json.dumps({"email": VICTIM + "\0" * n}).encode()),
    "too long": ("application/json", lambda n: json.dumps({"email": VICTIM + " " * (320 + n)}).encode()),
    "outside of the account": ("application/json", lambda _: json.dumps({"mail": VICTIM}).encode()),
    "blanks": ("application/json", lambda n: json.dumps({"email": " " * n + VICTIM + "\t" * n}).encode()),
    "case": ("application/json", lambda n: json.dumps({"email": VICTIM[:n].upper() + VICTIM[n:]}).encode()),
    "escapes": ("application/json", lambda n: json.dumps({"email": VICTIM}).replace(VICTIM[n], f"\\u00{ord(VICTIM[n]):02x}").encode()),
    "something before": ("application/json", lambda n: json.dumps({f"x{n}": n, "email": VICTIM}).encode()),
}  # fmt: skip
QUERIES = ["email=%s", "Email=%s", "email[]=%s", "email.x=%s", "x=1&e-mail=%s", "x;email=%s"]


@pytest.mark.parametrize("path", ["/login", "/limited", "/api/trpc/auth.login", "/api/trpc/auth.login?batch=1"])
async def test_no_spelling_gets_more_guesses_at_the_victim(backend: tuple[Lenient, str], path: str) -> None:
    """Each spelling alone: a backend sees at most as many guesses at the victim as there may be failures."""
    lenient, url = backend
    for name, (content_type, content) in SPELLINGS.items():
        lenient.victims = 0
        async with running_gateway(ENTRY, {"TUTOR": url}, policies=POLICIES) as gateway, ClientSession() as session:
            statuses = set()
            for number in range(1, 9):
                sent = content(number)
                if "batch" in path and sent[:1] == b"{":
                    sent = b'{"0":' + sent + b"}"
                headers = {"content-type": content_type}
                async with session.post(gateway.url + path, data=sent, headers=headers) as response:
                    statuses.add(response.status)
            assert lenient.victims <= FAILURES, name
            assert statuses & {400, 415, 429}, name


async def test_a_sign_in_that_is_written_as_everybody_writes_it_passes(backend: tuple[Lenient, str]) -> None:
    lenient, url = backend
    async with running_gateway(ENTRY, {"TUTOR": url}, policies=POLICIES) as gateway, ClientSession() as session:
        for content_type in ("application/json", "application/json; charset=utf-8", 'Application/JSON;charset="UTF-8"'):
            headers = {"content-type": content_type}
            async with session.post(f"{gateway.url}/login?locale=es", data=PLAIN, headers=headers) as response:
                assert response.status == 401
        async with session.post(f"{gateway.url}/login", data=PLAIN, headers=headers) as response:
            assert response.status == 429
    assert lenient.victims == FAILURES


@pytest.mark.parametrize("query", QUERIES)
async def test_a_query_beside_the_content_is_no_second_account(backend: tuple[Lenient, str], query: str) -> None:
    lenient, url = backend
    async with running_gateway(ENTRY, {"TUTOR": url}, policies=POLICIES) as gateway, ClientSession() as session:
        target = URL(f"{gateway.url}/login?{query % VICTIM}", encoded=True)
        for method in ("POST", "GET"):
            async with session.request(method, target, json={"email": "decoy@example.com"}) as response:
                assert response.status == 400
        async with session.get(target) as response:
            assert response.status == 400
    assert lenient.victims == lenient.others == 0


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "utf-7", "identity, gzip"])
async def test_coded_content_is_refused(backend: tuple[Lenient, str], coding: str) -> None:
    lenient, url = backend
    async with running_gateway(ENTRY, {"TUTOR": url}, policies=POLICIES) as gateway, ClientSession() as session:
        headers = {"content-type": "application/json", "content-encoding": coding}
        async with session.post(
            f"{gateway.url}/login", data=PLAIN.encode(), headers=headers, compress=None
        ) as response:
            assert response.status == 415
    assert lenient.victims == 0
