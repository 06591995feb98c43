"""Whether a host is this machine, by its spelling and without a name service."""

import ipaddress


def is_loopback(address: str) -> bool:
    """Whether ``address`` is an IP address of the loopback network (RFC 1122 3.2.1.3, RFC 4291 2.5.3)."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


def names_loopback(host: str) -> bool:
    """Whether the value of a Host field, its port apart, is ``localhost`` or a loopback address.

    The request of a web page whose name was pointed at this machine (DNS rebinding) has that name and none of these.
    """
    if host.startswith("["):
        return is_loopback(host[1:].partition("]")[0])
    name = host.partition(":")[0]
    return name.lower() == "localhost" or is_loopback(name)
