"""Whether an address that is written leads to a listener of this gateway, in any spelling, and without a name server."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Collection, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

HOSTS = Path("/etc/hosts")

_Address = IPv4Address | IPv6Address
_LOOPBACK = frozenset((ip_address("127.0.0.1"), ip_address("::1")))
_LOCAL_NAMES = frozenset(("localhost", "ip6-localhost", "ip6-loopback"))


class OwnAddresses:
    """What this machine is called: by ``names``, which its system gives it, and by ``hosts``, addresses by name as in
    /etc/hosts. ``is_local`` says whether an IP address is one of its own."""

    def __init__(
        self, names: frozenset[str], hosts: Mapping[str, frozenset[str]], is_local: Callable[[str], bool]
    ) -> None:
        self._names = names
        self._hosts = hosts
        self._is_local = is_local

    def knowing(self, found: Mapping[str, Collection[str]]) -> OwnAddresses:
        """The same, where a name server has ``found`` addresses by name too."""
        more = {name.lower().rstrip("."): frozenset(addresses) for name, addresses in found.items()}
        hosts = {
            name: self._hosts.get(name, frozenset()) | more.get(name, frozenset()) for name in {*self._hosts, *more}
        }
        return OwnAddresses(self._names, hosts, self._is_local)

    def reaches(self, host: str, listener: str) -> bool:
        """Whether a connection to ``host`` may reach a socket that listens on ``listener``, at one port.

        One that listens on ``127.0.0.1`` is taken for reached by ``::1`` too: whoever writes that means this machine.
        """
        listening = _parsed(listener)
        if listening is not None and listening.is_unspecified:
            return self._is_this_machine(host)
        return bool(self._addresses(host) & self._addresses(listener))

    def _is_this_machine(self, host: str) -> bool:
        return host.lower().rstrip(".") in self._names or any(
            address.is_loopback or self._is_local(str(address)) for address in self._addresses(host)
        )

    def _addresses(self, host: str) -> frozenset[_Address]:
        """The addresses that ``host`` stands for, as far as the machine itself knows them."""
        address = _parsed(host)
        if address is not None:
            return _LOOPBACK if address in _LOOPBACK or address.is_unspecified else frozenset((address,))
        name = host.lower().rstrip(".")
        if name in _LOCAL_NAMES or name.endswith(".localhost"):
            return _LOOPBACK
        found = [_parsed(one) for one in self._hosts.get(name, ())]
        return frozenset(one for one in found if one is not None) | (
            _LOOPBACK if any(one in _LOOPBACK for one in found) else frozenset()
        )


def this_machine(hosts: Path = HOSTS) -> OwnAddresses:
    """The names and addresses of the machine that this runs on."""
    name = socket.gethostname().lower().rstrip(".")
    names = frozenset((name, name.partition(".")[0])) - {""}
    try:
        text = hosts.read_text("utf-8", "replace")
    except OSError:
        text = ""
    return OwnAddresses(names, hosts_of(text), _can_bind)


def hosts_of(text: str) -> dict[str, frozenset[str]]:
    """The addresses by name that a hosts file has (hosts(5))."""
    found: dict[str, frozenset[str]] = {}
    for line in text.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        for name in names:
            lower = name.lower().rstrip(".")
            found[lower] = found.get(lower, frozenset()) | {address}
    return found


def _parsed(host: str) -> _Address | None:
    """The IP address that ``host`` spells, also as ``127.1``, ``0x7f000001`` or ``::ffff:127.0.0.1``; None for a name."""
    if host == "*":
        return IPv4Address(0)  # so the resolver of the C library reads it where it is listened on
    with contextlib.suppress(ValueError):
        address = ip_address(host.strip("[]").partition("%")[0])
        return getattr(address, "ipv4_mapped", None) or address
    with contextlib.suppress(OSError):
        return IPv4Address(socket.inet_aton(host))
    return None


def _can_bind(address: str) -> bool:
    """Whether the system lets a socket have ``address``, which it does for its own only."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind((address, 0))
    except OSError:
        return False
    return True
