"""Connections are counted until their very end, and at a limit the one that has waited longest makes room."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.server.admission import LOOK, ConnectionCount
from tests.processor_time import takes_at_most


@dataclass(eq=False)
class Client:
    """A connection of ``address`` that waits since that time, or serves a request (0.0)."""

    address: bytes = b""
    waiting_since: float = 0.0
    ended: bool = False

    def make_room(self) -> None:
        self.ended = True


def counting(*clients: Client) -> ConnectionCount[Client]:
    count: ConnectionCount[Client] = ConnectionCount()
    for client in clients:
        count.add(client)
    return count


def test_below_the_limit_there_is_room_and_nobody_is_ended() -> None:
    waiting = Client(waiting_since=1.0)
    assert counting(waiting).make_room(b"", 2, None, 9.0)
    assert not waiting.ended


def test_at_the_limit_the_one_that_has_waited_longest_makes_room() -> None:
    busy, longest, later = Client(), Client(waiting_since=1.0), Client(waiting_since=2.0)
    count = counting(later, busy, longest)
    assert count.make_room(b"", 3, None, 9.0)
    assert (busy.ended, longest.ended, later.ended) == (False, True, False)
    assert count.connections == {busy, later}


def test_where_nobody_waits_there_is_no_room() -> None:
    count = counting(Client(), Client())
    assert not count.make_room(b"", 2, None, 9.0)
    assert len(count.connections) == 2


def test_one_that_has_a_request_since_the_look_is_not_ended() -> None:
    first, second = Client(waiting_since=1.0), Client(waiting_since=2.0)
    count = counting(first, second, Client(waiting_since=0.5))
    assert count.make_room(b"", 3, None, 9.0)
    count.add(Client(waiting_since=9.0))
    first.waiting_since = 0.0
    assert count.make_room(b"", 3, None, 9.0)
    assert (first.ended, second.ended) == (False, True)


def test_a_lower_limit_after_a_reload_is_reached_one_by_one_and_not_at_once() -> None:
    count = counting(*(Client(waiting_since=float(since)) for since in range(1, 5)))
    assert not count.make_room(b"", 2, None, 9.0)
    assert len(count.connections) == 3


def test_one_address_has_a_limit_of_its_own_and_makes_room_among_its_own() -> None:
    other, own = Client(b"b", 1.0), Client(b"a", 5.0)
    count = counting(other, own, Client(b"a"))
    assert count.make_room(b"a", 10, 2, 9.0)
    assert (other.ended, own.ended) == (False, True)
    count.add(Client(b"a"))
    assert not count.make_room(b"a", 10, 2, 10.0)
    assert count.make_room(b"b", 10, 2, 10.0)


def test_under_a_flood_all_connections_are_looked_at_twice_a_second_at_most() -> None:
    looked = 0

    class Watched(Client):
        @property  # type: ignore[override]  # counted as it is read
        def waiting_since(self) -> float:
            nonlocal looked
            looked += 1
            return 0.0

        @waiting_since.setter
        def waiting_since(self, value: float) -> None: ...

    count = counting(*(Watched() for _ in range(10)))
    for moment in range(1000):
        assert not count.make_room(b"", 10, None, moment / 1000)
    assert looked <= 10 * (1 + 1.0 / LOOK)


def test_making_room_among_ten_thousand_costs_little() -> None:
    count = counting(*(Client(waiting_since=float(since)) for since in range(1, 10_001)))

    def replace() -> None:
        for _ in range(1000):
            assert count.make_room(b"", 10_000, None, 1e6)
            count.add(Client(waiting_since=1e6))

    assert takes_at_most(1000 * 50e-6, replace, 5)  # a look costs some milliseconds


@given(st.lists(st.tuples(st.sampled_from([b"", b"a", b"b", b"c"]), st.sampled_from(["add", "end", "again"]))))
def test_counts_are_those_of_what_is_open_and_nothing_is_kept_of_what_ended(steps: list[tuple[bytes, str]]) -> None:
    count = counting()
    opened: list[Client] = []
    ended: list[Client] = []
    for address, step in steps:
        if step == "add":
            opened.append(Client(address))
            count.add(opened[-1])
        elif step == "end" and opened:
            ended.append(opened.pop(0))
            count.remove(ended[-1])
        elif ended:
            count.remove(ended[0])
        assert count.connections == set(opened)
        for one in (b"a", b"b", b"c"):
            assert count.of_address(one) == sum(client.address == one for client in opened)
        assert count.addresses == len({client.address for client in opened} - {b""})
