"""How many workers: a number, or one a core, which is written the same on every host."""

from __future__ import annotations

import os

import pytest
from pydantic import ValidationError

from gateway.config import worker_count
from gateway.config.cpus import Cpus
from gateway.config.listen_settings import Listen
from gateway.config.worker_count import WorkerCount, limited, sentence


def test_auto_is_a_number_here_and_the_same_word_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_count, "available", lambda: Cpus(7, 7))
    workers = Listen.model_validate({"workers": "auto"}).workers
    assert (workers, isinstance(workers, WorkerCount) and workers.written) == (7, "auto")
    assert sentence(workers) == "listen.workers: auto is 7 here (7 cores)"
    assert sentence(7) == sentence(WorkerCount.of(7, 7)) == ""
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert limited(workers) == sentence(workers)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert limited(workers) == ""


def test_a_number_is_written_as_it_is() -> None:
    workers = Listen.model_validate({"workers": "3"}).workers
    assert (workers, isinstance(workers, WorkerCount) and workers.written) == (3, 3)
    again = Listen.model_validate({"workers": WorkerCount.of(5, "auto")}).workers
    assert (again, isinstance(again, WorkerCount) and again.written) == (5, "auto")


@pytest.mark.parametrize("written", [True, 0, -1, "many", 1.5])
def test_what_is_no_number_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        Listen.model_validate({"workers": written})
