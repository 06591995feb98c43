"""What policies read is what the real superjson hands to a procedure, and nothing reaches it that they do not read."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import unicodedata
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from gateway.core.exchange import Call, Exchange
from gateway.core.superjson import NO_JSON
from gateway.core.trpc import inputs
from gateway.policy.base.inputs import checked_inputs
from gateway.policy.base.pointer import MISSING, account_name, find
from tests.gateway_fixture import running_gateway
from tests.trpc.gateway_between import LINKS, POLICIES, expected, seen
from tests.trpc.real_peers import HERE, RealClient, RealServer

ENTRY = """\
version: 1
include: [policies/*.yaml]
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR_URL}"}]
    trpc: {prefix: /api/trpc, max_batch: 3, transformer: superjson, aliases: {auth.signin: auth.login}}
routes:
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, lockout: accounts, rate_limits: [per-account], body: json}
"""
GUARDED = POLICIES.replace(
    "rate_limits:\n",
    'lockouts: {accounts: {account: /email, failures: 3}}\nrate_limits:\n  per-account: {limit: 1000/minute, key: [address, "input:/email"]}\n',
)
VICTIM = "ada@example.com"
LOGIN = {"email": VICTIM, "password": "wrong"}
JSON = {"content-type": "application/json"}

NAMES = ["email", "Email", "x", "__proto__", "constructor", "a.b", "0", "", "json", "meta", "password", "toString"]
LEAVES: list[Any] = ["victim", "decoy", "2026-01-02T03:04:05.678Z", "7", "NaN", "https://x.y/", "", None, 7, 1.5, True]
KINDS = ["undefined", "Date", "bigint", "number", "URL", "set", "map", "regexp", "Error", "symbol", "nothing"]


def some_value(chance: random.Random, depth: int = 0) -> Any:
    form = chance.random()
    if depth > 2 or form < 0.5:
        return chance.choice(LEAVES)
    if form < 0.7:
        return [some_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    names = chance.sample(NAMES, chance.randrange(4))
    return {name: some_value(chance, depth + 1) for name in names}


def some_document(chance: random.Random) -> str:
    """The content of one call: mostly a sign-in with something odd in it, and a meta that often fits."""
    value: Any = {"email": chance.choice(LEAVES), "x": some_value(chance), chance.choice(NAMES): some_value(chance)}
    if chance.random() < 0.2:
        value = some_value(chance)
    document: dict[str, Any] = {"json": value}
    if chance.random() < 0.6:
        paths = [
            "email",
            "x",
            "",
            "0",
            "x.0",
            "x.00",
            "x.email",
            "__proto__.email",
            "a\\.b",
            "a.b",
            "password",
            "nothing",
        ]
        kinds = [[chance.choice(KINDS)] for _ in range(2)]
        values: Any = {chance.choice(paths): kind for kind in kinds} if chance.random() < 0.9 else kinds[0]
        document["meta"] = {"values": values, **({"v": 1} if chance.random() < 0.5 else {})}
        if chance.random() < 0.1:
            document["meta"]["referentialEqualities"] = {"x": ["email"]}
    text = json.dumps(document, ensure_ascii=chance.random() < 0.5)
    if chance.random() < 0.2:
        text = text.replace('"x"', chance.choice(['"email"', '"\\u0065mail"', '"__proto__"', '"\\u005f_proto__"']), 1)
    return text


def agree(ours: Any, theirs: Any) -> bool:
    """Whether a reading of ours is what superjson made of it; of what is no JSON only that it is no text for us."""
    if ours is NO_JSON:
        return True
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(agree(ours[name], theirs[name]) for name in ours)
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(agree, ours, theirs))
    return bool((None if ours is MISSING else ours) == theirs)


def by_superjson(texts: list[str]) -> list[Any]:
    node = shutil.which("node")
    assert node is not None, "node is not installed; scripts/setup brings it"
    lines = "".join(json.dumps(text) + "\n" for text in texts)
    done = subprocess.run(
        [node, "reading.mjs"], cwd=HERE, input=lines.encode(), capture_output=True, check=True, timeout=60
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_whatever_is_read_is_what_superjson_reads(packages: None) -> None:
    chance = random.Random(8)
    texts = [some_document(chance) for _ in range(4_000)]
    read = 0
    for text, theirs in zip(texts, by_superjson(texts), strict=True):
        try:
            (value,) = inputs(text, False, 1)
            email = find(value, ("email",))
        except ValueError:
            continue
        if theirs is None:  # no bigint or URL: superjson throws, so no procedure runs
            continue
        read += 1
        assert agree(value, theirs["value"]), text
        assert agree(email, theirs["email"]), text
        assert not isinstance(email, str) or theirs["careless"] == email, text
    assert 500 < read < 3_500  # both were tried


TYPED = [
    "undefined",
    "undefined",
    "undefined",
    "Date",
    "Date",
    "Date",
    "set",
    "map",
    "bigint",
    "number",
    "URL",
    "regexp",
]
ODD = {
    '"7"': "9007199254740993",
    '"x"': '"\\u0078"',
    "1.5": "1.50",
    "true": "1e23",
    '"decoy"': "-0",
    '"NaN"': '"\\ud83d\\ude00"',
}


def some_typed_document(chance: random.Random) -> str:
    """The content of one call: a record with texts and nulls, and a meta that makes dates and undefined of some of them."""
    record: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for name in chance.sample(["a", "b", "at", "n", "list", "in", "0", "u.v"], 4):
        leaf = chance.choice([None, None, "2026-01-02", "2026-01-02T03:04:05.678Z", "soon", 7])
        shape = chance.randrange(4)
        record[name] = [leaf, {"x": leaf}, [leaf, leaf], {"y": [{"z": leaf}]}][shape]
        written = name.replace(".", chance.choice(["\\.", "\\.", "\\.", ".", "\\\\."]))
        path = written + ["", ".x", ".1", ".y.0.z"][shape]
        if chance.random() < 0.6:
            kind = chance.choice(TYPED) if chance.random() < 0.2 else ["undefined", "Date"][isinstance(leaf, str)]
            values[
                path if chance.random() < 0.95 else chance.choice([written, path + ".x", "nothing", "__proto__.x"])
            ] = [kind]
    meta: dict[str, Any] = {"values": values, "v": 1} if values or chance.random() < 0.2 else {}
    if chance.random() < 0.3:
        meta.pop("v", None)  # superjson reads paths as its older versions then
    if chance.random() < 0.05:
        meta["referentialEqualities"] = {"a": ["b"]}
    whole: dict[str, Any] = {"json": record, **({"meta": meta} if meta else {})}
    if chance.random() < 0.1:
        whole = chance.choice(
            [
                {},
                {"json": None},
                {"json": None, "meta": {"values": ["undefined"]}},
                {"json": "2026", "meta": {"values": ["Date"]}},
            ]
        )
    text = json.dumps(whole, separators=(",", ":") if chance.random() < 0.5 else None)
    if chance.random() < 0.2:
        plain = chance.choice([*ODD])
        text = text.replace(plain, ODD[plain], 1)
    return text


def with_dates(value: Any, dates: Sequence[tuple[str, ...]]) -> Any:
    """``value`` as ``reading.mjs`` shows it."""
    for path in dates:
        parent = value
        for name in path[:-1]:
            parent = parent[int(name) if isinstance(parent, list) else name]
        parent[int(path[-1]) if isinstance(parent, list) else path[-1]] = {"date": True}
    return None if value is MISSING else value


def test_what_a_schema_judges_is_what_superjson_hands_to_the_procedure(packages: None) -> None:
    chance = random.Random(14)
    texts = [some_document(chance) if number % 4 == 0 else some_typed_document(chance) for number in range(4_000)]
    read = dated = left_out = 0
    for text, theirs in zip(texts, by_superjson(texts), strict=True):
        made = Exchange("POST", "/", {b"content-type": b"application/json"}, "192.0.2.1", 0.0)
        made.calls, made.body = [Call("x")], text.encode()
        made.route = SimpleNamespace(error_format="superjson")  # type: ignore[assignment]  # all that is asked of it
        try:
            ((value, dates),) = checked_inputs(made, 32)
        except ValueError:
            continue
        read += 1
        dated += bool(dates)
        left_out += "undefined" in text
        assert theirs is not None, text
        assert with_dates(value, dates) == theirs["dates"], text
    assert 1_000 < read < 3_500  # both were tried
    assert dated > 200
    assert left_out > 200


@pytest.mark.parametrize("link", LINKS)
async def test_what_the_real_client_sends_is_read(client: RealClient, server: RealServer, link: str) -> None:
    given = {
        "json": {
            "email": VICTIM,
            "password": "Correct-horse-1",
            "captchaToken": None,
            "at": "2026-01-02T03:04:05.678Z",
        },
        "meta": {"values": {"captchaToken": ["undefined"], "at": ["Date"]}},
    }
    async with running_gateway(ENTRY, {"TUTOR_URL": server.url}, policies=GUARDED) as gateway:
        [passed] = await client.call(gateway.url, link, ("auth.login", given))
        assert passed["event"] == "result", passed
        for _ in range(3):
            [wrong] = await client.call(gateway.url, link, ("auth.login", {"json": LOGIN}))
            assert wrong["error"]["code"] == "UNAUTHORIZED"
        [locked] = await client.call(gateway.url, link, ("auth.login", given))
        assert seen(locked)["reason"] == "account_locked"
        [nobody] = await client.call(gateway.url, link, "auth.login")
        assert seen(nobody) == expected("body_malformed")
    assert (await server.state())["runs"] == {"auth.login": 4}


HOSTILE = [
    ("", {"json": {"__proto__": {"email": VICTIM}, "password": "p"}}),
    ("", {"json": {"email": "decoy@x.y", "password": "p", "__proto__": {"email": VICTIM}}}),
    ("", {"json": {"email": "decoy@x.y", "password": "p", "x": VICTIM}, "meta": {"referentialEqualities": {"x": ["email"]}}}),
    ("", {"json": {"email": "decoy@x.y", "password": "p"}, "meta": {"values": {"email": ["URL"]}}}),
    ("", {"json": [["email", VICTIM], ["password", "p"]], "meta": {"values": ["map"]}}),
    ("", {"json": {"constructor": {"prototype": {"email": VICTIM}}, "email": "decoy@x.y", "password": "p"}}),
    ("", {"json": {"email": [VICTIM], "password": "p"}}),
    ("", {"json": {"email": None, "password": "p"}}),
    ("", {"json": {"password": "p"}}),
    ("", {"json": {"email": "decoy@x.y", "Email": VICTIM, "password": "p"}}),
    ("", {}),
    ("", {"json": LOGIN, "x": 1}),
    ("?input=%7B%22json%22%3A%7B%22email%22%3A%22decoy%40x.y%22%7D%7D", {"json": LOGIN}),
    ("?batch=1", {"json": LOGIN}),
    ("?batch=1", {"00": {"json": LOGIN}}),
    ("?batch=1", {"0": {"json": {"email": "decoy@x.y", "password": "p"}}, "1": {"json": LOGIN}}),
    ("?batch=1", {"0": {"json": {"email": "decoy@x.y", "password": "p"}}, "0 ": {"json": LOGIN}}),
    ("?batch=1", {"0": {"json": {"__proto__": {"email": VICTIM}, "password": "p"}}}),
    ("?batch=1", [{"json": LOGIN}]),
    ("?batch=1&batch=0", {"0": {"json": LOGIN}}),
]  # fmt: skip


async def test_no_other_spelling_of_a_sign_in_reaches_the_server(server: RealServer) -> None:
    async with running_gateway(ENTRY, {"TUTOR_URL": server.url}, policies=GUARDED) as gateway:
        async with aiohttp.ClientSession() as session:
            for query, given in HOSTILE:
                target = f"{gateway.url}/api/trpc/auth.signin{query}"
                async with session.post(target, data=json.dumps(given), headers=JSON) as response:
                    found = await response.json()
                assert (response.status, found["error"]["json"]["data"]["reason"]) == (400, "body_malformed"), (
                    query,
                    given,
                )
        assert gateway.store.stats().records == 0
    assert (await server.state())["heads"] == []


async def test_a_list_is_no_batch_to_the_server_either(server: RealServer) -> None:
    async with aiohttp.ClientSession() as session:
        for given, status in (([{"json": LOGIN}], 400), ({"0": {"json": LOGIN}}, 401)):
            target = f"{server.url}/api/trpc/auth.login?batch=1"
            async with session.post(target, data=json.dumps(given), headers=JSON) as response:
                assert response.status == status
    assert (await server.state())["runs"] == {"auth.login": 2}  # counted before the input is read


_COLLATED = """
const { compare } = new Intl.Collator("und", { sensitivity: "base" });
const known = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const found = [];
for (let code = 0xa0; code < 0x20000; code += 1) {
  if (code >= 0xd800 && code < 0xf900) continue;
  const character = String.fromCodePoint(code);
  if (compare("a" + character + "b", "ab") === 0) found.push([character, ""]);
  else for (const one of known) if (compare(character, one) === 0) found.push([character, one]);
}
process.stdout.write(JSON.stringify(found));
"""


def test_what_a_collation_takes_for_one_is_one_account() -> None:
    node = shutil.which("node")
    assert node is not None
    found = json.loads(subprocess.run([node, "-e", _COLLATED], check=True, capture_output=True, timeout=60).stdout)
    assert len(found) > 3000
    known = [(one, same) for one, same in found if unicodedata.category(one) != "Cn"]
    assert [(one, same) for one, same in known if account_name(f"vi{one}c") != f"vi{same}c"] == []
