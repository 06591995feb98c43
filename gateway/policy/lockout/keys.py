"""The keys under which a lockout counts attempts: of an account, an address, and an account from one address or network."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address

from gateway.policy.base.bucket import address_key, length_prefixed, network_key
from gateway.policy.base.pointer import account_key

_LONGEST_NAME = 45  # characters, those of the longest IPv6 address


def address_name(client: str) -> str:
    """The address as operators see it and as it is counted: IPv4 as it is, IPv6 by its /64 (``policy.base.bucket``)."""
    octets = address_key(client)[4:]
    try:
        ip_address(client.partition("%")[0])
    except ValueError:
        return client[:_LONGEST_NAME]
    return str(ip_address(octets) if len(octets) == 4 else IPv6Network((octets + bytes(8), 64)))


def account_lock_key(lockout: str, account: object) -> bytes:
    """The key of ``account``, one for all its spellings. Raises ValueError for what names none (``policy.base.pointer``)."""
    return length_prefixed(lockout.encode()) + account_key(account)


def address_lock_key(lockout: str, client: str) -> bytes:
    """The key of the address of ``client``."""
    return lockout.encode() + b"\0" + address_name(client).encode("utf-8", "surrogatepass")


def pair_lock_key(lockout: str, account: object, client: str) -> bytes:
    """The key of ``account`` as it is tried from the address of ``client``. Raises as ``account_lock_key``."""
    return length_prefixed(address_lock_key(lockout, client)) + account_lock_key(lockout, account)


def network_lock_key(lockout: str, account: object, client: str) -> bytes:
    """The key of ``account`` as it is tried from the network of ``client``. Raises as ``account_lock_key``."""
    return length_prefixed(lockout.encode() + b"\0" + network_key(client)) + account_lock_key(lockout, account)
