"""How the settings of the operators' listener and of the state compare."""

from __future__ import annotations

from gateway.config.listen_orders import host_order
from gateway.core.secret import Secret
from gateway.policy.base.order import (
    Danger,
    Effect,
    Orders,
    larger_set_is_looser,
    neither,
    optional,
    read_as,
    undecidable,
)

OF_OPS: Orders = {
    "host": host_order(
        Danger.OPEN,
        "The operators' listener, which lifts locks and revokes tokens, is reached from more places.",
        "The operators' listener is reached from fewer places.",
    ),
    "port": neither("The operators' listener is on another port."),
    "token": optional(
        Effect.LOOSENS,
        Danger.OPEN,
        "Whoever reaches the operators' listener may use it: no token is asked for.",
        "Operators have to show a token.",
        read_as(Secret.as_written, undecidable(Danger.OPEN, "Whoever has the other token may do what operators do.")),
    ),
    "origins": larger_set_is_looser(
        Danger.OPEN,
        "Pages of more origins may use the operators' listener with the token.",
        "Pages of fewer origins may use the operators' listener.",
    ),
}

_ANEW = "Counts, locks and revocations begin anew there: a locked account is open, and a revoked token is good."

OF_STATE: Orders = {
    "path": undecidable(Danger.CHECK, _ANEW),
    "redis": optional(
        Effect.LOOSENS,
        Danger.CHECK,
        "Each host counts for itself, so every limit is there once for each host; what Redis knew is not there.",
        "All hosts count together.",
        read_as(Secret.as_written, undecidable(Danger.CHECK, f"{_ANEW[:-1]}; the new one may be without TLS.")),
    ),
    "key": optional(
        Effect.LOOSENS,
        Danger.LEAK,
        "Whoever reads the state finds out which accounts are in it by trying names.",
        "Accounts are stored under a key.",
        read_as(
            Secret.as_written,
            undecidable(Danger.CHECK, "Accounts are counted anew under another key: a locked one is open."),
        ),
    ),
}
