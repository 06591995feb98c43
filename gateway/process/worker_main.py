"""The process of a worker, ``python -m gateway.process.worker_main DESCRIPTOR``. Started by the supervisor, never by hand."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Callable, Mapping

import orjson
import uvloop

import gateway.process.without_rich  # noqa: F401  # for its effect, before structlog is loaded
from gateway.ops.log import Bridge, Log
from gateway.ops.sink import Sink
from gateway.process.channel import Announce, Cover, Drain, Find, LastReload, Order, Reload, Start, Swap, receive
from gateway.process.drain import CLOSING, order_now
from gateway.process.run_directory import hold, log_lock
from gateway.process.worker import Worker
from gateway.state.lmdb.clock import FileClock, since_boot
from gateway.state.lmdb.store import LmdbStore
from gateway.state.store import StateError

NO_ORDER = 1  # exit code: the supervisor ended before it sent an order
CANNOT_SERVE = 2  # exit code: this configuration cannot be served, and trying again does not help

UNREAD = 4 * 1024 * 1024
"""Bytes that may wait for a supervisor that does not read."""


async def work(control: socket.socket) -> int:
    """Take the first order and serve until the end; the exit code."""
    reader, writer = await asyncio.open_connection(sock=control)
    start = await receive(reader)
    if not isinstance(start, Start):
        return NO_ORDER
    send = sender(writer)
    try:
        hold(start.run)
        log = Log(Sink(1, log_lock(start.run)), start.key, worker=start.number)
    except OSError as error:  # the folder of the state was taken away
        send({"cannot": f"{start.run}: cannot be used: {error.strerror}"})
        await writer.drain()
        writer.close()
        return CANNOT_SERVE
    Bridge(log).install()
    store: LmdbStore | None = None
    code = 0
    try:
        key = start.config.state.key
        store = LmdbStore(
            start.config.state.path,
            key.reveal().encode() if key else None,
            clock=FileClock(since_boot),
            stand_in=start.replaces,
            distrust=start.distrust,
        )
        worker = Worker(start, log, store, send)
        await worker.state.connect()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.end_alone)
        orders = asyncio.create_task(obey(worker, reader))
        await worker.serve()
        orders.cancel()
        await worker.state.disconnect()
    except (StateError, OSError, RuntimeError, ValueError) as error:
        send({"cannot": f"{type(error).__name__}: {error}"})
        code = CANNOT_SERVE
    finally:
        if store is not None:
            store.close()
        log.sink.close()
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()
    return code


def sender(writer: asyncio.StreamWriter) -> Callable[[Mapping[str, object]], None]:
    """The function that sends reports. It leaves a status out while more than ``UNREAD`` bytes wait: the next one has
    everything, and they would fill the memory."""

    def send(report: Mapping[str, object]) -> None:
        if writer.is_closing():  # without a supervisor the worker still drains, and nobody reads its reports
            return
        if "status" in report and writer.transport.get_write_buffer_size() > UNREAD:
            return
        writer.write(orjson.dumps(report) + b"\n")

    return send


async def obey(worker: Worker, reader: asyncio.StreamReader) -> None:
    """Do what the supervisor orders. Without a supervisor the worker drains: nothing would replace it."""
    while True:
        order = await receive(reader)
        if isinstance(order, Reload):
            await worker.prepare(order)
        elif order is not None:
            obey_at_once(worker, order)
        else:
            if not worker.stopping.is_set():
                worker.observer.event("supervisor_gone")
            worker.drain(order_now(worker.config.listen.drain.finish, CLOSING))
            return


def obey_at_once(worker: Worker, order: Order) -> None:
    """Do what is done without waiting."""
    if isinstance(order, Swap):
        worker.swap(order.serve)
    elif isinstance(order, LastReload):
        worker.health.refused_at = order.refused_at
    elif isinstance(order, Cover):
        worker.cover(order.numbers)
    elif isinstance(order, Announce):
        worker.announce()
    elif isinstance(order, Find):
        worker.report_refusal(order.request_id)
    elif isinstance(order, Drain):
        worker.drain(order)


def main(arguments: list[str]) -> int:
    """``arguments``: the descriptor of the inherited control socket. Returns the exit code."""
    # Ctrl-C and a closed terminal reach the whole process group; ending is the supervisor's to order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return uvloop.run(work(socket.socket(fileno=int(arguments[0]))))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
