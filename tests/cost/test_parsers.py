"""Every function of the gateway's lowest rooms that is given a text of a client, an upstream or an operator."""

from __future__ import annotations

import importlib
import inspect
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from gateway.core import (
    collation,
    dot_segment,
    fields,
    forwarded,
    identity_fields,
    origin,
    path,
    path_reading,
    path_sent,
    query,
    request_fields,
    response_fields,
    spelling,
    strict_json,
    trpc,
)
from gateway.core.exchange import Call, Exchange, WholeResponse
from gateway.core.loopback import names_loopback
from gateway.core.trpc_status import statuses_of
from gateway.ops import plain
from gateway.ops.api import breakers, lockouts, revocations
from gateway.ops.api.order import decode_texts
from gateway.ops.judged_head import add_content, add_judged, add_origin, add_preflight
from gateway.ops.log import Log
from gateway.ops.metrics.worker import WorkerMetrics
from gateway.ops.sink import Sink
from gateway.policy.base import bucket, pointer, quick_json
from gateway.policy.lockout import keys
from gateway.proxy.flow import render
from gateway.proxy.message.head import RequestHead
from gateway.proxy.message.request import ReceivedRequest
from gateway.proxy.upstream.retry import retry_after
from tests.cost.awkward import ALL, BODY, HEAD, SOME, filled, growth, slow
from tests.floors.sources import sources

WHOLE = (("", ""),)
TEXT = ("json", "superjson")
FLAT = (("", ""), ('"', '"'), ("[", "1]"), ('{"a":', "}"), ('{"', '":1}'), ('{"json":{"a":"', '"}}'))


class Parser(NamedTuple):
    """``work`` takes bytes of at most ``size``; ``around`` is what they begin and end with."""

    work: Callable[[bytes], object]
    size: int = HEAD
    around: tuple[tuple[str, str], ...] = WHOLE


def of_text(work: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda value: work(value.decode("utf-8", "replace"))


def of_query(work: Callable[[str], object]) -> Callable[[bytes], object]:
    """With the reading of the query that comes before."""
    return lambda value: work(query.canonical_query(path.canonical("/?" + value.decode("latin-1"))[1])[:HEAD])


GUARDED = path_reading.PathsByReading([("/api/admin", 1), ("/api/files/*", 2)], path_reading.PathReading())


def guarded(text: str) -> object:
    """The look-up of a path, which is canonical, among the patterns that guard others."""
    return list(GUARDED.find(path.canonical(text)[0]))


def of_bytes_as_text(work: Callable[[str], object]) -> Callable[[bytes], object]:
    """As heads are decoded."""
    return lambda value: work(value.decode("latin-1"))


def batch(body: bytes) -> object:
    exchange = Exchange("POST", "/", {}, "", 0.0)
    exchange.calls, exchange.query = [Call("auth.login")] * 10, "batch=1"
    return statuses_of(exchange, WholeResponse(207, (), body))


def received(*pairs: tuple[bytes, bytes]) -> RequestHead:
    return RequestHead(ReceivedRequest("GET", "/", "1.1", ((b"host", b"a"), *pairs), True, False))


LOG = Log(Sink(os.open(os.devnull, os.O_WRONLY)), b"k" * 32)
METRICS = WorkerMetrics()


def logged(text: str) -> None:
    """A request of which all is ``text`` that a client or an upstream can choose, in the log and in the metrics."""
    exchange = Exchange(text, text, {}, "192.0.2.1", 0.0)
    exchange.path = exchange.detail = exchange.origin = text
    exchange.principal = text[:256]
    exchange.calls = [Call(text)] * 10
    exchange.reason = "head_malformed"
    LOG.access(exchange, 0.1)
    LOG.event("upstream_broken", detail=text, more=[text])
    METRICS.done(exchange, 0.1)


JUDGED = (
    b"origin", b"sec-fetch-site", b"sec-fetch-mode", b"sec-fetch-dest", b"referer", b"content-type", b"content-encoding",
    b"access-control-request-method", b"access-control-request-headers",
)  # fmt: skip


def judged(value: bytes) -> None:
    """What a line has of a head beside the path, where each of its fields is ``value``."""
    exchange = Exchange("OPTIONS", "/", dict.fromkeys(JUDGED, value), "192.0.2.1", 0.0)
    exchange.query = value.decode("latin-1")
    for add in (add_judged, add_origin, add_content, add_preflight):
        add({}, exchange)
    del exchange.fields[b"origin"]
    add_origin({}, exchange)


JOINED = tuple[bytes, ...]

PARSERS: dict[str, Parser] = {
    "core/path canonical": Parser(of_text(path.canonical), HEAD, (("/", ""), ("/?", ""), ("/a?b=", "&batch=1"), ("/%41", "%"))),
    "core/path split_target": Parser(of_text(path.split_target), HEAD, (("", ""), ("http://", "/"), ("http://a/", ""))),
    "core/path divided": Parser(of_text(path.divided), HEAD, (("/", ""), ("/?", ""))),
    "core/origin parse_origin": Parser(of_bytes_as_text(origin.parse_origin), HEAD, (("", ""), ("https://", ""), ("https://a.", ".a"), ("app://", ":1"), ("http://[", "]"))),
    "core/dot_segment leads_up": Parser(of_text(dot_segment.leads_up), HEAD, (("/", ""), ("/.", "/"), ("/%2", "e"))),
    "core/dot_segment may_lead_up": Parser(of_text(dot_segment.may_lead_up), HEAD, (("/", ""), ("/..%20", ""))),
    "core/path_sent sent_path": Parser(of_text(path_sent.sent_path), HEAD, (("/", ""), ("http://a/", "?a"))),
    "core/path_sent unspelled_query": Parser(of_text(path_sent.unspelled_query), HEAD, (("/", ""), ("/a;", ""), ("/a?", ""))),
    "core/path_sent below": Parser(of_text(lambda text: path_sent.below("/a/", f"/%61/{text}"))),
    "core/path_sent stays_below": Parser(of_text(lambda text: path_sent.stays_below("/a/", f"/a/{text}")), HEAD, (("", ""), ("a/", ""), ("..", ""), ("%2e", "/"))),
    "core/query canonical_query": Parser(of_text(query.canonical_query), HEAD, (("", ""), ("%0A=", ""), ("batch=", "%"), ("a&" * 90, "%FF"))),
    "core/trpc is_batch": Parser(of_text(trpc.is_batch), HEAD, (("", ""), ("", "&batch=1"), ("batch", ""))),
    "core/trpc calls": Parser(of_text(lambda text: trpc.calls(text, "batch=1", {}, 10)), HEAD, (("", ""), ("a.", ""), ("a,", ""))),
    "core/trpc query_input": Parser(of_query(trpc.query_input), HEAD, (("", ""), ("input=", ""), ("a&" * 90, ""))),
    "core/trpc written_input": Parser(of_query(trpc.written_input), HEAD, (("", ""), ("input=", ""))),
    "core/trpc first_words as sent": Parser(of_bytes_as_text(trpc.first_words), HEAD, (("", ""), ("a&" * 90, ""))),
    "core/trpc first_words": Parser(of_query(trpc.first_words), HEAD, (("", ""), ("a&" * 90, ""))),
    "core/path_reading": Parser(of_text(guarded), HEAD, (("/", ""), ("/api/admin/", ""), ("/api/admin.", ""))),
    "core/identity_fields is_identity": Parser(identity_fields.is_identity, HEAD, (("", ""), ("x-", ""), ("x-user-", ""))),
    "core/identity_fields seems_identity": Parser(identity_fields.seems_identity, HEAD, (("", ""), ("x-", ""), ("user", ""))),
    "core/trpc inputs": Parser(of_text(lambda text: trpc.inputs(text, True, 10)), BODY, FLAT),
    "core/strict_json read": Parser(of_text(strict_json.read), BODY, FLAT),
    "core/strict_json decoded": Parser(strict_json.decoded, BODY),
    "core/strict_json has_half_pair": Parser(of_text(strict_json.has_half_pair), BODY, FLAT),
    "policy/base/quick_json read_quickly": Parser(lambda value: quick_json.read_quickly(value, 32), BODY, FLAT),
    "core/spelling folded": Parser(of_text(lambda text: spelling.folded(text[:320]))),
    "core/collation collated": Parser(of_text(lambda text: collation.collated(text[:320]))),
    "core/spelling all_folded": Parser(of_text(lambda text: spelling.all_folded([text[:100], text[100:200]]))),
    "core/trpc_status statuses_of": Parser(batch, BODY, (("", ""), ("[", "]"), ('{"0":[[0],[null,0,0]]}\n', ""), ("[0,0,[[1]]]\n", ""))),
    "core/request_fields collect": Parser(lambda value: request_fields.collect([(value, b"a"), (b"a", value)])),
    "core/request_fields hop_by_hop": Parser(lambda value: request_fields.hop_by_hop({b"connection": value}), HEAD, (("", ""), ("close,", ""), ("x-", ""))),
    "core/request_fields apart": Parser(lambda value: request_fields.apart([(b"accept", value), (b"accept", b"a")])),
    "core/request_fields forwardable": Parser(lambda value: request_fields.forwardable({value: b"a", b"b": value})),
    "core/response_fields response_pairs": Parser(lambda value: response_fields.response_pairs([(value, b"a"), (b"connection", value)]), BODY),
    "core/response_fields read_incremental": Parser(lambda value: response_fields.read_incremental([(b"vary", value), (value, b"a")], None), BODY),
    "core/response_fields read_fields": Parser(lambda value: response_fields.read_fields([(b"vary", value), (value, b"a")], None), BODY),
    "core/fields connection_options": Parser(fields.connection_options, BODY),
    "core/fields free_of_controls": Parser(lambda value: fields.free_of_controls([value]), BODY),
    "core/forwarded elements": Parser(of_bytes_as_text(forwarded.elements), HEAD, (("", ""), ("for=", ""), ('for="', '"'), ("for=a;", ""), ("for=a,", ""))),
    "core/forwarded written": Parser(of_bytes_as_text(lambda text: forwarded.written(text, "http", text))),
    "core/loopback names_loopback": Parser(of_bytes_as_text(names_loopback), HEAD, (("", ""), ("[", "]"), ("127.0.0.1:", ""))),
    "core/loopback is_loopback": Parser(of_bytes_as_text(names_loopback)),
    "policy/base/pointer account_name": Parser(of_text(lambda text: pointer.account_name(text))),
    "policy/base/pointer account_name in full": Parser(of_text(lambda text: pointer.account_name(text[:320]))),
    "policy/base/pointer input_key": Parser(of_text(lambda text: pointer.input_key(text[:320]))),
    "policy/base/pointer find": Parser(of_text(lambda text: pointer.find({text[:256]: 1, "email": 2}, ("email",)))),
    "policy/base/bucket address_key": Parser(of_bytes_as_text(bucket.address_key)),
    "policy/base/bucket network_key": Parser(of_bytes_as_text(bucket.network_key)),
    "policy/lockout/keys address_name": Parser(of_bytes_as_text(keys.address_name)),
    "proxy/message/head": Parser(lambda value: received((b"connection", value), (b"x-a", value), (value, b"a"))),
    "proxy/flow/render vary": Parser(lambda value: response_fields.ResponseFields.of([(b"vary", value)]).lines(frozenset((b"vary",))), BODY),
    "proxy/flow/render informational": Parser(lambda value: render.render_informational(103, [(b"link", value), (value, b"a")]), BODY),
    "proxy/upstream/retry retry_after": Parser(lambda value: retry_after([(b"retry-after", value)], lambda: 0.0), BODY, (("", ""), ("Mon, 01 Jan 2026 ", ""))),
    "ops/plain clean": Parser(of_text(plain.clean), BODY),
    "ops/plain redact": Parser(of_text(plain.redact), BODY, (("", ""), ("eyJ", ""), ("Bearer ", ""))),
    "ops/log and ops/metrics": Parser(of_text(logged), HEAD, (("", ""), ("eyJ", ""), ("Bearer ", ""))),
    "ops/judged_head": Parser(judged, HEAD, (("", ""), ("https://", ""), ("https://a", "/"))),
    "ops/api/order decode_texts": Parser(lambda body: decode_texts(body, {"by"}, ""), BODY, (*FLAT, ('{"by":"', '"}'))),
    "ops/api/lockouts unlock_of": Parser(lockouts.unlock_of, BODY, (*FLAT, ('{"account":"', '"}'), ('{"address":"', '"}'))),
    "ops/api/lockouts unlock_of in full": Parser(lockouts.unlock_of, 340, (('{"account":"', '"}'), ('{"address":"', '"}'))),
    "ops/api/revocations revoke_of": Parser(revocations.revoke_of, BODY, (*FLAT, ('{"subject":"', '"}'), ('{"subject":"a","for":"', '"}'))),
    "ops/api/breakers operator_of": Parser(breakers.operator_of, BODY, (*FLAT, ('{"by":"', '"}'))),
}  # fmt: skip
"""By room and name. A public function of ``core`` that is given a text has its line here, or one below."""

NOT_OF_REQUESTS = {
    "core/addresses in_order": "what the system's resolver has read, of which 64 are taken",
    "core/addresses is_address": "hosts of the configuration",
    "core/addresses is_ipv6": "addresses of the system's resolver",
    "core/addresses system_lookup": "hosts of the configuration",
    "core/error_format operator_problem": "sentences of the gateway",
    "core/error_format problem": "sentences of the gateway",
    "core/error_format refusal_members": "slugs, and the id of the request",
    "core/error_format trpc_error": "sentences of the gateway",
    "core/failure named": "words of the configuration",
    "core/happy_eyeballs open_socket": "addresses of the system's resolver",
    "core/happy_eyeballs open_socket_by_name": "hosts of the configuration",
    "core/happy_eyeballs open_transport": "addresses of the system's resolver, and hosts of the configuration",
    "core/identity_fields identity_below": "prefixes of the configuration",
    "core/path_reading read_as": "patterns of the configuration",
    "core/pattern compile_paths": "patterns of the configuration",
    "core/pattern compile_procedures": "patterns of the configuration",
    "core/origin canonical_origin": "origins of the configuration",
    "core/path members": "characters of the gateway's grammars",
    "core/path spellings": "characters of the gateway's grammars",
    "core/path respell": "what canonical and canonical_query give it",
    "core/path strangeness": "what canonical and canonical_query give it",
    "core/pattern covers": "patterns of the configuration",
    "core/pattern path_problem": "patterns of the configuration",
    "core/pattern procedure_problem": "patterns of the configuration",
    "core/changed_head take_out": "names of fields that the gateway itself takes out",
    "core/pem blocks": "keys and certificates of the configuration",
    "core/secret fingerprint": "secrets of the configuration",
    "core/secret_text secret_flaw": "secrets of the configuration",
    "core/secret_text without_line_end": "secrets of the configuration",
    "core/shortage shortage_in": "messages of the operating system and of libraries",
    "core/units parse_duration": "the configuration, and an operator's order: see revoke_of",
    "core/units parse_rate": "the configuration",
    "core/units parse_share": "the configuration",
    "core/units parse_size": "the configuration",
    "core/verdict by_limit": "names of the configuration",
    "core/verdict refuse": "slugs and sentences of the gateway",
    "core/x509 certificate": "certificates of the configuration",
}
"""Functions that are given a text which no client, upstream or operator has sent."""


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_takes_any_text(name: str) -> None:
    work, size, around = PARSERS[name]
    found = []
    for before, after in around:
        found += slow(work, filled(size, before, after, ALL if size < BODY else SOME))
    assert found == []


def public_functions_of_texts() -> set[str]:
    found = set()
    for source in sources():
        if not source.startswith("core/") or source.endswith("__init__.py"):
            continue
        module = importlib.import_module("gateway." + source.removesuffix(".py").replace("/", "."))
        for name, value in vars(module).items():
            value = inspect.unwrap(value) if callable(value) else value  # behind lru_cache
            if inspect.isfunction(value) and value.__module__ == module.__name__ and not name.startswith("_"):
                kinds = [str(parameter.annotation) for parameter in inspect.signature(value).parameters.values()]
                if any("str" in kind or "bytes" in kind or "Pair" in kind for kind in kinds):
                    found.add(f"{source.removesuffix('.py')} {name}")
    return found


def test_every_function_of_core_that_is_given_a_text_is_swept() -> None:
    assert public_functions_of_texts() - PARSERS.keys() - NOT_OF_REQUESTS.keys() == set()
    assert NOT_OF_REQUESTS.keys() - public_functions_of_texts() == set()


MIB = 2**20


def test_reading_more_than_is_shipped_stays_linear() -> None:
    """Where an operator allows more (``header_bytes``, ``bodies`` that policies look into) twice as much takes twice as long."""
    works: dict[str, Callable[[bytes], Any]] = {
        "query": lambda value: query.canonical_query(value.decode("latin-1")),
        "json": lambda value: strict_json.read(f'{{"email":"{value.decode("latin-1")}"}}'),
        "quick json": lambda value: quick_json.read_quickly(b'[{"a":["' + value + b'", 1.50]}]', 32),
        "head": lambda value: received((b"x-a", value)),
    }
    for name, work in works.items():
        for unit in (b"%C3%A9", b"a+", b'\\"', b"{}"):
            assert growth(work, lambda size, unit=unit: unit * (size // len(unit)), MIB // 4) < 3, (name, unit)  # type: ignore[misc]  # the unit of now
