"""Whether a connection was not made for want of something that the gateway itself has run out of.

What an exception says is not always enough. Without a free descriptor the resolver cannot open its files and reports an
unknown name, and OpenSSL finds no certificate authority and reports an unknown issuer. And EADDRNOTAVAIL is used for a
machine that has no address of the family at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl

from gateway.core.shortage import Shortage, shortage_of

_LOOKUP = 1.0  # seconds for the name of an endpoint, which was just looked up
_NEEDED = 4  # descriptors that one lookup or one check of a certificate may have open at once


async def own_shortage(error: Exception, host: str, port: int) -> Shortage | None:
    """The shortage that kept the gateway from connecting to ``host``; None when the failure is another's. Network and
    host unreachable (ENETUNREACH, EHOSTUNREACH) are another's: nothing is used up."""
    found = shortage_of(error)
    if found is Shortage.PORTS:
        return Shortage.PORTS if await _has_source_address(host, port) else None
    if found is None and isinstance(error, socket.gaierror | ssl.SSLCertVerificationError) and not _descriptors_left():
        return Shortage.DESCRIPTORS
    return found


async def _has_source_address(host: str, port: int) -> bool:
    """Whether this machine has an address to reach ``host`` from. UDP has ports of its own, and connecting sends nothing:
    that fails only where the address is what is missing."""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_LOOKUP):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        for family, _, _, _, address in found:
            with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect(address)
                return True
    except OSError:
        return False
    return False


def _descriptors_left() -> bool:
    with contextlib.ExitStack() as opened:
        try:
            for _ in range(_NEEDED):
                opened.callback(os.close, os.dup(0))
        except OSError as error:
            return shortage_of(error) is None
    return True
