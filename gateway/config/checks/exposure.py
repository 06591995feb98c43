"""Doors that a production configuration leaves open: policies and routes that only report, trusted strangers, an open operators' port."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from gateway.config.checks.weakness import secret_weakness
from gateway.config.model import Config, Ops
from gateway.config.reporting import ROUTES, Trial, is_over, trials_of
from gateway.config.tree import NodePath
from gateway.policy.base.proxies import folded

Finding = tuple[NodePath, str, str]
"""A path from the root of the files, the sentence, and the hint."""

LEAST_TOKEN_BYTES = 16
LONGEST_REPORT = 366.0  # days

_DAY = 86400.0
_TOO_FAR = "is more than a year away"

# Private use, this host, and one link (RFC 1918, RFC 4193, RFC 3927).
PRIVATE = tuple(
    ip_network(text)
    for text in (
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    )
)
# Nor does anybody announce to the internet what carriers and clouds have behind their translators (RFC 6598).
NOT_PUBLIC = (*PRIVATE, ip_network("100.64.0.0/10"))


def reports(config: Config, now: float | None = None) -> Iterator[Finding]:
    """Every policy and every route that only reports without an end, or with one so far away that nobody looks. ``now`` is in
    Unix seconds."""
    moment = time.time() if now is None else now
    for path, trial in _trials(config):
        if trial.mode == "report" and trial.until is None:
            sentence = "is report, so it refuses nothing, and nothing says until when"
            yield (*path, "mode"), sentence, "write until: YYYY-MM-DD beside it, or mode: enforce"
        elif trial.mode == "report" and not is_over(trial, moment + LONGEST_REPORT * _DAY):
            yield (*path, "until"), _TOO_FAR, "write a day on which somebody will look"


def report_remarks(config: Config, now: float | None = None) -> Iterator[Finding]:
    """What is worth a warning about the days until which policies and routes report, in every environment. ``now`` is in Unix
    seconds."""
    moment = time.time() if now is None else now
    for above, trial in _trials(config):
        path, what = (*above, "until"), "route" if above[0] == ROUTES else "policy"
        if trial.until is None:
            continue
        if trial.mode != "report":
            yield path, f"says until when a {what} reports that is enforced", "remove it"
        elif is_over(trial, moment):
            yield path, f"is over, so the {what} is enforced", "remove it with mode: report, or write another day"
        elif not is_over(trial, moment + LONGEST_REPORT * _DAY):
            yield path, _TOO_FAR, "write a day on which somebody will look"


def _trials(config: Config) -> Iterator[tuple[NodePath, Trial]]:
    """What may report, each with its path: a route has that of its name, since invalid ones are left out of ``config``."""
    for section, name, trial in trials_of(config):
        yield (section, name), trial


def trusted(networks: Sequence[IPv4Network | IPv6Network]) -> Iterator[Finding]:
    """Every network of ``listen.trusted_proxies`` with strangers in it. One public address is one proxy, and may be named."""
    for index, written in enumerate(networks):
        network = folded(written)
        if network.num_addresses > 1 and not _is_private(network):
            sentence = "has public addresses in it: whoever sends from one of them says which client he is"
            hint = "name the balancer's own addresses, or its private network"
            yield ("listen", "trusted_proxies", index), sentence, hint


def _is_private(network: IPv4Network | IPv6Network) -> bool:
    return any(
        network.network_address in other and network.broadcast_address in other
        for other in NOT_PUBLIC
        if other.version == network.version
    )


def operators(ops: Ops) -> Iterator[Finding]:
    """What lets others than operators reach their listener, or guess its token."""
    address = as_address(ops.host)
    if ops.token and address is not None and not _is_private(ip_network(address)):
        where = "every network of this machine" if address.is_unspecified else "a public address"
        hint = "listen on 127.0.0.1, or on the machine's address in the network of the operators"
        yield ("ops", "host"), f"is {where}, so anybody can try tokens", hint
    weakness = secret_weakness(ops.token.reveal(), LEAST_TOKEN_BYTES) if ops.token else None
    if weakness:
        yield ("ops", "token"), weakness, "make one with: openssl rand -base64 32"


def as_address(host: str) -> IPv4Address | IPv6Address | None:
    """The address that ``host`` spells, in the short forms too that the system reads (``0`` is 0.0.0.0); None for a name."""
    if host == "*":
        return IPv4Address(0)  # so the resolver of the C library reads it where it is listened on
    try:
        address = ip_address(host.strip("[]").partition("%")[0])
        return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))
    except (OSError, ValueError):
        return None
