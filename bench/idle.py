"""Connections that have asked once and now wait: what one of them costs in memory."""

from __future__ import annotations

import socket
import time

from bench.contestants import Running
from bench.process import resident_kib
from bench.prove import GOOD_ORIGIN, NotProved
from bench.tokens import token

BEFORE = 100  # connections opened first, so that what is paid once is not counted
SETTLE = 1.0  # seconds


def measure(running: Running, count: int) -> dict[str, float]:
    """Open ``count`` connections, ask once on each, wait, and see. Raises NotProved when one is refused or cut."""
    bearer = token(running.setting.secret, "idler")
    lines = (
        "GET /api/items HTTP/1.1",
        "Host: idle",
        f"Origin: {GOOD_ORIGIN}",
        f"Authorization: Bearer {bearer}",
        "",
        "",
    )
    request = "\r\n".join(lines).encode()
    kept: list[socket.socket] = []
    try:
        _open(running, request, kept, BEFORE)
        time.sleep(SETTLE)  # nothing tells when an allocator has settled
        running.look()
        before = resident_kib(running.pids)
        _open(running, request, kept, BEFORE + count)
        time.sleep(SETTLE)  # as before the first look
        after = resident_kib(running.pids)
        cut = sum(_is_cut(sock) for sock in kept)
        if cut:
            raise NotProved(f"{running.contestant.name}: {cut} of {len(kept)} idle connections were cut")
        return {"connections": count, "kib_each": round((after - before) / count, 2), "mib": round(after / 1024, 1)}
    finally:
        for sock in kept:
            sock.close()


def _open(running: Running, request: bytes, kept: list[socket.socket], count: int) -> None:
    while len(kept) < count:
        sock = socket.create_connection(("127.0.0.1", running.setting.port), timeout=10)
        kept.append(sock)
        sock.sendall(request)
        answer = b""
        while b"]}" not in answer:  # the end of the backend's only body
            piece = sock.recv(65536)
            if not piece:
                break
            answer += piece
        if not answer.startswith(b"HTTP/1.1 200"):
            raise NotProved(f"{running.contestant.name}: connection {len(kept)} was answered {answer[:60]!r}")


def _is_cut(sock: socket.socket) -> bool:
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
