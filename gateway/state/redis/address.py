"""What ``state.redis`` may say: one strict reading of the address, before redis-py or anything else reads it.

A ``#``, ``/``, ``?`` or ``@`` in a password that is not URL-encoded ends the password there (RFC 3986 section 3.2.1): what is
left of it would be looked up as a host name, and stand in the log as one. So such an address is refused. No sentence
repeats any part of it.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

from gateway.core.grammar import HOST
from gateway.core.units import parse_duration

SCHEMES = ("redis", "rediss", "redis+sentinel", "redis+cluster")
FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Options that name files."""

ENCODE = "in a user name or password write # as %23, / as %2F, ? as %3F, @ as %40, [ as %5B, ] as %5D, % as %25, a blank as %20"

_ADDRESS = re.compile(r"(redis(?:s|\+sentinel|\+cluster)?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?", re.DOTALL)
_HOST = re.compile(rf"{HOST}(?::([0-9]{{1,5}}))?")
_MASTER = re.compile(r"/[^/]+(/[0-9]{1,9})?/?")  # behind the sentinels, with a database or none
_USER = re.compile(r"[^\s@\[\]\x00-\x1f\x7f]*")

_WHOLE, _SECONDS, _WORD = re.compile(r"[0-9]{1,9}"), re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?"), re.compile(r".+")
_OPTIONS = {
    "client_name": _WORD,
    "db": _WHOLE,
    "health_check_interval": _WHOLE,
    "max_connections": _WHOLE,
    "password": _WORD,
    "protocol": _WHOLE,
    "retry_on_timeout": _WORD,
    "sentinel_password": _WORD,
    "socket_connect_timeout": _SECONDS,
    "socket_keepalive": _WORD,
    "socket_timeout": _SECONDS,
    "ssl_ca_certs": _WORD,
    "ssl_ca_data": _WORD,
    "ssl_ca_path": _WORD,
    "ssl_cert_reqs": re.compile(r"none|optional|required"),
    "ssl_certfile": _WORD,
    "ssl_check_hostname": _WORD,
    "ssl_ciphers": _WORD,
    "ssl_keyfile": _WORD,
    "ssl_min_version": _WHOLE,
    "ssl_password": _WORD,
    "timeout": _SECONDS,
    "tls": re.compile(r"true|false"),
    "username": _WORD,
    "wait": _WORD,
}


def address_problem(url: str) -> tuple[str, str] | None:
    """What is wrong with ``url``, and a hint; None for an address that every part of the gateway reads alike."""
    match = _ADDRESS.fullmatch(url)
    if match is None or not match[2]:
        schemes = ", ".join(f"{scheme}://" for scheme in SCHEMES[:-1])
        return f"must start with {schemes} or {SCHEMES[-1]}:// and name a host", "such as redis://127.0.0.1:6379/0"
    scheme, authority, path, query, fragment = match.groups(default="")
    if fragment or "@" in path or _at_in(query) or authority.count("@") > 1:
        return "holds a character that ends the password before its end", ENCODE
    login, _, hosts = authority.rpartition("@")
    if not _USER.fullmatch(login):
        return "holds a character that no user name and no password may have as it is", ENCODE
    several = hosts.split(",") if scheme in SCHEMES[2:] else [hosts]
    for host in several:
        found = _HOST.fullmatch(host)
        if not found or not 1 <= int(found[1] or 1) <= 65535:
            return "has no host and port where one belongs", "behind the password write @host:6379; " + ENCODE
    try:
        urlsplit(url)
    except ValueError:  # letters that are others in their normal form
        return "holds a letter that cannot stand in an address", ENCODE
    return _path_problem(scheme, path) or _query_problem(query)


def _at_in(query: str) -> bool:
    """Whether an ``@`` is in anything but the value of an option that may have one."""
    pairs = (part.partition("=") for part in query.split("&"))
    return any(
        "@" in name or ("@" in value and not name.endswith("password") and name not in FILES)
        for name, _, value in pairs
    )


def _path_problem(scheme: str, path: str) -> tuple[str, str] | None:
    if scheme == "redis+sentinel" and not _MASTER.fullmatch(path):
        return "names no master behind the sentinels", "write redis+sentinel://host:26379/NAME/0"
    return None


def _query_problem(query: str) -> tuple[str, str] | None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        accepted = _OPTIONS.get(name)
        if accepted is None:
            return "has an option that is not known", f"known: {', '.join(_OPTIONS)}; {ENCODE}"
        if not accepted.fullmatch(value):
            return f"has a value of {name} that is not accepted", ""
        if name == "wait":
            try:
                parse_duration(value)
            except ValueError as error:
                return f"has a value of wait that {error}", ""
    return None


def files_of(url: str) -> dict[str, str]:
    """The files that the options of ``url`` name, by option."""
    return {name: value for name, value in parse_qsl(urlsplit(url).query) if name in FILES}


def file_passphrase(url: str) -> str:
    """The passphrase of ``ssl_keyfile`` that ``url`` says; empty where it says none."""
    return next((value for name, value in parse_qsl(urlsplit(url).query) if name == "ssl_password"), "")
