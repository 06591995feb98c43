"""Origins (RFC 6454, URL Standard): what browsers, extensions and the shells of apps send, and what never comes."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

# As resolvers take them and not only RFC 952: names with underscores exist. The whole label is compared, so none means more.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME = rf"(?:\*\.)?{_LABEL}(?:\.{_LABEL})*\.?"
_OPAQUE = "[a-z0-9._~-]{0,253}"  # app://. and file:// have no name, and extensions an identifier
_ORIGIN = re.compile(
    rf"([a-z][a-z0-9+.-]{{0,30}})://({_NAME}|\[[0-9a-f:.]{{2,45}}\]|{_OPAQUE})(?::([1-9][0-9]{{0,4}}))?"
).fullmatch
_LONGEST = 300  # characters: a scheme, a name of at most 253 (RFC 1035 section 2.3.4) and a port
_LONGEST_NAME = 253
_DEFAULT_PORTS = {"http": "80", "https": "443"}

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#@]*@)?([^/?#]*)[/?#]?.*", re.DOTALL).fullmatch
_NUMBER = re.compile("[0-9]+|0x[0-9a-f]*").fullmatch
# Of which browsers make an opaque origin (URL Standard 4.7): their pages send null.
_OPAQUE_SCHEMES = frozenset({"about", "blob", "data", "filesystem", "javascript", "view-source"})
_SOCKETS = {"ws": "http", "wss": "https"}

HOW = "write scheme://host or scheme://host:port without a path, or https://*.host"


class Origin(NamedTuple):
    """Scheme, host and port of an origin, lower case; the port is empty when it is the scheme's own."""

    scheme: str
    host: str
    port: str

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}" if self.port else f"{self.scheme}://{self.host}"


def parse_origin(text: str) -> Origin | None:
    """The origin that ``text`` spells (RFC 6454 section 6.2); None for ``null``, a list, a URL or anything else."""
    if len(text) > _LONGEST or not text.isascii():
        return None
    match = _ORIGIN(text.lower())
    if match is None or int(match[3] or 1) > 65535:
        return None
    scheme, host = match[1], match[2]
    if len(host.removesuffix(".")) > _LONGEST_NAME or (scheme in _DEFAULT_PORTS and not _is_host(host)):
        return None
    if host.startswith("[") and _address(host) is None:
        return None
    return Origin(scheme, host, match[3] or "")


_is_name = re.compile(_NAME).fullmatch


def _is_host(host: str) -> bool:
    """Whether the origin of a website may have ``host``, which other schemes need not name at all."""
    return host.startswith("[") or _is_name(host) is not None


def _address(host: str) -> IPv6Address | None:
    try:
        return IPv6Address(host[1:-1])
    except ValueError:
        return None


def canonical_origin(text: str) -> str:
    """A configured origin in the spelling that browsers send. Raises ValueError with a sentence on what to write instead."""
    if text == "*":
        return text
    if text.lower() == "null":
        raise ValueError("null is what sandboxed pages and files send: anybody can, so it cannot be allowed")
    scheme = text.partition(":")[0].lower()
    if scheme in _OPAQUE_SCHEMES:
        raise ValueError(f"is never sent: pages of {scheme}: send null, which cannot be allowed")
    origin = parse_origin(_ascii_host(text))
    if origin is None:
        raise ValueError(_misspelt(text))
    if origin.scheme in _SOCKETS:
        page = str(origin._replace(scheme=_SOCKETS[origin.scheme]))
        raise ValueError(f"is never sent: a WebSocket has the origin of its page, so write {page}")
    if origin.host.startswith("*."):
        _check_pattern(origin)
    elif origin.scheme in _DEFAULT_PORTS:
        origin = origin._replace(host=_as_sent(origin.host))
    if origin.port == _DEFAULT_PORTS.get(origin.scheme):
        origin = origin._replace(port="")  # browsers leave it out
    return str(origin)


def _check_pattern(origin: Origin) -> None:
    domain = origin.host[2:].removesuffix(".")
    if "." not in domain:
        raise ValueError("is too wide: a pattern needs a domain of its own under the *")
    if _NUMBER(domain.rpartition(".")[2]):
        raise ValueError("is not a pattern: an address has no subdomains")


def _as_sent(host: str) -> str:
    """The host of a website as browsers serialize it (URL Standard 3.5). Raises ValueError for one that they do not take."""
    if host.startswith("["):
        return f"[{_compressed(IPv6Address(host[1:-1]))}]"
    if _NUMBER(host.removesuffix(".").rpartition(".")[2]):
        try:
            IPv4Address(host)
        except ValueError:
            raise ValueError("is never sent: browsers write the host as an address of four numbers") from None
    return host


def _compressed(address: IPv6Address) -> str:
    """``address`` in the one spelling of the URL Standard, which has no dots for mapped addresses."""
    mapped = address.ipv4_mapped
    return f"::ffff:{int(mapped) >> 16:x}:{int(mapped) & 0xFFFF:x}" if mapped is not None else address.compressed


def _ascii_host(text: str) -> str:
    """``text`` with a name in another script converted to the xn-- form that browsers send."""
    if text.isascii():
        return text
    scheme, separator, rest = text.partition("://")
    wild = "*." if rest.startswith("*.") else ""
    host, colon, port = rest.removeprefix(wild).partition(":")
    try:
        encoded = host.encode("idna").decode("ascii")
        # By the rules that browsers follow now, some letters make another name (straße is not strasse): guess nothing.
        if encoded.encode("ascii").decode("idna") != host.lower():
            raise UnicodeError
    except UnicodeError:
        raise ValueError("has a host name that cannot be converted safely: write it in its xn-- form") from None
    return f"{scheme}{separator}{wild}{encoded}{colon}{port}"


def _misspelt(text: str) -> str:
    """A sentence on ``text``, which is no origin: with the origin of the address that it is, if it is one."""
    parts = _URL(text)
    if parts is None:
        return f"is not an origin: {HOW}"
    scheme, host = parts[1].lower(), parts[2]
    if "%" in host and host.startswith("["):
        return "is never sent: browsers know no zones of addresses"
    if host == "*" or host.endswith("-*"):
        return f"is not an origin, and a * stands for whole labels of a name only: {HOW}"
    meant = f"{scheme}://{host}"
    if text != meant and parse_origin(meant) is not None:
        return f"is not an origin but an address: write {meant}"
    return f"is not an origin: {HOW}"
