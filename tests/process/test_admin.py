"""What operators see of a run: its workers together, its configuration, and pseudonyms in place of names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.config.cpus import Cpus
from gateway.config.model import Config
from gateway.ops.health.health import Health, Serving
from gateway.ops.health.store import StoreStatus
from gateway.ops.log import Log
from gateway.ops.metrics.run import RunMetrics
from gateway.ops.shortages import ShortageStatus
from gateway.ops.sink import Sink
from gateway.process.admin import RunAdmin
from gateway.process.stores import Stores
from gateway.state.store import StateError
from tests.process.configs import OPS_TOKEN, written

NOON = 1_767_268_800.0


@dataclass
class Worker:
    pid: int | None
    ready: bool
    status: dict[str, Any] | None
    trouble: str = ""
    clients: dict[str, Any] | None = None

    async def find(self, request_id: str, timeout: float) -> dict[str, Any] | None:
        return None


def serving(pid: int) -> Worker:
    health = Health("1")
    health.serving = Serving("d1gest", NOON, StoreStatus("embedded"))
    return Worker(pid, True, health.status())


class Given:
    """An admin over ``workers`` and ``config``, both of which a test may change."""

    def __init__(self, folder: Path) -> None:
        self.config: Config = written(folder)
        self.workers: list[Worker] = []
        self.metrics = RunMetrics()
        self.shortages: list[ShortageStatus] = []
        self.clock = NOON
        self.cpus = Cpus(2, 8, 1.5)
        self.sink = Sink(-1)
        self.admin = RunAdmin(
            lambda: self.config,
            self.workers,
            self.metrics,
            Log(self.sink, b"k"),
            b"k",
            Stores(lambda: self.config),
            "1.2.3",
            lambda: self.clock,
            lambda: self.shortages,
            cpus=lambda: self.cpus,
        )


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    made = Given(tmp_path)
    yield made
    made.sink.close()


def test_a_run_without_workers_is_starting(given: Given) -> None:
    given.workers.append(Worker(None, False, None))
    status = given.admin.status()
    assert (status["status"], status["workers"]) == ("starting", {"wanted": 1, "ready": 0, "pids": [None]})


def test_it_is_ok_when_all_workers_are_and_degraded_while_one_is_missing(given: Given) -> None:
    given.workers += [serving(7), Worker(8, False, None)]
    given.clock = NOON + 61.9
    status = given.admin.status()
    assert (status["status"], status["version"], status["uptime_s"]) == ("degraded", "1.2.3", 61)
    given.workers[1] = serving(8)
    status = given.admin.status()
    assert (status["status"], status["config"]["digest"]) == ("ok", "d1gest")
    assert status["workers"] == {"wanted": 2, "ready": 2, "pids": [7, 8]}


def test_the_processors_are_those_that_it_may_use_now(given: Given) -> None:
    given.workers.append(serving(7))
    assert given.admin.status()["cpus"] == {"usable": 2, "cores": 8, "quota": 1.5}
    given.cpus = Cpus(4, 4)
    assert given.admin.status()["cpus"] == {"usable": 4, "cores": 4, "quota": None}


def test_a_worker_that_is_missing_or_says_nothing_is_named_with_the_reason(given: Given) -> None:
    given.workers += [
        serving(7),
        Worker(None, False, None, "2 processes have failed, the last: exit code 1"),
        serving(9),
    ]
    given.workers[2].trouble = "no report for 7 s"
    status = given.admin.status()
    assert status["status"] == "degraded"
    assert status["reasons"] == [
        "worker 1: 2 processes have failed, the last: exit code 1",
        "worker 2: no report for 7 s",
    ]


def test_shortages_are_those_of_the_workers_and_the_supervisors_own(given: Given) -> None:
    given.workers.append(serving(7))
    assert given.workers[0].status is not None
    worker: ShortageStatus = {"kind": "descriptors", "where": "accepting", "since": "2026-01-01T12:00:05Z", "times": 3}
    given.workers[0].status["shortages"] = [worker]
    given.shortages.append({**worker, "where": "starting worker 1", "since": "2026-01-01T12:00:01Z", "times": 2})
    status = given.admin.status()
    assert (status["status"], status["reasons"]) == ("degraded", ["out of descriptors since 2026-01-01T12:00:01Z"])
    assert status["shortages"] == [
        {**worker, "where": "starting worker 1", "since": "2026-01-01T12:00:01Z", "times": 5}
    ]


def test_a_drain_goes_before_everything(given: Given) -> None:
    given.workers.append(serving(7))
    given.admin.draining = True
    assert given.admin.status()["status"] == "draining"


def test_the_configuration_is_the_one_that_is_served_now(given: Given, tmp_path: Path) -> None:
    token = given.admin.token()
    assert token is not None and token.reveal() == OPS_TOKEN
    assert [route["name"] for route in given.admin.routes()] == ["info"]
    assert "position" not in given.admin.routes()[0] and "place" not in given.admin.routes()[0]
    assert given.admin.origins() == ()
    assert given.admin.breakers() == {"tutor": "quick"}
    assert given.admin.lockouts() == ["accounts"]
    given.config = written(tmp_path, info="chat", accounts="codes")
    assert [route["name"] for route in given.admin.routes()] == ["chat"]
    assert given.admin.lockouts() == ["codes"]


def test_metrics_are_those_of_the_run(given: Given) -> None:
    given.metrics.restarted()
    assert b"gateway_worker_restarts_total 1.0" in given.admin.metrics()


def test_pseudonyms_are_the_same_for_all_spellings_of_an_account_and_for_no_other_name(given: Given) -> None:
    admin = given.admin
    assert admin.account_pseudonym(" ADA@x.y ") == admin.account_pseudonym("ada@x.y") == admin.pseudonym("ada@x.y")
    assert admin.account_pseudonym("\uff21da@x.y\u200b") == admin.account_pseudonym("ada@x.y")
    assert admin.pseudonym("ADA@x.y") != admin.pseudonym("ada@x.y")
    assert "ada" not in admin.pseudonym("ada@x.y")


async def test_stores_are_those_of_the_configuration(given: Given, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("no folder")
    for store in (given.admin.circuit_store, given.admin.lockout_store, given.admin.revocation_store):
        with pytest.raises(StateError):
            store()
