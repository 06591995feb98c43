"""Rate limits over tRPC calls and over inputs: what a batch costs, and which account is charged."""

from typing import Any

import pytest

from tests.policy.rate_limit.limited_route import ADA, BOB, LimitedRoute, limit, route


def test_a_batch_costs_its_calls() -> None:
    limited = LimitedRoute(per_client=limit("10/minute"))
    chat = route("chat", "per-client")
    assert limited.send(calls=[chat] * 4).lines[1] == 'ratelimit: "per-client";r=6;t=6'
    assert limited.send(calls=[chat] * 4).refusal is None
    assert limited.send(calls=[chat] * 4).refused == ("rate_limited", "per-client", 12)
    assert limited.send(calls=[chat] * 2).refusal is None


def test_a_batch_costs_each_limit_only_the_calls_it_covers() -> None:
    limited = LimitedRoute(per_client=limit("10/minute"), paid=limit("10/minute"))
    free, paid = route("free", "per-client"), route("paid", "per-client", "paid")
    outcome = limited.send(calls=[free, paid, free], at=route("batch", "per-client", "paid"))
    assert outcome.lines[1] == 'ratelimit: "per-client";r=7;t=6, "paid";r=9;t=6'


def test_a_batch_over_several_routes_counts_for_each_route() -> None:
    limited = LimitedRoute(per_route=limit("3/minute", "route"))
    one, other = route("one", "per-route"), route("other", "per-route")
    assert limited.send(calls=[one, one, other]).lines[1] == 'ratelimit: "per-route";r=1;t=20'
    assert limited.send(calls=[one, one]).refused == ("rate_limited", "per-route", 20)
    assert limited.send(calls=[other, other]).refusal is None


def test_a_batch_that_can_never_pass_is_refused_without_a_wait() -> None:
    limited = LimitedRoute(per_client=limit("5/minute"))
    outcome = limited.send(calls=[route("chat", "per-client")] * 6)
    assert outcome.refused == ("rate_limited", "per-client", 0)
    assert outcome.refusal is not None
    assert outcome.refusal.reason.sentence == "Too many calls at once. Please send fewer together."
    assert outcome.refusal.reason.status == 429
    assert limited.passes(5) == 5


def test_calls_that_are_refused_anyway_cost_one() -> None:
    limited = LimitedRoute(per_client=limit("5/minute"))
    assert limited.passes(9, calls=[route("chat")] * 3, at=route("unmatched", "per-client")) == 5


def test_each_login_of_a_batch_is_charged_to_its_own_account() -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    assert limited.login(ADA, ADA, BOB).lines[1] == 'ratelimit: "per-account";r=3;t=12'
    assert limited.login(ADA, ADA, ADA, BOB).refusal is None
    assert limited.login(ADA).refused == ("rate_limited", "per-account", 12)
    assert limited.login(BOB, ADA).refused == ("rate_limited", "per-account", 12)
    assert limited.login(BOB, BOB, BOB).refusal is None


def test_a_call_beside_a_login_is_not_charged_as_one() -> None:
    limited = LimitedRoute(per_account=limit("2/minute", "input:/email"))
    calls = [route("chat"), route("login", "per-account")]
    body = {"0": {"json": {"email": "bob@example.com"}}, "1": ADA}
    assert limited.passes(9, calls=calls, query="batch=1", body=body, at=route("batch", "per-account")) == 2
    assert limited.login(BOB).refusal is None


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
        },
        {"method": "POST", "query": "x=1", "body": {"json": {"email": " Ada@Example.COM "}}},
    ],
    ids=["single", "batch", "query of a batch", "query of one", "another spelling"],
)
def test_the_input_is_found_where_the_backend_reads_it(request_: dict[str, Any]) -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    for _ in range(5):
        limited.login(ADA)
    assert limited.send(calls=[route("login", "per-account")], **request_).refused == (
        "rate_limited",
        "per-account",
        12,
    )


def test_a_backend_without_transformer() -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    login = route("login", "per-account", error_format="none")
    assert limited.passes(9, calls=[login], body={"email": "ada@example.com"}) == 5
    assert limited.passes(9, calls=[login], query="batch=1", body={"0": {"email": "ada@example.com"}}) == 0


def test_a_plain_route_is_keyed_by_its_body() -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/user/email"))
    assert limited.passes(9, body={"user": {"email": "ada@example.com"}}) == 5
    assert limited.passes(9, body={"user": {"email": "bob@example.com"}}) == 5


NO_ACCOUNTS: list[Any] = [
    None,
    "",
    " ",
    "\u200b",
    True,
    1.5,
    2**53,
    [],
    ["ada@example.com"],
    {},
    {"a": "b"},
    "a" * 321,
    "a\0b",
]


@pytest.mark.parametrize("value", NO_ACCOUNTS, ids=lambda value: type(value).__name__)
def test_a_value_that_names_nothing_has_no_count(value: Any) -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    assert limited.send(body={"email": value}).refused[0] == "body_malformed"
    assert limited.login({"json": {"email": value}}).refused[0] == "body_malformed"
    assert limited.login(ADA).lines[1] == 'ratelimit: "per-account";r=4;t=12'


@pytest.mark.parametrize(
    "body", [None, b"", {"mail": "ada@example.com"}, {}, [], ["ada@example.com"], "ada@example.com"]
)
def test_a_request_without_the_value_has_no_count(body: Any) -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    assert limited.send(body=body).refused[0] == "body_malformed"


def test_every_call_that_a_limit_covers_needs_the_value() -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    login = route("login", "per-account")
    assert limited.send(calls=[login, login], query="batch=1", body=b"").refused[0] == "body_malformed"
    assert limited.login(ADA, {"json": {}}).refused[0] == "body_malformed"


def test_a_number_and_its_digits_are_one_count() -> None:
    limited = LimitedRoute(per_lesson=limit("5/minute", "input:/id"))
    bodies = [
        b'{"id":7}',
        b'{"id":"7"}',
        b'{"id":7.0}',
        b'{"id":" 7 "}',
        b'{"id":7e0}',
        b'{"id":"\xef\xbc\x97"}',
        b'{"id":70e-1}',
    ]
    assert [limited.send(body=body).refusal is None for body in bodies] == [True] * 5 + [False] * 2
    assert limited.send(body=b'{"id":8}').refusal is None
    assert limited.send(body=b'{"id":-7}').refusal is None


def test_input_and_address_together() -> None:
    limited = LimitedRoute(per_pair=limit("5/minute", "address", "input:/email"))
    assert limited.passes(9, body={"email": "ada@example.com"}, client="192.0.2.1") == 5
    assert limited.passes(9, body={"email": "ada@example.com"}, client="192.0.2.2") == 5


# Two parsers must not differ


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
        b'{"json":{"__proto__":{"email":"ada@example.com"},"password":"p"}}',
        b'{"json":{"email":"decoy@example.com","Email":"ada@example.com"}}',
        b'{"json":{"email":"decoy@example.com","e-mail":"ada@example.com"}}',
        b'{"json":{"email":"decoy@example.com"},"meta":{"values":{"email":["URL"]}}}',
        b'{"json":{"email":"decoy@example.com"},"x":1}',
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
        "something after it",
        "a form",
        "very deep",
        "no object",
        "a prototype",
        "a name in another case",
        "a name that Go and others take for it",
        "another type after it",
        "more than json and meta",
    ],
)
def test_a_body_with_two_readings_or_none_is_refused(body: bytes) -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    outcome = limited.send(calls=[route("login", "per-account")], body=body)
    slug, detail, _ = outcome.refused
    assert slug == "body_malformed"
    assert detail.startswith("per-account: ")
    assert "ada" not in detail
    assert outcome.lines == []


def test_a_value_too_deep_to_be_a_key_is_refused() -> None:
    limited = LimitedRoute(per_account=limit("5/minute", "input:/email"))
    deep = b'{"json":{"email":' + b"[" * 5000 + b"]" * 5000 + b"}}"
    outcome = limited.send(calls=[route("login", "per-account")], body=deep)
    assert outcome.refused[0] == "body_malformed"
