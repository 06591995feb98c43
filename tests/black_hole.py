"""An address that swallows what is sent to it, on loopback: a listening socket whose queue is full answers no SYN."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

QUEUED = 3  # more than Linux lets into a queue of length 0


@contextlib.contextmanager
def black_hole(address: str, port: int) -> Iterator[None]:
    """While the block lasts, connecting to ``address`` hangs."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        listening = stack.enter_context(socket.socket(family))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address, port))
        listening.listen(0)
        for _ in range(QUEUED):
            one = stack.enter_context(socket.socket(family))
            one.setblocking(False)
            one.connect_ex((address, port))
        yield
