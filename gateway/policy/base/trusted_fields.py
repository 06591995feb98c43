"""What the forwarding fields of trusted proxies say of a client: its address, and the scheme, host and port that it asked for.

Each proxy adds to the right of what it got, so only what stands right of the first stranger was written by proxies. It is
read from there, and what is further left is not believed.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, WithJsonSchema

from gateway.core.forwarded import elements
from gateway.core.grammar import HOST
from gateway.policy.base.proxies import UNKNOWN, Address, TrustedProxies, parse_address

ForwardingField = Literal["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "forwarded"]

ANY_FIELDS: tuple[ForwardingField, ...] = (
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "forwarded",
)
"""All that is read. Where both kinds are there they have to agree, since a proxy that writes one of them lets a client's own
other one pass."""

_WORDS = {"any": ANY_FIELDS, "x-forwarded": ANY_FIELDS[:4], "forwarded": ANY_FIELDS[4:]}


def _named_fields(value: object) -> object:
    """The fields that a word stands for; of a list, each in lower case. Raises ValueError for no fields."""
    if isinstance(value, str):
        word = value.lower()
        if word not in _WORDS and word not in ANY_FIELDS:
            raise ValueError("must be any, x-forwarded or forwarded, or a list of some of " + ", ".join(ANY_FIELDS))
        return _WORDS.get(word, (word,))
    if value == []:
        raise ValueError("must have at least one entry")
    return [item.lower() if isinstance(item, str) else item for item in value] if isinstance(value, list) else value


TrustedFields = Annotated[
    tuple[ForwardingField, ...],
    BeforeValidator(_named_fields),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [*_WORDS]},
                {"type": "array", "items": {"type": "string", "enum": [*ANY_FIELDS]}, "minItems": 1},
            ]
        }
    ),
]
"""Which fields the trusted proxies write: the word for a kind, or a list of names."""

# No honest chain of trusted proxies is longer; without a bound a header of 16 KiB costs thousands of parses.
MAX_HOPS = 32

# 1.2.3.4:55, [::1] and [::1]:4 are what proxies write when they add the port.
_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::([0-9]{1,5}))?").fullmatch
# Instead of an address or a port (RFC 7239 section 6.3). It names nobody whom a limit could count.
_HIDDEN = re.compile(r"(?:unknown|_[A-Za-z0-9._-]+)(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?", re.IGNORECASE).fullmatch
_HIDDEN_PORT = re.compile(r":_[A-Za-z0-9._-]+\Z")
_PROTO = re.compile(r"https?|wss?").fullmatch
_HOST = re.compile(rf"{HOST}(?::[0-9]{{1,5}})?").fullmatch
_PORT = re.compile(r"[1-9][0-9]{0,4}").fullmatch


class Forwarding(NamedTuple):
    """What fields of one kind state of the client and of what it asked for; "" for what they do not."""

    client: str = ""
    proto: str = ""
    host: str = ""
    port: str = ""


def entry(text: str) -> Address | None:
    """The address in one element, with or without a port; None for anything else."""
    match = _WITH_PORT(text)
    if match is None:
        return parse_address(text) if text.count(":") > 1 else None
    if int(match[3] or 0) > 65535:
        return None
    if match[1] is None:
        return parse_address(match[2])
    address = parse_address(match[1])
    # brackets are for IPv6 only (RFC 3986 section 3.2.2); no honest proxy writes "[1.2.3.4]"
    return address if ":" in match[1] else None


def read_x_forwarded(proxies: TrustedProxies, client: str, proto: str, host: str, port: str) -> Forwarding:
    """What the fields ``X-Forwarded-*`` of these values say. Raises ValueError, whose sentence quotes nothing.

    The client is the first address from the right that is no trusted proxy, the leftmost one when all are. A proxy adds to
    all of these fields or writes its own; so of a list of schemes, that at the client's place counts, or the leftmost.
    """
    found, hops = "", 0
    rest, more = client, bool(client)
    while more:
        hops += 1
        if hops > MAX_HOPS:
            raise ValueError(f"more than {MAX_HOPS} trusted hops")
        rest, separator, text = rest.rpartition(",")
        more = bool(separator)
        address = entry(text.strip(" \t"))
        if address is None:
            raise ValueError(f"hop {hops} from the right is not an address")
        found = str(address)
        if not proxies.trusts(address):
            break
    at = hops or 1
    return Forwarding(found, _scheme(_at(proto, at)), _named(_at(host, at)), _numbered(_at(port, at)))


def read_forwarded(proxies: TrustedProxies, value: str) -> Forwarding:
    """What the field Forwarded of that value says, by the same rules. Raises ValueError, whose sentence quotes nothing."""
    found = elements(value)
    client = ""
    at: dict[str, str] = {}
    for hops, at in enumerate(reversed(found), 1):
        if hops > MAX_HOPS:
            raise ValueError(f"more than {MAX_HOPS} trusted hops")
        if "for" not in at:  # who came is not said, and neither is what came before
            break
        node = at["for"]
        if _HIDDEN(node):
            client = UNKNOWN
            break
        address = entry(_HIDDEN_PORT.sub("", node))
        if address is None or (address.version == 6 and node[0] != "["):  # RFC 7239 section 6
            raise ValueError(f"element {hops} from the right is for no node")
        client = str(address)
        if not proxies.trusts(address):
            break
    return Forwarding(client, _scheme(at.get("proto")), _named(at.get("host")))


def agreed(one: Forwarding, other: Forwarding) -> Forwarding:
    """What both say, where they do not contradict each other. Raises ValueError where they do."""
    for name, left, right in zip(Forwarding._fields, one, other, strict=True):
        if left and right and left.lower() != right.lower():
            raise ValueError(f"Forwarded and X-Forwarded contradict each other in {name}")
    return Forwarding(*(left or right for left, right in zip(one, other, strict=True)))


def _at(values: str, hops: int) -> str | None:
    """The value at that place from the right, or the leftmost; None for an empty field."""
    if not values.strip(" \t"):
        return None
    parts = values.rsplit(",", hops)[-hops:]
    return parts[0].strip(" \t")


def _scheme(text: str | None) -> str:
    if text is None:
        return ""
    proto = text.lower()
    if not _PROTO(proto):
        raise ValueError("the scheme is none of http, https, ws and wss")
    return proto


def _named(text: str | None) -> str:
    if text is None:
        return ""
    if not _HOST(text):
        raise ValueError("the host is not a name or an address")
    return text


def _numbered(text: str | None) -> str:
    if text is None:
        return ""
    if not _PORT(text) or int(text) > 65535:
        raise ValueError("the port is not a number")
    return text
