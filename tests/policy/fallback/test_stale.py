"""Which responses are stored, for whom, for how long and how many; the clock is moved by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.verdict import Reply
from gateway.policy.fallback.stale import Stale, StoredResponses

JSON = [(b"content-type", b"application/json")]


class StaleFixture:
    """The stored responses of one fallback, and requests of several people."""

    def __init__(self, **more: Any) -> None:
        self.now = 1_767_268_800.0
        self.responses = StoredResponses(
            Stale.model_validate({"for": 3600.0, **more}), lambda: self.now, ["tenant", "x-acme-*"]
        )

    @staticmethod
    def request(query: str = "", principal: str = "", method: str = "GET", **fields: str) -> Exchange:
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
        exchange = Exchange(method, "/", sent, "192.0.2.1", 0.0)
        exchange.query, exchange.principal = query, principal
        return exchange

    def store(
        self, exchange: Exchange, body: bytes = b"{}", pairs: Any = JSON, status: int = 200, path: str = "/a"
    ) -> None:
        self.responses.store(exchange, "tutor", path, status, pairs, body)

    def find(self, exchange: Exchange, upstream: str = "tutor", path: str = "/a") -> Reply | None:
        return self.responses.find(exchange, upstream, path)


def test_the_last_response_comes_back_with_its_age_until_it_is_too_old() -> None:
    stale = StaleFixture()
    stale.store(stale.request(), b"old")
    stale.store(stale.request(), b"new", [*JSON, (b"etag", b'"1"'), (b"date", b"then"), (b"x-request-id", b"other")])
    stale.now += 3600
    reply = stale.find(stale.request())
    assert reply is not None
    assert reply.body == b"new"
    assert dict(reply.headers) == {
        b"content-type": b"application/json",
        b"etag": b'"1"',
        b"age": b"3600",
        b"warning": b'110 gateway "Response is Stale"',
    }
    stale.now += 1
    assert stale.find(stale.request()) is None
    assert stale.responses.size == 0


@pytest.mark.parametrize(
    ("requested", "responded"),
    [
        ({"method": "POST"}, {}),
        ({"method": "HEAD"}, {}),
        ({"range": "bytes=0-1"}, {}),
        ({"cache_control": "no-store"}, {}),
        ({"trpc_accept": "application/jsonl"}, {}),
        ({}, {"status": 207}),
        ({}, {"status": 404}),
        ({}, {"pairs": []}),
        ({}, {"pairs": [*JSON, (b"set-cookie", b"a=b")]}),
        ({}, {"pairs": [*JSON, (b"vary", b"trpc-accept, x-tenant")]}),
        ({}, {"pairs": [*JSON, (b"vary", b"*")]}),
        ({}, {"pairs": [*JSON, (b"vary", b"origin," * 200)]}),
        ({}, {"pairs": [*JSON, (b"cache-control", b"max-age=9," * 200)]}),
        *(
            ({}, {"pairs": [*JSON, (b"cache-control", value)]})
            for value in (
                b"no-store",
                b"max-age=9, Private",
                b'private="a"',
                b"no-cache",
                b"must-revalidate",
                b"s-maxage=5",
            )
        ),
    ],
)
def test_a_response_that_may_not_be_stored_or_is_no_success_is_not(requested: Any, responded: Any) -> None:
    stale = StaleFixture()
    stale.store(stale.request(**requested), **responded)
    assert stale.responses.size == 0


def test_the_fields_of_the_tutor_backend_allow_to_store() -> None:
    stale = StaleFixture()
    stale.store(stale.request(), pairs=[*JSON, (b"vary", b"trpc-accept, Origin"), (b"cache-control", b"max-age=60")])
    assert stale.find(stale.request()) is not None


PEOPLE: list[dict[str, str]] = [
    {},
    {"principal": "ada"},
    {"principal": "eve"},
    {"authorization": "Bearer a"},
    {"authorization": "Bearer b"},
    {"cookie": "sid=1"},
    {"principal": "ada", "cookie": "sid=1"},
    {"query": "x=1"},
    {"x_api_key": "a"},
    {"x_api_key": "b"},
    {"principal": "ada", "x_api_key": "a"},
    {"x_session_id": "a"},
    {"x_csrf_token": "a"},
    {"tenant": "a"},
    {"tenant": "b"},
    {"x_acme_team": "a"},
    {"x_acme_theme": "a"},
    {"accept_language": "es"},
    {"trpc_accept": "application/json"},
]


@pytest.mark.parametrize("owner", PEOPLE)
def test_nobody_gets_the_response_to_somebody_else(owner: dict[str, str]) -> None:
    stale = StaleFixture()
    stale.store(stale.request(**owner))
    assert [other for other in PEOPLE if stale.find(stale.request(**other)) is not None] == [owner]
    assert stale.find(stale.request(**owner), upstream="other") is None
    assert stale.find(stale.request(**owner), path="/b") is None


def test_a_user_keeps_the_responses_over_a_change_of_the_token() -> None:
    stale = StaleFixture()
    stale.store(stale.request(principal="ada", authorization="Bearer old"))
    assert stale.find(stale.request(principal="ada", authorization="Bearer new")) is not None


def test_other_fields_make_no_difference() -> None:
    stale = StaleFixture()
    stale.store(stale.request(user_agent="a", x_request_id="1" * 8, cf_ray="1", x_acm="1", tenants="1"))
    assert (
        stale.find(stale.request(user_agent="b", x_request_id="2" * 8, cf_ray="2", x_acm="2", tenants="2")) is not None
    )


def test_public_responses_are_for_everybody_unless_their_vary_names_a_person() -> None:
    stale = StaleFixture(public=True)
    stale.store(stale.request(principal="ada", authorization="Bearer a", cookie="a=b"))
    assert stale.find(stale.request()) is not None
    stale.store(stale.request("x=1"), pairs=[*JSON, (b"vary", b"cookie")])
    assert stale.find(stale.request("x=1")) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=40))
def test_the_size_never_exceeds_the_maximum(responses: list[tuple[int, int]]) -> None:
    stale = StaleFixture(max=4096)
    for number, length in responses:
        stale.store(stale.request(f"x={number}"), b"x" * length)
        assert 0 <= stale.responses.size <= 4096
    if responses:
        number, length = responses[-1]
        reply = stale.find(stale.request(f"x={number}"))
        assert reply is not None and reply.body == b"x" * length


def test_the_least_recently_used_goes_first_and_a_too_large_one_replaces_only_its_own() -> None:
    stale = StaleFixture(max=3000)
    for query in ("a", "b", "a", "c"):
        if stale.find(stale.request(query)) is None:
            stale.store(stale.request(query), b"x" * 900)
    assert [query for query in "abc" if stale.find(stale.request(query))] == ["a", "c"]
    stale.store(stale.request("a"), b"x" * 4000)
    assert [query for query in "abc" if stale.find(stale.request(query))] == ["c"]
