"""The buffer for stages that look inside, and its bound where the policy of the body only reports."""

from __future__ import annotations

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.buffer import Buffer, BufferWithoutForms, ReadLimit


class Stream:
    """A request body as far as the buffer knows one."""

    def __init__(self, content: bytes | Refusal, limit: int | None = None) -> None:
        self.content = content
        self.limit = limit
        self.complete = False

    def whole(self) -> bytes | Refusal | None:
        return self.content if self.complete else None

    async def read(self) -> bytes | Refusal:
        data, self.content = self.content, b""
        return data


def sent(limit: int | None = None) -> Exchange:
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.stream = Stream(b"{}", limit)  # type: ignore[assignment]  # as far as it is used
    return exchange


async def buffered(exchange: Exchange) -> Refusal | None:
    """The verdict of the stage that reads the body."""
    verdict = Buffer().on_request(exchange)
    return verdict if verdict is None or isinstance(verdict, Refusal) else await verdict


@pytest.mark.parametrize("complete", [True, False])
async def test_the_buffer_reads_the_body_once(complete: bool) -> None:
    exchange = sent()
    exchange.stream.complete = complete
    assert await buffered(exchange) is None
    assert exchange.body == b"{}"
    exchange.stream.content = b"other"
    assert await buffered(exchange) is None
    assert exchange.body == b"{}"


@pytest.mark.parametrize("complete", [True, False])
async def test_the_buffer_passes_the_readers_refusal_on(complete: bool) -> None:
    exchange = sent()
    exchange.stream.complete = complete
    exchange.stream.content = refuse("body_timeout")
    assert await buffered(exchange) == refuse("body_timeout")
    assert exchange.body is None


def test_a_body_that_is_here_is_not_waited_for() -> None:
    exchange = sent()
    exchange.stream.complete = True
    assert Buffer().on_request(exchange) is None
    assert exchange.body == b"{}"


def test_a_form_that_is_judged_while_it_is_read_stays_unread() -> None:
    exchange = sent()
    exchange.form = True
    assert BufferWithoutForms().on_request(exchange) is None
    assert exchange.body is None


def test_no_body_stays_none() -> None:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    assert Buffer().on_request(exchange) is None
    assert exchange.body is None


def test_what_is_read_has_a_bound_or_the_smaller_one_that_it_has_already() -> None:
    for limit, bound in ((None, 4 * 2**20), (100, 100), (10**9, 4 * 2**20)):
        exchange = sent(limit)
        assert ReadLimit().on_request(exchange) is None
        assert exchange.stream is not None and exchange.stream.limit == bound


def test_a_form_that_is_not_read_whole_has_no_bound_here() -> None:
    exchange = sent()
    exchange.form = True
    ReadLimit().on_request(exchange)
    assert exchange.stream is not None and exchange.stream.limit is None
    without = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    ReadLimit().on_request(without)
    assert without.stream is None
