"""How the settings of the public listener compare."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address

from gateway.core.loopback import is_loopback
from gateway.core.units import Rate
from gateway.policy.base.networks import cover
from gateway.policy.base.order import (
    Danger,
    Effect,
    Order,
    Orders,
    SettingChange,
    by_entries,
    by_inclusion,
    changed,
    more_is_looser,
    neither,
    nested,
    optional,
    ranked_by,
    undecidable,
)
from gateway.policy.base.written import duration, size, text

ANYWHERE, SOMEWHERE, HERE = 2, 1, 0
"""From where an address that is listened on is reached: from every network of the machine, from one, from the machine."""


def reach(host: str) -> int:
    """From where ``host`` is reached."""
    name = host.strip("[]").partition("%")[0]
    try:
        address: IPv4Address | IPv6Address = ip_address(name)
    except ValueError:
        try:
            address = IPv4Address(0) if name == "*" else IPv4Address(socket.inet_aton(name))
        except (OSError, ValueError):
            return HERE if name.lower() == "localhost" else SOMEWHERE
    return ANYWHERE if address.is_unspecified else HERE if is_loopback(str(address)) else SOMEWHERE


def host_order(danger: Danger, opens: str, closes: str) -> Order[str]:
    """What is reached from more networks is looser; of two addresses in some network nobody can tell."""
    wider = ranked_by(reach, danger, opens, closes)
    elsewhere: Order[str] = undecidable(danger, opens)
    same_machine = neither("It listens on another address of the machine itself.")

    def order(old: str, new: str) -> Iterator[SettingChange]:
        if reach(old) != reach(new):
            yield from wider(old, new)
        else:
            yield from (same_machine if reach(old) == HERE else elsewhere)(old, new)

    return order


def _admits(wide: Rate, narrow: Rate) -> bool:
    """Whether ``wide`` lets all pass that ``narrow`` does, in the long run and at once."""
    return wide.limit / wide.period >= narrow.limit / narrow.period and wide.limit >= narrow.limit


def _workers(old: int, new: int) -> Iterator[SettingChange]:
    """``auto`` is another number on each machine."""
    before, after = (getattr(side, "written", side) for side in (old, new))
    if isinstance(before, int) and isinstance(after, int):
        yield from _more_workers(before, after)
    elif before != after:
        yield changed(Effect.LOOSENS, text(before), text(after), Danger.LOAD, _MORE_WORKERS)


_MORE_WORKERS = "There may be more workers, and each has the limits of one worker for itself."
_more_workers = more_is_looser(Danger.LOAD, _MORE_WORKERS, "There are fewer workers, each with the limits of one.")

OF_PER_ADDRESS: Orders = {
    "connections": more_is_looser(
        Danger.LOAD, "One address may have more connections open.", "One address may have fewer connections open."
    ),
    "requests": more_is_looser(
        Danger.LOAD, "One address may have more requests in flight.", "One address may have fewer requests in flight."
    ),
    "unrouted": by_inclusion(
        _admits,
        Danger.LOAD,
        "One address may send more that no rate limit counts.",
        "One address may send less that no rate limit counts.",
    ),
}

OF_LIMITS: Orders = {
    "connections": more_is_looser(
        Danger.LOAD, "More connections may be open.", "Fewer connections may be open, so clients are refused sooner."
    ),
    "header_bytes": more_is_looser(Danger.LOAD, "Longer heads pass.", "Longer heads are refused.", size),
    "header_timeout": more_is_looser(
        Danger.LOAD, "A client may take longer for a head.", "A client has less time for a head.", duration
    ),
    "body_timeout": more_is_looser(
        Danger.LOAD, "A client may take longer for a body.", "A client has less time for a body.", duration
    ),
    "keepalive": more_is_looser(
        Danger.LOAD, "Idle connections stay open for longer.", "Idle connections are closed sooner.", duration
    ),
    "send_timeout": more_is_looser(
        Danger.LOAD,
        "A client that takes nothing holds its response for longer.",
        "A client that takes nothing is cut sooner.",
        duration,
    ),
    "unsent": more_is_looser(
        Danger.LOAD, "More memory may wait for slow clients.", "Slow clients are cut sooner.", size
    ),
    "per_address": nested,
}

_FILE = neither("Another file is served.")
OF_TLS: Orders = {"cert": _FILE, "key": _FILE}

_PORT = neither("It listens on another port.")
OF_EGRESS: Orders = {
    "host": host_order(
        Danger.OPEN, "It is reached from more places, and asks for no token.", "It is reached from fewer places."
    ),
    "port": _PORT,
}

OF_DRAIN: Orders = {
    "announce": neither("Balancers have another time to learn that it ends.", duration),
    "finish": neither("Requests have another time to finish when it ends.", duration),
}

ORDERS: Orders = {
    "host": host_order(Danger.CHECK, "It is reached from more networks.", "It is reached from fewer networks."),
    "port": _PORT,
    "workers": _workers,
    "trusted_proxies": by_entries(
        cover,
        Danger.OPEN,
        "Whoever sends from there says which address is the client's: no limit or lock by address holds for them.",
        "The addresses of fewer proxies are believed: what comes through another counts for that proxy.",
    ),
    # What is not read cannot be forged, and what is read has to agree: neither is stricter.
    "trusted_fields": undecidable(
        Danger.CHECK,
        "Clients can write a field that is believed and that no proxy overwrites, or one that is not compared.",
    ),
    "limits": nested,
    "tls": optional(
        Effect.LOOSENS,
        Danger.OPEN,
        "Requests arrive without encryption, tokens and passwords in clear.",
        "Requests arrive encrypted.",
        nested,
    ),
    "drain": nested,
    "egress": optional(
        Effect.TIGHTENS,
        Danger.OPEN,
        "Whoever reaches this listener on the machine calls other services with the gateway's keys.",
        "The listener for calls to other services is gone.",
        nested,
    ),
    "via": neither("The gateway has another name in Via."),
    "watch": neither(
        "Whether a change of the files is loaded by itself; who can write them decides what passes either way."
    ),
}
