"""Who takes the connections of a worker that cannot, and when operators are told."""

from __future__ import annotations

from gateway.process.coverage import Coverage


class Worker:
    def __init__(self, number: int) -> None:
        self.number = number
        self.ready = True
        self.failures = 0
        self.trouble = ""
        self.covers: frozenset[int] = frozenset()

    def cover(self, numbers: frozenset[int]) -> None:
        self.covers = numbers - {self.number}


class Given:
    def __init__(self, count: int) -> None:
        self.workers = [Worker(number) for number in range(count)]
        self.events: list[tuple[str, dict[str, object]]] = []
        self.coverage = Coverage(self.workers, lambda name, **fields: self.events.append((name, fields)))


def test_all_others_take_the_connections_of_those_in_trouble_until_they_are_back() -> None:
    given = Given(4)
    given.coverage.renew()
    assert [worker.covers for worker in given.workers] == [frozenset()] * 4
    for number in (1, 2):
        given.workers[number].ready, given.workers[number].trouble = False, "starting"
    given.coverage.renew()
    assert given.workers[0].covers == given.workers[3].covers == {1, 2}
    given.workers[1].ready, given.workers[1].trouble = True, ""
    given.coverage.renew()
    assert [worker.covers for worker in given.workers] == [{2}, {2}, set(), {2}]


def test_the_first_failure_is_no_event_the_second_is_one_until_it_is_back() -> None:
    given = Given(2)
    worker = given.workers[1]
    worker.ready, worker.trouble, worker.failures = False, "starting", 1
    given.coverage.renew()
    assert given.events == []
    worker.failures, worker.trouble = 2, "2 processes have failed"
    for _ in range(3):
        given.coverage.renew()
    worker.failures, worker.trouble = 3, "3 processes have failed"
    given.coverage.renew()
    worker.ready, worker.failures, worker.trouble = True, 0, ""
    given.coverage.renew()
    given.coverage.renew()
    assert given.events == [
        ("worker_missing", {"number": 1, "why": "2 processes have failed"}),
        ("worker_back", {"number": 1}),
    ]


def test_one_that_says_nothing_is_an_event_at_once() -> None:
    given = Given(2)
    given.workers[0].trouble = "no report for 6 s"
    given.coverage.renew()
    assert given.workers[1].covers == {0}
    assert given.events == [("worker_missing", {"number": 0, "why": "no report for 6 s"})]
