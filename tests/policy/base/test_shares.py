"""Permits that clients share: nobody has more than a share, some stay free for the next client, none is lost."""

from __future__ import annotations

import asyncio
import random
import time
from types import SimpleNamespace

import pytest

from gateway.core.exchange import Exchange
from gateway.policy.base.shares import ClientKey, Division, Permits


def request(arriving: bool = False) -> Exchange:
    made = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    if arriving:
        made.stream = SimpleNamespace(complete=False)  # type: ignore[assignment]  # all that is asked of it
    return made


def permits(limit: int = 100, most: int = 25, queue: int = 50) -> Permits:
    return Permits(Division(limit, most), Division(queue, -(-queue * most // limit)))


def take_all(of: Permits, client: ClientKey, arriving: bool = False) -> list[Exchange]:
    """As many as ``client`` gets."""
    taken = []
    while of.take(made := request(arriving), client):
        taken.append(made)
    return taken


@pytest.mark.parametrize(("limit", "most"), [(100, 25), (100, 10), (100, 80), (4, 3), (5, 3), (2, 1)])
def test_one_client_gets_its_share_and_the_next_one_that_of_the_rest(limit: int, most: int) -> None:
    here = permits(limit, most)
    assert len(take_all(here, "a")) == most
    rest = limit - most
    assert len(take_all(here, "b")) == min(-(-rest * most // limit), max(1, rest - limit // 4))


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_where_one_client_may_have_all_it_gets_all(limit: int) -> None:
    assert len(take_all(permits(limit, limit), "a")) == limit


@pytest.mark.parametrize("arriving", [False, True])
@pytest.mark.parametrize(("most", "clients"), [(25, 4), (25, 10), (10, 10), (10, 18), (25, 28), (10, 36)])
def test_many_clients_that_take_all_they_get_leave_some_to_the_next(most: int, clients: int, arriving: bool) -> None:
    here = permits(100, most)
    for client in range(clients):
        take_all(here, str(client), arriving)
    assert here.take(request(), "new")


def test_contents_that_are_still_to_come_leave_half_to_calls_that_wait_for_nobody() -> None:
    here = permits()
    uploads = [upload for client in range(100) for upload in take_all(here, str(client), arriving=True)]
    assert len(uploads) == 50
    assert here.take(request(), "0")
    for upload in uploads[:3]:
        upload.body = b"all of it"  # by now
    assert len(take_all(here, "new", arriving=True)) == 1


def test_the_backend_itself_has_no_share_and_waits_for_no_upload() -> None:
    here = permits(4, 1, 4)
    assert len(take_all(here, None, arriving=True)) == 4
    assert here.may_wait(None)


async def test_a_client_that_fills_its_part_of_the_queue_leaves_the_rest_to_others() -> None:
    here = permits(4, 1, 8)
    for client in "abcd":
        assert here.take(request(), client)
    waiting = []
    while here.may_wait("a"):
        waiting.append(here.enqueue(request(), "a"))
    assert len(waiting) == 2
    assert here.may_wait("b")
    for permit in waiting:
        permit.cancel()
    await asyncio.sleep(0)
    assert here.waiting == 0


async def test_a_free_permit_goes_to_the_first_that_may_have_it_and_to_one_client_after_the_other() -> None:
    here = permits(4, 2, 40)
    held = [request() for _ in range(4)]
    assert [here.take(made, client) for made, client in zip(held, "aabc", strict=True)] == [True] * 4
    order: list[str] = []
    for client in ("a", "a", "d", "d", "e"):
        here.enqueue(request(), client).add_done_callback(lambda _, client=client: order.append(client))
    for made in held[:3]:
        here.release(made)
        await asyncio.sleep(0)
    assert (order, here.waiting) == (["d", "a", "e"], 2)


async def test_an_upload_in_the_queue_gets_a_permit_before_a_later_one() -> None:
    here = permits(2, 2, 4)
    under_way = request(arriving=True)
    assert here.take(under_way, "a")
    assert not here.take(request(arriving=True), "b")
    waiting = here.enqueue(request(arriving=True), "b")
    under_way.body = b"all of it"
    assert not here.take(request(arriving=True), "c")
    assert waiting.done() and here.taken == 2


async def test_a_call_whose_content_is_complete_while_it_waits_is_not_overtaken() -> None:
    here = permits(2, 2, 4)
    assert here.take(request(arriving=True), "a")
    upload = request(arriving=True)
    assert not here.take(upload, "b")
    waiting = here.enqueue(upload, "b")
    upload.body = b"all of it"
    assert not here.take(request(), "c")
    assert waiting.done()


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_comes_and_goes_no_bound_is_broken_and_nothing_is_lost(seed: int) -> None:
    draw = random.Random(seed)
    here = permits(12, 5, 10)
    holding: dict[Exchange, ClientKey] = {}
    waiting: dict[asyncio.Future[object], tuple[Exchange, ClientKey]] = {}
    for _ in range(400):
        client = draw.choice(["a", "b", "c", "d", None])
        made = request(draw.random() < 0.4)
        match draw.choice(["come", "come", "go", "leave", "complete"]):
            case "come" if here.take(made, client):
                holding[made] = client
            case "come" if here.may_wait(client):
                waiting[here.enqueue(made, client)] = (made, client)
            case "go" if holding:
                gone = draw.choice(list(holding))
                del holding[gone]
                here.release(gone)
                here.release(gone)
            case "leave" if waiting:
                draw.choice(list(waiting)).cancel()
            case "complete" if holding:
                draw.choice(list(holding)).body = b"all of it"
        await asyncio.sleep(0)
        done = [permit for permit in waiting if permit.done()]
        moved = [(waiting.pop(permit), permit.cancelled()) for permit in done]
        holding.update(call for call, cancelled in moved if not cancelled)
        assert (here.taken, here.waiting) == (len(holding), len(waiting))
        assert here.taken <= 12 and here.waiting <= 10
        assert all(list(holding.values()).count(client) <= 5 for client in "abcd")
    while here.taken:
        for exchange in list(here.holders):
            here.release(exchange)
        await asyncio.sleep(0)
    assert all(permit.done() for permit in waiting) and here.waiting == 0


async def test_who_waits_costs_no_more_than_the_queue_is_long() -> None:
    def seconds(length: int) -> float:
        here = permits(length, length // 2, length)
        held = [made for number in range(length) if here.take(made := request(number % 2 == 0), f"holder-{number}")]
        for number in range(length):
            here.enqueue(request(arriving=True), f"waiting-{number}")
        began = time.thread_time()
        for made in held[:50]:
            here.release(made)
        return time.thread_time() - began

    small = min(seconds(100) for _ in range(5))
    assert min(seconds(400) for _ in range(3)) < 16 * small + 0.005
