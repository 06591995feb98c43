"""Rate limits as a client meets them, with the clock moved by hand."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Call, Exchange
from gateway.core.reason import Refusal
from gateway.policy.rate_limit import Place, RateLimit, Settings, build, place_of
from gateway.policy.tools import Tools
from gateway.state.memory import MemoryStore

NOON = 1_767_268_800.0
ADA = {"json": {"email": "ada@example.com", "password": "nope"}}
BOB = {"json": {"email": "bob@example.com", "password": "nope"}}


def limit(rate: str = "5/minute", *key: str, **more: Any) -> Settings:
    return Settings.model_validate({"limit": rate, "key": key or ("address",), **more})


def route(name: str, *limits: str, shape: str = "superjson") -> Any:
    return SimpleNamespace(name=name, limit_names=frozenset(limits), shape=shape)


class Gate:
    """All places of a route with ``limits``, in the order of the catalogue; ``ask`` sends a request through."""

    def __init__(self, store: MemoryStore | None = None, **limits: Settings) -> None:
        self.now = NOON
        tools = Tools(store or MemoryStore(), lambda: self.now)
        named = [(name.replace("_", "-"), settings) for name, settings in limits.items()]
        self.names = [name for name, _ in named]
        made = [build(named, place, tools) for place in Place]
        self.stages: list[RateLimit] = [stage for stage in made if stage is not None]

    def ask(
        self,
        client: str = "192.0.2.1",
        principal: str = "",
        fields: dict[bytes, bytes] | None = None,
        method: str = "POST",
        query: str = "",
        body: Any = None,
        calls: Sequence[Any] = (),
        at: Any = None,
    ) -> "Answer":
        exchange = Exchange(method, "/", fields or {}, client, 0.0)
        exchange.principal, exchange.query = principal, query
        exchange.body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        exchange.calls = [Call("x", named) for named in calls]
        exchange.route = at or (calls[0] if calls else route("plain", *self.names, shape="problem"))
        refusal: Any = None
        entered = []
        for stage in self.stages:
            entered.append(stage)
            refusal = stage.on_request(exchange)
            if refusal is not None:
                break
        for stage in reversed(entered):
            stage.on_response(exchange)
        return Answer(refusal, exchange)

    def passes(self, times: int, **request: Any) -> int:
        return sum(self.ask(**request).refusal is None for _ in range(times))

    def login(self, *inputs: Any, **more: Any) -> "Answer":
        """A batch of logins, as the app sends even one of them."""
        login = route("login", *self.names)
        body = {str(place): value for place, value in enumerate(inputs)}
        return self.ask(query="batch=1", body=body, calls=[login] * len(inputs), **more)


class Answer:
    def __init__(self, refusal: Refusal | None, exchange: Exchange) -> None:
        self.refusal = refusal
        self.exchange = exchange
        self.lines = [f"{name.decode()}: {value.decode()}" for name, value in exchange.response_headers]

    @property
    def refused(self) -> tuple[str, str, int]:
        assert self.refusal is not None
        return self.refusal.reason.slug, self.refusal.detail, self.refusal.retry_after


# The fields of an answer


def test_every_answer_tells_where_the_client_stands() -> None:
    gate = Gate(per_client=limit("300/minute", burst=60))
    assert gate.ask().lines == [
        'ratelimit-policy: "per-client";q=300;w=60',
        'ratelimit: "per-client";r=59;t=1',
        "x-ratelimit-limit: 60",
        "x-ratelimit-remaining: 59",
        "x-ratelimit-reset: 1",
    ]
    gate.passes(30)
    assert gate.ask().lines[1:] == [
        'ratelimit: "per-client";r=28;t=1',
        "x-ratelimit-limit: 60",
        "x-ratelimit-remaining: 28",
        "x-ratelimit-reset: 7",
    ]


def test_a_refusal_says_when_to_come_back_and_that_is_true() -> None:
    gate = Gate(login_per_address=limit("5/minute"))
    assert gate.passes(5) == 5
    answer = gate.ask()
    assert answer.refused == ("rate_limited", "login-per-address", 12)
    assert answer.lines == [
        'ratelimit-policy: "login-per-address";q=5;w=60',
        'ratelimit: "login-per-address";r=0;t=12',
        "x-ratelimit-limit: 5",
        "x-ratelimit-remaining: 0",
        "x-ratelimit-reset: 60",
    ]
    gate.now += 11.5
    assert gate.ask().refused[2] == 1
    gate.now += 0.5
    assert gate.ask().refusal is None


def test_limits_of_all_places_share_one_set_of_fields() -> None:
    gate = Gate(
        per_client=limit("300/minute", burst=60),
        per_user=limit("20/minute", "principal", burst=10),
        per_account=limit("5/minute", "input:/email"),
    )
    answer = gate.login(ADA, principal="u1")
    assert answer.lines == [
        'ratelimit-policy: "per-client";q=300;w=60, "per-user";q=20;w=60, "per-account";q=5;w=60',
        'ratelimit: "per-client";r=59;t=1, "per-user";r=9;t=3, "per-account";r=4;t=12',
        "x-ratelimit-limit: 5",
        "x-ratelimit-remaining: 4",
        "x-ratelimit-reset: 12",
    ]


def test_a_refusal_tells_only_of_the_limits_that_were_asked() -> None:
    gate = Gate(flood=limit("1/second"), per_user=limit("5/minute", "principal"))
    gate.ask()
    assert gate.ask().lines[0] == 'ratelimit-policy: "flood";q=1;w=1'


def test_of_equal_limits_the_slower_one_is_the_tightest() -> None:
    gate = Gate(quick=limit("5/second"), slow=limit("5/hour"))
    assert gate.ask().lines[-1] == "x-ratelimit-reset: 720"


def test_a_window_is_whole_seconds() -> None:
    gate = Gate(quick=limit("10/100ms"))
    assert gate.ask().lines[:2] == ['ratelimit-policy: "quick";q=10;w=1', 'ratelimit: "quick";r=9;t=1']


def test_a_name_is_quoted() -> None:
    tools = Tools(MemoryStore(), lambda: NOON)
    stage = build([('50% of "\\"', limit())], Place.FLOOD, tools)
    assert stage is not None
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.route = route("r")
    stage.on_request(exchange)
    stage.on_response(exchange)
    assert exchange.response_headers[1] == (b"ratelimit", b'"50% of \\"\\\\\\"";r=4;t=12')


def test_answers_of_many_states_are_not_remembered_for_ever() -> None:
    gate = Gate(per_client=limit("10000/minute"))
    for _ in range(5000):
        gate.now += 0.0005
        answer = gate.ask()
    assert answer.lines[3].startswith("x-ratelimit-remaining: 5")


def test_the_upstreams_own_fields_are_replaced() -> None:
    assert {b"ratelimit", b"ratelimit-policy", b"x-ratelimit-remaining"} < RateLimit.removed


# Who shares a bucket


def test_by_address() -> None:
    gate = Gate(per_client=limit("5/minute"))
    assert gate.passes(9, client="192.0.2.1") == 5
    assert gate.passes(9, client="192.0.2.2") == 5
    assert gate.passes(9, client="::ffff:192.0.2.1") == 0
    assert gate.passes(9, client="2001:db8::1") == 5
    assert gate.passes(9, client="2001:db8::2") == 0


def test_by_principal_and_by_address_without_one() -> None:
    gate = Gate(per_user=limit("5/minute", "principal"))
    assert gate.passes(9, principal="ada", client="192.0.2.1") == 5
    assert gate.passes(9, principal="ada", client="192.0.2.2") == 0
    assert gate.passes(9, principal="bob", client="192.0.2.1") == 5
    assert gate.passes(9, client="192.0.2.1") == 5
    assert gate.passes(9, client="192.0.2.2") == 5


def test_by_route() -> None:
    gate = Gate(per_route=limit("5/minute", "route"))
    assert gate.passes(9, at=route("one")) == 5
    assert gate.passes(9, at=route("other")) == 5


def test_by_header() -> None:
    gate = Gate(per_device=limit("5/minute", "header:X-Device"))
    assert gate.passes(9, fields={b"x-device": b"phone"}) == 5
    assert gate.passes(9, fields={b"x-device": b"tablet"}) == 5
    assert gate.passes(9, fields={}) == 5
    assert gate.passes(9, fields={b"x-device": b""}) == 0


def test_several_keys_make_one_that_has_one_reading() -> None:
    gate = Gate(both=limit("5/minute", "header:a", "header:b"))
    assert gate.passes(9, fields={b"a": b"x", b"b": b"yz"}) == 5
    assert gate.passes(9, fields={b"a": b"xy", b"b": b"z"}) == 5
    assert gate.passes(9, fields={b"a": b"xyz"}) == 5


def test_limits_do_not_share_buckets() -> None:
    gate = Gate(one=limit("5/minute"), other=limit("7/minute"))
    assert gate.passes(9) == 5
    assert gate.ask().refused == ("rate_limited", "one", 12)


def test_limits_are_charged_together_or_not_at_all() -> None:
    gate = Gate(wide=limit("60/minute"), narrow=limit("1/minute", "address", "route"))
    assert gate.passes(10) == 1
    assert 'ratelimit: "wide";r=59;t=1, "narrow";r=0;t=60' in gate.ask().lines


# tRPC


def test_a_batch_costs_its_calls() -> None:
    gate = Gate(per_client=limit("10/minute"))
    chat = route("chat", "per-client")
    assert gate.ask(calls=[chat] * 4).lines[1] == 'ratelimit: "per-client";r=6;t=6'
    assert gate.ask(calls=[chat] * 4).refusal is None
    assert gate.ask(calls=[chat] * 4).refused == ("rate_limited", "per-client", 12)
    assert gate.ask(calls=[chat] * 2).refusal is None


def test_a_batch_costs_each_limit_only_the_calls_it_covers() -> None:
    gate = Gate(per_client=limit("10/minute"), paid=limit("10/minute"))
    free, paid = route("free", "per-client"), route("paid", "per-client", "paid")
    answer = gate.ask(calls=[free, paid, free], at=route("batch", "per-client", "paid"))
    assert answer.lines[1] == 'ratelimit: "per-client";r=7;t=6, "paid";r=9;t=6'


def test_a_batch_over_several_routes_counts_for_each_route() -> None:
    gate = Gate(per_route=limit("3/minute", "route"))
    one, other = route("one", "per-route"), route("other", "per-route")
    assert gate.ask(calls=[one, one, other]).lines[1] == 'ratelimit: "per-route";r=1;t=20'
    assert gate.ask(calls=[one, one]).refused == ("rate_limited", "per-route", 20)
    assert gate.ask(calls=[other, other]).refusal is None


def test_a_batch_that_can_never_pass_says_so() -> None:
    gate = Gate(per_client=limit("5/minute"))
    answer = gate.ask(calls=[route("chat", "per-client")] * 6)
    assert answer.refused == ("rate_limited", "per-client", 0)
    assert answer.refusal is not None
    assert answer.refusal.reason.sentence == "Too many calls at once. Please send fewer together."
    assert answer.refusal.reason.status == 429
    assert gate.passes(5) == 5


def test_calls_that_are_refused_anyway_cost_one() -> None:
    gate = Gate(per_client=limit("5/minute"))
    assert gate.passes(9, calls=[route("chat")] * 3, at=route("unmatched", "per-client")) == 5


def test_each_login_of_a_batch_is_charged_to_its_own_account() -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    assert gate.login(ADA, ADA, BOB).lines[1] == 'ratelimit: "per-account";r=3;t=12'
    assert gate.login(ADA, ADA, ADA, BOB).refusal is None
    assert gate.login(ADA).refused == ("rate_limited", "per-account", 12)
    assert gate.login(BOB, ADA).refused == ("rate_limited", "per-account", 12)
    assert gate.login(BOB, BOB, BOB).refusal is None


def test_a_call_beside_a_login_is_not_charged_as_one() -> None:
    gate = Gate(per_account=limit("2/minute", "input:/email"))
    calls = [route("chat"), route("login", "per-account")]
    body = {"0": {"json": {"email": "bob@example.com"}}, "1": ADA}
    assert gate.passes(9, calls=calls, query="batch=1", body=body, at=route("batch", "per-account")) == 2
    assert gate.login(BOB).refusal is None


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "POST", "query": "", "body": ADA},
        {"method": "POST", "query": "batch=1", "body": {"0": ADA}},
        {
            "method": "GET",
            "query": "batch=1&input=%7B%220%22%3A%7B%22json%22%3A%7B%22email%22%3A%22ada%40example.com%22%7D%7D%7D",
        },
        {
            "method": "GET",
            "query": "input=%7B%22json%22%3A%7B%22email%22%3A%22ADA%40example.com%22%7D%7D",
            "body": {"0": BOB},
        },
        {"method": "POST", "query": "input=%7B%7D", "body": {"json": {"email": " Ada@Example.COM "}}},
    ],
    ids=["single", "batch", "query of a batch", "query of one", "body wins over query"],
)
def test_the_input_is_found_where_the_backend_reads_it(request_: dict[str, Any]) -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    for _ in range(5):
        gate.login(ADA)
    assert gate.ask(calls=[route("login", "per-account")], **request_).refused == ("rate_limited", "per-account", 12)


def test_a_backend_without_transformer() -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    login = route("login", "per-account", shape="none")
    assert gate.passes(9, calls=[login], body={"email": "ada@example.com"}) == 5
    assert gate.passes(9, calls=[login], query="batch=1", body={"0": {"email": "ada@example.com"}}) == 0


def test_a_plain_route_is_keyed_by_its_body() -> None:
    gate = Gate(per_account=limit("5/minute", "input:/user/email"))
    assert gate.passes(9, body={"user": {"email": "ada@example.com"}}) == 5
    assert gate.passes(9, body={"user": {"email": "bob@example.com"}}) == 5
    assert gate.passes(9, body={"user": {"email": 7}}) == 5
    assert gate.passes(9, body=b'{"user": {"email": 7.0}}') == 0


def test_requests_without_the_value_share_one_bucket() -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    login = route("login", "per-account")
    assert gate.ask(body=None).refusal is None
    assert gate.ask(body=b"").refusal is None
    assert gate.ask(body={"mail": "ada@example.com"}).refusal is None
    assert gate.ask(calls=[login, login], query="batch=1", body=b"").refusal is None
    assert gate.ask(body={}).refused == ("rate_limited", "per-account", 12)
    assert gate.login(ADA).refusal is None


def test_input_and_address_together() -> None:
    gate = Gate(per_pair=limit("5/minute", "address", "input:/email"))
    assert gate.passes(9, body={"email": "ada@example.com"}, client="192.0.2.1") == 5
    assert gate.passes(9, body={"email": "ada@example.com"}, client="192.0.2.2") == 5


# Two readers must not differ


@pytest.mark.parametrize(
    "body",
    [
        b'{"json":{"email":"decoy@example.com","email":"ada@example.com"}}',
        b'{"json":{"email":"decoy@example.com"},"json":{"email":"ada@example.com"}}',
        b'{"json":{"email":"decoy@example.com","\\u0065mail":"ada@example.com"}}',
        b'{"json":{"email":"decoy@example.com","x":"ada@example.com"},"meta":{"referentialEqualities":{"x":["email"]}}}',
        b'\xef\xbb\xbf{"json":{"email":"ada@example.com"}}',
        '{"json":{"email":"ada@example.com"}}'.encode("utf-16"),
        b'{"json":{"email":"ada\xff@example.com"}}',
        b'{"json":{"email":NaN}}',
        b'{"json":{"email":"ada@example.com"}} trailing',
        b"email=ada@example.com",
        b"[" * 100_000,
        b'["ada@example.com"]',
    ],
    ids=[
        "key twice",
        "wrapper twice",
        "key twice by escape",
        "one field takes the value of another",
        "byte order mark",
        "UTF-16",
        "no UTF-8",
        "no JSON number",
        "something behind",
        "a form",
        "very deep",
        "no object",
    ],
)
def test_a_body_with_two_readings_or_none_is_refused(body: bytes) -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    answer = gate.ask(calls=[route("login", "per-account")], body=body)
    slug, detail, _ = answer.refused
    assert slug == "body_malformed"
    assert detail.startswith("per-account: ")
    assert "ada" not in detail
    assert answer.lines == []


def test_a_value_too_deep_to_be_a_key_is_refused() -> None:
    gate = Gate(per_account=limit("5/minute", "input:/email"))
    deep = b'{"json":{"email":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    answer = gate.ask(calls=[route("login", "per-account")], body=deep)
    assert answer.refused[0] == "body_malformed"


# Modes, places and a full store


def test_a_limit_that_reports_is_taken_but_not_told() -> None:
    gate = Gate(per_client=limit("5/minute", mode="report"))
    assert gate.passes(9) == 5
    assert gate.ask().lines == []


def test_a_limit_that_reports_beside_one_that_does_not() -> None:
    gate = Gate(per_client=limit("5/minute"), trial=limit("9/minute", mode="report"))
    assert gate.ask().lines[0] == 'ratelimit-policy: "per-client";q=5;w=60'


def test_a_full_store_refuses_strangers_for_a_moment() -> None:
    gate = Gate(MemoryStore(capacity=1), per_client=limit("5/minute"))
    assert gate.ask(client="192.0.2.1").refusal is None
    answer = gate.ask(client="192.0.2.2")
    assert answer.refused == ("rate_limited", "per-client: the state store is full", 1)
    assert answer.lines[1] == 'ratelimit: "per-client";r=0;t=1'
    assert gate.ask(client="192.0.2.1").refusal is None


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (["address"], Place.FLOOD),
        (["address", "route", "header:x-device"], Place.FLOOD),
        (["address", "principal"], Place.AUTHENTICATED),
        (["input:/email"], Place.INPUT),
        (["principal", "input:/email"], Place.INPUT),
    ],
)
def test_a_limit_stands_where_its_key_is_first_known(key: list[str], place: Place) -> None:
    settings = limit("5/minute", *key)
    assert place_of(settings) is place
    tools = Tools(MemoryStore(), lambda: NOON)
    assert [which for which in Place if build([("it", settings)], which, tools) is not None] == [place]


# Settings


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ({"key": ["account"]}, "is not available in this version: count by the field that names the account"),
        ({"key": ["ip"]}, "is not a key: write address, principal, route"),
        ({"key": ["header:"]}, "is not a key"),
        ({"key": ["header:two words"]}, "is not a key"),
        ({"key": ["input:email"]}, "is not a key"),
        ({"key": ["input:/a~2"]}, "is not a key"),
        ({"key": []}, "is empty: write at least one key"),
        ({"key": ["address", "address"]}, "names a key twice"),
        ({"key": ["header:A", "header:a"]}, "names a key twice"),
        ({"key": ["address"], "limit": "5"}, "is not a rate"),
        ({"key": ["address"], "burst": 0}, "greater than or equal to 1"),
        ({"key": ["address"], "burst": "7"}, "valid integer"),
        ({"key": ["address"], "limit": "2000000/second"}, "is faster than a million a second"),
        ({"key": ["address"], "limit": "1/day", "burst": 1000}, "takes more than a year to give a used-up burst back"),
        ({"key": ["address"], "bursts": 7}, "Extra inputs are not permitted"),
        ({}, "Field required"),
    ],
)
def test_settings_say_what_is_wrong(written: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate({"limit": "5/minute", **written})


def test_a_hostile_pointer_in_a_file_is_judged_at_once() -> None:
    with pytest.raises(ValidationError, match="is not a key"):
        limit("5/minute", "input:" + "/" * 5000 + "~")
