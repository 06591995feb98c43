"""What is remembered of good answers, for whom, for how long and how much; the clock is moved by hand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.core.verdict import Reply
from gateway.policy.fallback.stale import Memory, Stale

JSON = [(b"content-type", b"application/json")]


class Place:
    """One memory, and requests of several people."""

    def __init__(self, **more: Any) -> None:
        self.now = 1_767_268_800.0
        self.memory = Memory(Stale.model_validate({"for": 3600.0, **more}), lambda: self.now)

    @staticmethod
    def ask(query: str = "", principal: str = "", method: str = "GET", **fields: str) -> Exchange:
        sent = {name.replace("_", "-").encode(): value.encode() for name, value in fields.items()}
        exchange = Exchange(method, "/", sent, "192.0.2.1", 0.0)
        exchange.query, exchange.principal = query, principal
        return exchange

    def keep(
        self, exchange: Exchange, body: bytes = b"{}", pairs: Any = JSON, status: int = 200, path: str = "/a"
    ) -> None:
        self.memory.remember(exchange, "tutor", path, status, pairs, body)

    def find(self, exchange: Exchange, upstream: str = "tutor", path: str = "/a") -> Reply | None:
        return self.memory.find(exchange, upstream, path)


def test_the_last_answer_comes_back_with_its_age_until_it_is_too_old() -> None:
    here = Place()
    here.keep(here.ask(), b"old")
    here.keep(here.ask(), b"new", [*JSON, (b"etag", b'"1"'), (b"date", b"then"), (b"x-request-id", b"other")])
    here.now += 3600
    found = here.find(here.ask())
    assert found is not None
    assert found.body == b"new"
    assert dict(found.headers) == {
        b"content-type": b"application/json",
        b"etag": b'"1"',
        b"age": b"3600",
        b"warning": b'110 gateway "Response is Stale"',
    }
    here.now += 1
    assert here.find(here.ask()) is None
    assert here.memory.size == 0


@pytest.mark.parametrize(
    ("asked", "kept"),
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
def test_what_may_not_be_kept_or_was_no_good_is_not(asked: Any, kept: Any) -> None:
    here = Place()
    here.keep(here.ask(**asked), **kept)
    assert here.memory.size == 0


def test_a_backend_that_says_what_the_tutor_says_is_kept() -> None:
    here = Place()
    here.keep(here.ask(), pairs=[*JSON, (b"vary", b"trpc-accept, Origin"), (b"cache-control", b"max-age=60")])
    assert here.find(here.ask()) is not None


PEOPLE: list[dict[str, str]] = [
    {},
    {"principal": "ada"},
    {"principal": "eve"},
    {"authorization": "Bearer a"},
    {"authorization": "Bearer b"},
    {"cookie": "sid=1"},
    {"principal": "ada", "cookie": "sid=1"},
    {"query": "x=1"},
    {"accept_language": "es"},
    {"trpc_accept": "application/json"},
]


@pytest.mark.parametrize("owner", PEOPLE)
def test_nobody_gets_what_was_for_somebody_else(owner: dict[str, str]) -> None:
    here = Place()
    here.keep(here.ask(**owner))
    assert [other for other in PEOPLE if here.find(here.ask(**other)) is not None] == [owner]
    assert here.find(here.ask(**owner), upstream="other") is None
    assert here.find(here.ask(**owner), path="/b") is None


def test_a_user_keeps_the_answers_over_a_change_of_the_token() -> None:
    here = Place()
    here.keep(here.ask(principal="ada", authorization="Bearer old"))
    assert here.find(here.ask(principal="ada", authorization="Bearer new")) is not None


def test_public_answers_are_everybodys_unless_they_say_who_they_are_for() -> None:
    here = Place(public=True)
    here.keep(here.ask(principal="ada", authorization="Bearer a", cookie="a=b"))
    assert here.find(here.ask()) is not None
    here.keep(here.ask("x=1"), pairs=[*JSON, (b"vary", b"cookie")])
    assert here.find(here.ask("x=1")) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3000)), max_size=40))
def test_it_never_holds_more_than_it_may(answers: list[tuple[int, int]]) -> None:
    here = Place(max=4096)
    for number, length in answers:
        here.keep(here.ask(f"x={number}"), b"x" * length)
        assert 0 <= here.memory.size <= 4096
    if answers:
        number, length = answers[-1]
        found = here.find(here.ask(f"x={number}"))
        assert found is not None and found.body == b"x" * length


def test_what_was_asked_for_lately_stays_and_what_is_too_large_replaces_nothing_but_its_own() -> None:
    here = Place(max=3000)
    for query in ("a", "b", "a", "c"):
        if here.find(here.ask(query)) is None:
            here.keep(here.ask(query), b"x" * 900)
    assert [query for query in "abc" if here.find(here.ask(query))] == ["a", "c"]
    here.keep(here.ask("a"), b"x" * 4000)
    assert [query for query in "abc" if here.find(here.ask(query))] == ["c"]
