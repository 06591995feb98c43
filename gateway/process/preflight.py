"""What a run needs of its machine and the network, tried before it begins: addresses to listen on, names, a Redis.

A run that cannot listen does not start, so that is a problem, in the words of the start. Names that lead nowhere and a Redis
that does not respond keep no run from starting, and may be back any moment: they are warnings. A port that is taken is one
too, since most checks are made beside the gateway that has it, unless it is another listener of the same files that takes it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.config.checks.loops import leading_back
from gateway.config.model import Config
from gateway.config.own_addresses import this_machine
from gateway.config.problem import Problem
from gateway.config.tree import format_path
from gateway.config.upstream_settings import is_name
from gateway.process.listeners import cannot_listen
from gateway.process.sockets import bind

WITHIN = 3.0
"""Seconds for all names together, and for the Redis."""


class Obstacle(NamedTuple):
    """One finding; ``refuses``: a run would not start."""

    problem: Problem
    refuses: bool


def preflight(config: Config) -> Iterator[Obstacle]:
    """What would go wrong with ``config`` here and now. Takes at most twice ``WITHIN``; blocks meanwhile."""
    at = {setting.path: setting.at for setting in config.settings}

    def finding(path: str, sentence: str, hint: str) -> Obstacle:
        file, line, column = (at.get(path) or f"{config.files[0]}:1:1").rsplit(":", 2)
        return Obstacle(Problem(file, int(line), int(column), path, sentence, hint), False)

    yield from _listeners(config)
    names = {
        each.host: f"upstreams.{name}.endpoints[{index}].url"
        for name, upstream in config.upstreams.items()
        for index, each in enumerate(upstream.endpoints)
        if is_name(each.host)
    }
    found = _looked_up(list(names))
    for host in names:
        if host not in found:
            hint = "look at the name, and at the name server of this machine"
            yield finding(names[host], f"{host} leads to no address", hint)
    own = this_machine().knowing(found)
    for path, sentence, hint in leading_back(config, lambda: own):  # what needs no name server was refused before
        yield finding(format_path(path), f"by its name server {sentence}", hint)
    encrypted = [
        f"upstreams.{name}.endpoints[{index}].url"
        for name, upstream in config.upstreams.items()
        for index, each in enumerate(upstream.endpoints)
        if each.scheme == "https"
    ]
    if encrypted and (trouble := _authorities_trouble(os.environ.get("SSL_CERT_FILE", ""))):
        yield finding(encrypted[0], f"is https, and SSL_CERT_FILE {trouble}", "name a file with the authorities in PEM")
    if config.state.redis is not None:
        why = asyncio.run(_redis_trouble(config.state.redis.reveal()))
        if why:
            yield finding("state.redis", f"does not respond ({why})", "the gateway would start and count on its own")


def _authorities_trouble(name: str) -> str:
    """Why the file ``name`` verifies no certificate of an upstream: OpenSSL would go on without it, and without a word. Empty
    when it can, and for an empty name."""
    if name and not Path(name).is_file():
        return "names no file"
    try:
        if name:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(name)
    except ssl.SSLError:
        return "names a file that holds no certificate"
    except OSError as error:
        return f"names a file that cannot be read ({error.strerror})"
    return ""


def _listeners(config: Config) -> Iterator[Obstacle]:
    """Those that cannot be opened. All are open at once, as in a run: two may want one port."""
    listen, ops, egress = config.listen, config.ops, config.listen.egress
    wanted = [("listen", listen.host, listen.port), ("ops", ops.host, ops.port)]
    wanted += [("listen.egress", egress.host, egress.port)] if egress is not None else []
    held: set[int] = set()
    with contextlib.ExitStack() as stack:
        for part, host, port in wanted:
            try:
                for sock in bind(host, port, 1):
                    stack.enter_context(sock)
                held.add(port)
            except OSError as error:
                refuses = error.errno != errno.EADDRINUSE or port in held
                yield Obstacle(cannot_listen(config, part, host, port, error), refuses)


def _looked_up(names: list[str]) -> dict[str, set[str]]:
    """The addresses of those of ``names`` that lead anywhere within the time, each asked for in a thread that nobody waits
    for."""
    found: queue.Queue[tuple[str, set[str]]] = queue.Queue()

    def look_up(name: str) -> None:
        try:
            entries = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except OSError:
            return
        found.put((name, {str(entry[4][0]) for entry in entries}))

    threads = [threading.Thread(target=look_up, args=(name,), daemon=True) for name in names]
    for thread in threads:
        thread.start()
    remaining = WITHIN
    for thread in threads:
        began = time.monotonic()
        thread.join(remaining)
        remaining = max(0.0, remaining - (time.monotonic() - began))
    known = {}
    while not found.empty():
        name, addresses = found.get()
        known[name] = addresses
    return known


async def _redis_trouble(url: str) -> str:
    """Why no connection to the Redis at ``url`` can be had, without a word of the address; empty when it can."""
    from gateway.state.redis.url import clients_for, split_wait  # redis-py is some megabytes

    clients = clients_for(split_wait(url, 1.0)[0])
    try:
        async with asyncio.timeout(WITHIN):
            if clients.cluster is not None:
                await clients.cluster.initialize()
            else:
                (await clients.connect()).close()
    except Exception as error:  # whatever redis-py raises
        return type(error).__name__
    finally:
        await clients.close()
    return ""
