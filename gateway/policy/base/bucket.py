"""Which requests share a bucket of a limit: the words of ``key`` in YAML, and their bytes for a request."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

from gateway.core.exchange import Exchange
from gateway.core.grammar import TOKEN
from gateway.policy.base.inputs import value_at
from gateway.policy.base.pointer import input_key, parse_pointer

KEY_PATTERN = rf"^(address|network|principal|route|header:{TOKEN}|input:(/([^~/]|~[01])*)+)$"
_KEY = re.compile(KEY_PATTERN).fullmatch

REMEMBERED = 4096
"""Clients whose keys are remembered."""

LONGEST_PART = 64
"""Bytes of a client's text that are part of a key as they are."""

# RFC 6052 section 2.1: behind a translator, every IPv4 client has an address in this one /64.
_TRANSLATED = IPv6Network("64:ff9b::/96")


def _key(text: str) -> str:
    if text == "account":
        raise ValueError(
            "is not available in this version: count by the field that names the account, such as input:/email"
        )
    if not _KEY(text):
        raise ValueError(
            "is not a key: write address, network, principal, route, header:NAME or input:/POINTER (RFC 6901)"
        )
    return text.lower() if text.startswith("header:") else text


Key = Annotated[str, AfterValidator(_key), WithJsonSchema({"type": "string", "pattern": KEY_PATTERN})]


LENGTH_BYTES = 4
"""Bytes before each part of a combined key."""


def length_prefixed(value: bytes) -> bytes:
    """``value`` as a part of a combined key, which must have one reading: "ab" + "c" is not "a" + "bc"."""
    return len(value).to_bytes(LENGTH_BYTES, "big") + value


def condensed(value: bytes) -> bytes:
    """``value``, or its hash where it is long: stores remember the keys of thousands of clients."""
    return value if len(value) <= LONGEST_PART else b"#" + blake2b(value, digest_size=LONGEST_PART).digest()


@lru_cache(maxsize=REMEMBERED)
def address_key(text: str) -> bytes:
    """The key of one network client: its IPv4 address, or the /64 that an IPv6 client has to itself.

    IPv4 written as IPv6 (mapped, or translated by RFC 6052) is IPv4. Any other text is a key of its own.
    """
    return _shortened(text, 4, 8)


@lru_cache(maxsize=REMEMBERED)
def network_key(text: str) -> bytes:
    """The key of the network of a client: the /24 of its IPv4 address, or the /48 of its IPv6 address.

    No longer prefixes are announced between networks, and RFC 6177 lets one customer have a whole /48, which is 65,536
    keys of ``address_key``. Texts are read as ``address_key`` reads them.
    """
    return _shortened(text, 3, 6)


def _shortened(text: str, of_ipv4: int, of_ipv6: int) -> bytes:
    """The key of the first so many bytes of the address ``text``."""
    try:
        address: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
    except ValueError:
        return length_prefixed(b"?" + text.encode("utf-8", "surrogatepass"))
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        if mapped is None and address in _TRANSLATED:
            mapped = IPv4Address(address.packed[12:])
        if mapped is None:
            return length_prefixed(address.packed[:of_ipv6])
        address = mapped
    return length_prefixed(address.packed[:of_ipv4])


@lru_cache(maxsize=REMEMBERED)
def principal_key(principal: str, client: str) -> bytes:
    """The key of a principal, or of the client's address without one; the two never share a bucket."""
    return (
        length_prefixed(b"p" + principal.encode("utf-8", "surrogatepass")) if principal else b"a" + address_key(client)
    )


KeyPart = Callable[[Exchange, str, object], bytes]
"""From an exchange, a route's name and an input to one part of a bucket's key. Raises ValueError where the input holds nothing
that may share a count."""


def key_part(key: str) -> KeyPart:
    """The function for one word of ``key``."""
    kind, _, name = key.partition(":")
    if kind == "address":
        return lambda exchange, route, value: address_key(exchange.client)
    if kind == "network":
        return lambda exchange, route, value: network_key(exchange.client)
    if kind == "principal":
        return lambda exchange, route, value: principal_key(exchange.principal, exchange.client)
    if kind == "route":
        return lambda exchange, route, value: length_prefixed(route.encode())
    if kind == "header":
        field = name.encode()
        return lambda exchange, route, value: length_prefixed(condensed(exchange.fields.get(field, b"")))
    pointer = parse_pointer(name)
    return lambda exchange, route, value: length_prefixed(condensed(input_key(value_at(exchange, value, pointer))))
