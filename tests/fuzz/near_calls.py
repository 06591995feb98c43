"""Requests of tRPC and of JSON that are nearly as real clients send them: changed at the places where parsers differ."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from urllib.parse import quote

QUERIES = ("lessons.getAll", "chat.getHistory", "user.get")
MUTATIONS = ("auth.login", "chat.translate", "analytics.trackEvent")
ALIASES = {"auth.signin": "auth.login", "user.getProfile": "user.get"}
PROCEDURES = {**dict.fromkeys(QUERIES, "query"), **dict.fromkeys(MUTATIONS, "mutation")}
MOUNT = "/api/trpc/"

# Texts of a path in place of the plain ones: the spellings of TUTOR_BACKEND, those of other servers, and what is no name.
_BEFORE = ("./", "x/../", "x/%2e%2e/", "/", "%2F", ",", "x/,", "%20", "__proto__,", "constructor.")
_BEHIND = (
    "/",
    "//",
    "/.",
    "%2F",
    ",",
    ",,",
    "%2C",
    "%00",
    "%20",
    ";v=1",
    ".",
    "%2e",
    "?",
    "#x",
    "%",
    "%ff",
    "%252E",
    "\\",
)
_ROOTS = ("/api/x/../trpc/", "/api/./trpc/", "//api/trpc/", "/API/trpc/", "/api/trpc//", "/api%2Ftrpc/", "/%61pi/trpc/", "http://gateway/api/trpc/", "HTTP://GATEWAY/api/trpc/", "https://gateway:443/api/trpc/")  # fmt: skip
_BATCH = ("batch=1", "%62atch=1", "batch=%31", "batch=1&batch=0", "batch=0&batch=1", "batch", "batch=true", "Batch=1", "batch=01", "batch=1%00", "batch=1+", "batch[]=1", "batch=1&batch", "batch&batch=1", "&&batch=1&", "batch=1;x", ";batch=1", "batch=1&lastEventId=7", "batch=1&connectionParams={}", "b%61tch=1&b=batch", "batch=1%26", "batch%3D1", "\ufeffbatch=1", "x=&batch=1", "=&batch=1")  # fmt: skip
_INPUT = ("input", "inp%75t", "Input", "input[]", "input%20", "+input", "input.x", "input%00", "&input", "a=1&input", "%69nput", "input=x&input", "%EF%BB%BFinput")  # fmt: skip

_TYPES = ("application/json; charset=utf-8", 'application/json;charset="utf-8"', "Application/JSON", "application/json;", "application/json; charset=utf-16", "application/json; charset=utf-8; x=y", "application/json, text/plain", "text/plain, application/json", "text/json", "application/vnd.api+json", "application/json+x", "application/x-www-form-urlencoded", "application/octet-stream", "multipart/form-data; boundary=B", " application/json", "application/json\t; charset=UTF-8", "application /json", "application/json;charset=utf-8;charset=utf-7")  # fmt: skip
_FIELDS = ("trpc-accept: application/jsonl", "accept: application/jsonl", "last-event-id: 7", "content-encoding: identity", "content-encoding: gzip", "x-http-method-override: POST", "content-type: text/plain", "expect: 100-continue", "origin: null", "accept: */*", "x-trpc-source: web", "content-language: en", "connection: x-y")  # fmt: skip

# Segments of a path, among them those that lead up, or to what is closed, for one reader or another.
_SEGMENTS = ("a", "b.txt", "@me", "%41", "%7e", "a+b", "[1]", "a|b", "^", "é", "%C3%A9", "%FF", "100%", "", ".", "..", "%2e%2e", ".%2E", "..%2f", "..;", "..%00", "..%09", "%252e%252e", "%u002e%u002e", "..\\", "%5c..", "secret", "Secret", "%73ecret", "secret;x", "secre%74%00", "secret%20", "secret.", "\u017fecret", "%C5%BFecret", "key", "KEY", "key/", "key%2F", "key;v", "key%3F", "key%23x", "\u2025", "%E2%80%A5", "%EF%BC%8F", "%c0%ae", "a%2Fb", "a;v=1", "a%3Bb")  # fmt: skip

# Names and values of members, and what stands in JSON in their place as it is.
_NAMES = ("email", "Email", "x", "a.b", "0", "00", "", "json", "meta", "é", "__proto__", "constructor", "prototype", "toString", "length", "\ufeff")  # fmt: skip
_VALUES: tuple[Any, ...] = ("a@b.c", "2026-01-02T03:04:05.678Z", "", "😀", "\u2028", "\x7f", None, True, 0, -1, 7.5, 2**53 - 1, 1e20)  # fmt: skip
_RAW = ("NaN", "Infinity", "-0", "-0.0", "1e400", "-1E+400", "1E5", "1.0", "9007199254740993", "123456789012345678901234567890", "0.1e-7", "5e-324", "01", "+1", ".5", "1.", "0x1", "'a'", "undefined", "True", '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"\\x41"', '"\t"', '"\\/"', "[1,]", "{,}", "[1 2]", "/**/1", "1//", "{}", "[]", "[[]]", "[null,null]", '{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"A":1,"a":2}')  # fmt: skip
_AROUND = ("", " ", "\n", "\t\r\n ", "\ufeff", "\0", "\x0b", "\xa0", "//", ",", "]", "}", "null", "\u2028")

_DATES = ("2016-12-31T23:59:60Z", "2026-01-02t03:04:05z", "2026-01-02T03:04:05+23:59", "0000-01-01T00:00:00Z", "2026-01-02T03:04:05.123456789Z", "2028-02-29T00:00:00-00:00", "2026-02-30T00:00:00Z", "2026-01-02 03:04:05Z", "2026-01-02T24:00:00Z", "2026-01-02", "9999-12-31T23:59:59+14:00", "2026-01-02T03:04:05,5Z", "2026-01-02T03:04Z", "+002026-01-02T03:04:05Z", "2016-12-31T15:59:60-08:00")  # fmt: skip
_KINDS = ("undefined", "Date", "bigint", "number", "URL", "set", "map", "regexp", "Error", "symbol", "class", "custom", "Uint8Array", "-0", "NaN")  # fmt: skip
_PATHS = ("email", "x", "", "0", "x.0", "x.00", "x.email", "a\\.b", "a.b", "__proto__", "__proto__.email", "constructor.prototype", "x.length", "nothing", "x.0.0", "x\\\\.0", "x.-1", "x.1e0", "length")  # fmt: skip


def pick(chance: Random, usual: Any, others: tuple[Any, ...], often: float = 0.06) -> Any:
    """``usual``, or rarely one of ``others``."""
    return chance.choice(others) if chance.random() < often else usual


def some_value(chance: Random, depth: int = 0) -> Any:
    form = chance.random()
    if depth > 2 or form < 0.5:
        return chance.choice(_VALUES)
    if form < 0.7:
        return [some_value(chance, depth + 1) for _ in range(chance.randrange(3))]
    names = [*chance.sample(_NAMES[:10], chance.randrange(3)), pick(chance, "x", _NAMES, 0.1)]
    return {name: some_value(chance, depth + 1) for name in names}


def some_meta(chance: Random) -> Any:
    """A ``meta`` of superjson, of which few are what clients send."""
    usual = [pick(chance, chance.choice(_KINDS[:2]), _KINDS, 0.3)]
    kind: Any = pick(
        chance, usual, (*usual, "undefined", ["undefined", {}], [["class", "X"]], {"0": ["Date"]}, [], None, 0)
    )
    meta: dict[str, Any] = {"values": {pick(chance, chance.choice(("email", "x", "x.0", "at")), _PATHS, 0.3): kind}}
    if chance.random() < 0.15:
        meta["values"] = pick(chance, kind, (None, [], "x", [["undefined"]], {"": kind}, [{"x": ["undefined"]}]))
    if chance.random() < 0.4:
        meta["v"] = pick(chance, 1, (0, 2, True, "1", None, 1.0), 0.2)
    if chance.random() < 0.05:
        meta["referentialEqualities"] = chance.choice(({"x": ["email"]}, {}, [["x"]], [["x"], {"a": ["b"]}]))
    return pick(chance, meta, (None, {}, [], 1, "x", {**meta, "x": 1}), 0.05)


def some_input(chance: Random) -> Any:
    """What is wrapped for one call."""
    value: Any = {
        "email": chance.choice(_VALUES),
        "x": some_value(chance),
        "at": pick(chance, "2026-01-02T03:04:05.678Z", _DATES, 0.3),
    }
    for name in ("email", "x", "at"):
        if chance.random() < 0.15:
            value[name] = None
    wrapped = {"json": pick(chance, value, (None, [], some_value(chance), "text"), 0.15)}
    if chance.random() < 0.4:
        wrapped["meta"] = some_meta(chance)
    return pick(chance, wrapped, (value, {}, None, [wrapped], {**wrapped, "y": 1}, {"meta": {"values": ["undefined"]}}))


def some_text(chance: Random, value: Any) -> str:
    """``value`` as JSON, and not always as JSON.stringify writes it."""
    text = json.dumps(value, ensure_ascii=chance.random() < 0.3, separators=pick(chance, (",", ":"), ((", ", ": "),)))
    form = chance.random()
    if form < 0.2:
        at = chance.choice([place for place, character in enumerate(text) if character in '[{:,]}"'] or [0])
        text = text[: at + 1] + chance.choice((*_RAW, *_AROUND)) + text[at + 1 :]
    elif form < 0.35:
        word = chance.choice(('"a@b.c"', "null", "0", '"x"', '"email"', "true", '"json"', '"meta"'))
        text = text.replace(word, chance.choice((*_RAW, '"\\u0078"', '"json"', '"__proto__"', '"\\u005f_proto__"')), 1)
    elif form < 0.38:
        text = text.replace('"x":', '"x":' + "[" * chance.choice((5, 31, 33, 65, 2000)), 1)
    elif form < 0.42:
        text = chance.choice(_AROUND) + text + chance.choice(_AROUND)
    return text


def some_octets(chance: Random, text: str) -> bytes:
    if chance.random() < 0.03:
        return text.encode(chance.choice(("utf-16", "utf-8-sig", "utf-32-le", "utf-7", "latin-1")), "replace")
    octets = text.encode("utf-8", "surrogatepass")
    return edited(chance, octets) if chance.random() < 0.05 else octets


def edited(chance: Random, octets: bytes) -> bytes:
    """``octets`` with one or two places changed at random."""
    for _ in range(chance.randint(1, 2)):
        at = chance.randrange(len(octets) + 1)
        piece = bytes([chance.choice(b'\0\r\n \t",:;%{}[]\\/\x80\xff0a')])
        octets = octets[:at] + chance.choice((piece, b"", piece + octets[at : at + 1])) + octets[at + 1 :]
    return octets


def framed(chance: Random, octets: bytes) -> bytes:
    """The fields that frame ``octets``, an empty line, and these."""
    if chance.random() < 0.8:
        return b"content-length: %d\r\n\r\n%b" % (len(octets), octets)
    chunks, at = [], 0
    while at < len(octets):
        size = chance.choice((1, 2, 3, 7, 64, 1000))
        piece = octets[at : at + size]
        chunks.append(b"%x%b\r\n%b\r\n" % (len(piece), pick(chance, b"", (b";a=b", b';a="\r"'), 0.02), piece))
        at += size
    return b"transfer-encoding: chunked\r\n\r\n" + b"".join(chunks) + b"0\r\n\r\n"


def some_name(chance: Random, name: str) -> str:
    """``name`` in one of its spellings, and sometimes in one that is none."""
    name = pick(chance, name, tuple(alias for alias, real in ALIASES.items() if real == name) or (name,), 0.2)
    if chance.random() < 0.1:
        at = chance.randrange(len(name))
        written = pick(
            chance,
            f"%{ord(name[at]):02X}",
            (f"%{ord(name[at]):02x}", f"%25{ord(name[at]):02X}", name[at].swapcase()),
            0.3,
        )
        name = name[:at] + written + name[at + 1 :]
    return pick(chance, name, ("toString", "__proto__", "", name.upper(), name.replace(".", "/")), 0.02)


def some_call(chance: Random) -> bytes:
    """A request of tRPC."""
    method, known = ("GET", QUERIES) if chance.random() < 0.5 else ("POST", MUTATIONS)
    names = [chance.choice(known) for _ in range(chance.choice((1, 1, 1, 2, 3)))]
    path = pick(chance, ",", ("%2C", "%2c", ",,"), 0.1).join([some_name(chance, name) for name in names])
    path = pick(chance, "", _BEFORE, 0.03) + path + pick(chance, "", _BEHIND, 0.06)
    batch = len(names) > 1 or chance.random() < 0.5
    query = [pick(chance, "batch=1", _BATCH, 0.1)] if batch else [pick(chance, "", _BATCH, 0.05)]
    whole: Any = some_input(chance)
    if batch:
        whole = {str(index): some_input(chance) for index in range(len(names)) if chance.random() < 0.9}
        if chance.random() < 0.04:
            whole = pick(
                chance,
                {**whole, chance.choice(("00", "9", "0 ", "x", "-0")): some_input(chance)},
                (list(whole.values()),),
            )
    text = some_text(chance, whole)
    if method == "GET":
        written = pick(
            chance,
            quote(text, safe="", errors="replace"),
            (
                quote(text, safe='{}":,[]'),
                quote(text).replace("%20", "+"),
                text.replace("%", "%25").replace("&", "%26").replace(" ", "+"),
                quote(text) + "%ff",
            ),
            0.2,
        )
        query.append(f"{pick(chance, 'input', _INPUT, 0.06)}={written}")
    if chance.random() < 0.03:
        query.append(chance.choice(("x=1", "input={}", "batch=1", "lastEventId=1", "%", "%c1%a2atch=1", "a;b")))
    chance.random() < 0.1 and query.reverse()
    target = pick(chance, MOUNT, _ROOTS, 0.04) + path + "?" + "&".join(filter(None, query))
    content = b"" if method == "GET" else some_octets(chance, text)
    return request(chance, method, target, content)


def some_json(chance: Random) -> bytes:
    """A request of plain JSON."""
    content = some_octets(chance, some_text(chance, some_value(chance)))
    return request(
        chance, "POST", pick(chance, "/rest/x", ("/rest/%78", "/rest/x?email=y", "/rest/x?%65mail"), 0.1), content
    )


def some_file(chance: Random) -> bytes:
    """A request for a file, whose path may lead elsewhere for some reader."""
    names = [pick(chance, chance.choice(_SEGMENTS[:12]), _SEGMENTS, 0.3) for _ in range(chance.randint(1, 4))]
    root = chance.choice(("/files/", "/open/"))
    path = root + pick(chance, "/", ("//", "%2F", "\\", ";/"), 0.1).join(names)
    path = pick(chance, path, (path.replace("e", "%65"), "/x/.." + path, path + "/", path.upper()), 0.1)
    query = chance.choice(("", "?", "?a=%2F..", "?a=b#c", "?//x"))
    return request(chance, "GET", pick(chance, "", ("http://gateway", "//gateway"), 0.05) + path + query, b"")


def request(chance: Random, method: str, target: str, content: bytes) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", pick(chance, "host: gateway", ("Host: gateway:80", "host: gateway "), 0.02)]
    if method == "POST" or chance.random() < 0.1:
        lines.append("content-type: " + pick(chance, "application/json", _TYPES, 0.12))
    if chance.random() < 0.15:
        lines.append(chance.choice(_FIELDS))
    head = "".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogatepass")
    framing = b"\r\n" if method == "GET" and not content else framed(chance, content)
    return (edited(chance, head) if chance.random() < 0.03 else head) + framing
