"""The life of a request: the order of its phases, and what ends it in each of its steps. Nothing else holds an order.

Phases are unbound functions, since all requests of an iteration go through one before any goes through the next
(``proxy.flow.phases``): that is where the speed comes from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from gateway.proxy.flow.arrival import find_route, read_head
from gateway.proxy.flow.decide import BEFORE_LIMIT, LIMIT, decide
from gateway.proxy.flow.flow import Flow
from gateway.proxy.flow.phases import Grouped
from gateway.proxy.flow.step import (
    ANSWERED,
    CALLING,
    DECIDING,
    OVER,
    RESPONDING,
    RUNNING,
    STREAMING,
    TUNNEL,
    WAITING,
    Step,
)

decide_early, decide_limit, decide_rest = (partial(decide, portion) for portion in (BEFORE_LIMIT, LIMIT, None))

WHEN_ARRIVED = (read_head, find_route, decide_early, Grouped(decide_limit), decide_rest, Flow.send)
WHEN_DECIDED = (Flow.take_verdict, decide_rest, Flow.send)
WHEN_ANSWERED = (Flow.take_response, Flow.write_response)
WHEN_OVER = (Flow.finish, Flow.release)

Act = Callable[[Flow], object]


def send_internal_error(flow: Flow) -> None:
    """Nobody expected what was raised."""
    flow.send_own_fault("internal_error")


def send_busy(flow: Flow) -> None:
    """The gateway has run out of something, and it says nothing about the request or its upstream."""
    flow.send_own_fault("upstream_busy")


WHEN_SHORT: Mapping[Act, Act] = {send_internal_error: send_busy}
"""What is done in place of an act where a shortage was raised (``core.shortage``)."""


class Ends(NamedTuple):
    """What is done in one step, in that order, to a request that does not come to its end.

    ``client_left``: the client has left, and gets nothing. ``raised``: a phase or the task raised, and these let go of what
    the step holds; ``reply`` is what the client is sent then. The dispatcher reports the exception, finishes the request and
    has its connection closed.
    """

    client_left: tuple[Act, ...]
    raised: tuple[Act, ...]
    reply: tuple[Act, ...]


PROBING = frozenset({CALLING, ANSWERED, RUNNING})
"""Steps in which a request that is the probe of a breaker goes on although its client has left: until then nobody knows
how the upstream is, and a client that leaves and comes again could keep it so."""

BEFORE_RESPONSE = PROBING | {DECIDING, WAITING}
"""Steps in which nothing of the response was sent."""

ENDS: Mapping[Step, Ends] = {
    DECIDING: Ends((Flow.drop_verdict, Flow.finish), (Flow.drop_verdict,), (send_internal_error,)),
    WAITING: Ends((Flow.drop_verdict, Flow.finish), (Flow.drop_verdict,), (send_internal_error,)),
    CALLING: Ends((Flow.abandon_call, Flow.finish), (Flow.abandon_call,), (send_internal_error,)),
    ANSWERED: Ends((Flow.close_response, Flow.finish), (Flow.close_response,), (send_internal_error,)),
    RUNNING: Ends((Flow.cancel_task,), (Flow.close_response,), (send_internal_error,)),
    STREAMING: Ends((Flow.cancel_task,), (), (Flow.cut,)),
    TUNNEL: Ends((Flow.cancel_task,), (), (Flow.cut,)),
    RESPONDING: Ends((Flow.finish,), (), (Flow.cut,)),
    OVER: Ends((), (), ()),
}
