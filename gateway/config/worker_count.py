"""How many worker processes there are: a number, or one for each processor that they may use."""

from __future__ import annotations

import os
from typing import Annotated, Any, Literal

from pydantic import Field, ValidatorFunctionWrapHandler, WrapValidator

from gateway.config.cpus import available
from gateway.policy.base.settings import whole

AUTO = "auto"


class WorkerCount(int):
    """A number of worker processes. ``written`` is what the configuration says of it: this number, or ``auto`` on every
    host alike."""

    written: int | str

    @classmethod
    def of(cls, count: int, written: int | str) -> WorkerCount:
        """``count`` workers where ``written`` is written."""
        made = cls(count)
        made.written = written
        return made


def _cores(value: Any) -> Any:
    return available().workers if value == AUTO else whole(value)


def _workers(value: Any, handler: ValidatorFunctionWrapHandler) -> WorkerCount:
    count: int = handler(_cores(value))
    return WorkerCount.of(count, AUTO if value == AUTO else getattr(value, "written", count))


Workers = Annotated[
    int,
    Field(ge=1),
    WrapValidator(_workers, json_schema_input_type=Literal["auto"] | Annotated[int, Field(ge=1)]),
]


def sentence(workers: int) -> str:
    """Where the number comes from, for people; empty where it is written as it is."""
    if getattr(workers, "written", workers) != AUTO:
        return ""
    return f"listen.workers: auto is {workers} here ({available()})"


def limited(workers: int) -> str:
    """As ``sentence`` where ``auto`` is less than the host has cores; empty otherwise."""
    return sentence(workers) if workers < (os.cpu_count() or 1) else ""
