"""``gateway run``: check the configuration, then serve it until a signal."""

from __future__ import annotations

import json as jsonlib
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

import gateway.process.without_rich  # noqa: F401  # for its effect, before structlog is loaded
from gateway.cli.load import DEFAULT_PATH, AsJson, ConfigPath, show, show_warnings
from gateway.cli.stderr import write_line
from gateway.config.files_read import FilesRead
from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.config.reporting import reporting
from gateway.config.worker_count import WorkerCount, limited
from gateway.process.build import build
from gateway.process.descriptors import Room, limit_in_force, room
from gateway.process.listeners import Addresses, CannotStart
from gateway.process.supervisor import Supervisor


def run(
    config: ConfigPath = DEFAULT_PATH,
    workers: Annotated[int | None, typer.Option(min=1, help="Worker processes, in place of listen.workers.")] = None,
    demo: Annotated[bool, typer.Option("--demo", help="With a demo backend behind it, and what to try.")] = False,
    json: AsJson = False,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; SIGHUP reloads the configuration.

    The log goes to standard output, one JSON line per request and event; what is for people goes to standard error.
    """
    for fd in range(3):
        _hold(fd)
    raise typer.Exit(uvloop.run(_demo(config, workers, json) if demo else serve(config, workers, json, os.environ)))


def _hold(fd: int) -> None:
    """Open a standard descriptor that is closed: or a socket would get its number, and the log."""
    try:
        os.fstat(fd)
    except OSError:
        os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)


async def _demo(config: Path, workers: int | None, json: bool) -> int:
    from gateway.demo.quickstart import running_quickstart  # no other run waits for its code

    try:
        async with running_quickstart(os.environ) as quickstart:
            os.environ.update(quickstart.environment)  # for the workers too
            return await serve(config, workers, json, os.environ, quickstart.suggestions)
    except (ValueError, OSError) as error:
        return _cannot(f"the demo cannot start: {error}", json)


Suggestions = Callable[[Addresses], str]


async def serve(
    path: Path, workers: int | None, json: bool, env: Mapping[str, str], suggestions: Suggestions | None = None
) -> int:
    """One run; the exit code. ``suggestions`` makes the lines to print once it serves."""

    def read(reads: FilesRead) -> Config | list[Problem]:
        loaded = load(path, env, reads=reads)
        if isinstance(loaded, list) or workers is None:
            return loaded
        # How many there are on this host is not part of the digest: `gateway check` knows nothing of it.
        count = WorkerCount.of(workers, getattr(loaded.listen.workers, "written", loaded.listen.workers))
        return replace(loaded, listen=loaded.listen.model_copy(update={"workers": count}))

    reads = FilesRead()
    loaded = read(reads)
    if isinstance(loaded, list):
        if json:
            rows = [problem.as_dict() for problem in loaded]
            write_line(jsonlib.dumps({"ok": False, "problems": rows}))
        else:
            show(loaded)
        return 2

    def on_started(addresses: Addresses) -> None:
        _show_start(loaded, addresses, workers, json)
        lines = suggestions(addresses) if suggestions is not None and not json else ""
        if lines:
            write_line(lines)

    try:
        running = build()
        hangup_stops = suggestions is not None
        version, revision = running.version, running.revision
        return await Supervisor(loaded, read, version, on_started, hangup_stops, revision, reads).run()
    except CannotStart as error:
        return _cannot(str(error), json, error.problem)


def _show_start(config: Config, addresses: Addresses, workers: int | None, json: bool) -> None:
    """Say where the run is reached, what is worth a warning in its files, and what the machine allows less of."""
    found = room(config, limit_in_force())
    if json:
        warned = [warning.as_dict() for warning in config.warnings]
        write_line(jsonlib.dumps({**asdict(addresses), "connections": found.connections, "warnings": warned}))
        return
    show_warnings(config.warnings)
    write_line(
        f"gateway {addresses.gateway}  health {addresses.gateway}/health  ops {addresses.ops}  "
        f"workers {addresses.workers}  connections {found.connections} each  config {addresses.digest[:12]}"
    )
    for note in _notes(config, found, workers or config.listen.workers):
        write_line(f"gateway run: {note}")


def _notes(config: Config, found: Room, workers: int) -> list[str]:
    """What the machine allows less of than is written, or than it has; and which policies refuse nothing."""
    notes = [note for note in ("" if found.enough else found.sentence(), limited(workers)) if note]
    return [*notes, *(f"{one} only reports: it refuses nothing" for one in reporting(config, time.time()))]


def _cannot(why: str, json: bool, problem: Problem | None = None) -> int:
    """Say why there is no run, with its place in the files where it has one; the exit code for wrong input."""
    if json:
        listed = {"problems": [problem.as_dict()]} if problem is not None else {}
        write_line(jsonlib.dumps({"ok": False, "why": why, **listed}))
    elif problem is not None:
        show([problem])
    else:
        write_line(f"gateway run: {why}")
    return 2
