"""A port for a server that cannot be given port 0, since others must know it before it listens or after it has died.

It is below the range from which the system takes ports for port 0 and for clients, so none of those takes it meanwhile.
Tests that run beside each other choose at random, and not by ``random``, which has the same seed in all of them.
"""

from __future__ import annotations

import socket
from contextlib import ExitStack
from random import SystemRandom

FIRST, LAST = 10_000, 19_999
BUS = 10_000  # a Redis cluster's nodes talk on a port so far above their own


def free_port(*beside: int) -> int:
    """A port nobody listens on, nor on those so far ``beside`` it."""
    while True:
        port = SystemRandom().randint(FIRST, LAST)
        with ExitStack() as stack:
            try:
                for offset in (0, *beside):
                    stack.enter_context(socket.create_server(("127.0.0.1", port + offset)))
            except OSError:
                continue
            return port
