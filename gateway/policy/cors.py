"""Which websites may use the service from a browser. YAML section ``cors``; the protocol is that of the Fetch standard.

An origin is admitted by exact comparison or, for ``https://*.example.app``, label by label: never by prefix or suffix.
"""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.grammar import TOKEN
from gateway.core.verdict import Refusal, Reply, refuse
from gateway.policy.base.settings import Duration, Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools

_TOKEN = re.compile(TOKEN).fullmatch
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"([a-z][a-z0-9+.-]{{0,30}})://((?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]{{2,45}}\])(?::([1-9][0-9]{{0,4}}))?"
).fullmatch
_LONGEST = 300  # characters: a scheme, a name of at most 253 (RFC 1035 section 2.3.4) and a port
_DEFAULT_PORTS = {"http": "80", "https": "443"}

# Visitors can invent subdomains, so the number of remembered ones is bounded.
_REMEMBERED = 4096

VARY = FieldLines.of([(b"vary", b"Origin")])


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
    if match is None or int(match[3] or 1) > 65535 or len(match[2]) > 253:
        return None
    if match[2].startswith("["):
        try:
            IPv6Address(match[2][1:-1])
        except ValueError:
            return None
    return Origin(match[1], match[2], match[3] or "")


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


def canonical_origin(text: str) -> str:
    """A configured origin in its canonical spelling. Raises ValueError with a sentence on what to write instead."""
    if text == "*":
        return text
    if text.lower() == "null":
        raise ValueError("null is what sandboxed pages and files send: anybody can, so it cannot be allowed")
    origin = parse_origin(_ascii_host(text))
    if origin is None:
        raise ValueError(
            "is not an origin: write scheme://host or scheme://host:port without a path, or https://*.host"
        )
    if origin.host.startswith("*.") and "." not in origin.host[2:]:
        raise ValueError("is too wide: a pattern needs a domain of its own under the *")
    if origin.host.startswith("*.") and origin.host.rpartition(".")[2].isdigit():
        raise ValueError("is not a pattern: an address has no subdomains")
    if origin.port == _DEFAULT_PORTS.get(origin.scheme):
        origin = origin._replace(port="")  # browsers leave it out
    return str(origin)


def split_lists(value: object) -> object:
    """Splits comma lists, so that one environment variable can hold several origins."""
    if not isinstance(value, list | tuple):
        return value
    parts: list[object] = []
    for item in value:
        if isinstance(item, str):
            parts += [part.strip() for part in item.split(",") if part.strip()]
        else:
            parts.append(item)
    return parts


def _method(text: str) -> str:
    if not _TOKEN(text) or text == "*" or text != text.upper():
        raise ValueError("is not a method: write it in capitals, such as POST")
    return text


def _header(text: str) -> str:
    if not _TOKEN(text) or text == "*":
        raise ValueError("is not a header name; a * is not possible, name the headers")
    return text.lower()


Headers = tuple[Annotated[str, AfterValidator(_header)], ...]


class Settings(Policy):
    """One entry of ``cors``. ``no_origin`` decides requests without Origin, such as native apps send."""

    origins: Annotated[tuple[Annotated[str, AfterValidator(canonical_origin)], ...], BeforeValidator(split_lists)]
    no_origin: Literal["allow", "refuse"] = "allow"
    methods: tuple[Annotated[str, AfterValidator(_method)], ...] = ("GET", "POST")
    request_headers: Headers = ("content-type", "authorization")
    expose_headers: Headers = ()
    credentials: bool = False
    max_age: Duration = 600.0

    @model_validator(mode="after")
    def _no_credentials_for_everybody(self) -> Settings:
        if "*" in self.origins and self.credentials:
            raise ValueError("credentials cannot be combined with the origin *: every website could act for the user")
        return self


class Cors(Stage):
    """Admits or refuses the Origin and responds to preflights; refuses with ``origin_refused``, ``preflight_refused``.

    ``allowed_methods`` are those a preflight may ask for.
    """

    __slots__ = (
        "_any",
        "_extra",
        "_fixed",
        "_headers",
        "_known",
        "_lines",
        "_no_origin",
        "_patterns",
        "_preflight",
        "allowed_methods",
    )

    def __init__(self, settings: Settings) -> None:
        self._any = "*" in settings.origins
        self._no_origin = settings.no_origin == "allow"
        self.allowed_methods = frozenset(settings.methods)
        self._headers = frozenset(name.encode() for name in settings.request_headers)
        extra: list[Pair] = []
        if settings.credentials:
            extra.append((b"access-control-allow-credentials", b"true"))
        if settings.expose_headers:
            extra.append((b"access-control-expose-headers", ", ".join(settings.expose_headers).encode()))
        self._extra = tuple(extra)
        preflight = [(b"access-control-allow-methods", ", ".join(settings.methods).encode())]
        if settings.request_headers:
            preflight.append((b"access-control-allow-headers", ", ".join(settings.request_headers).encode()))
        preflight.append((b"access-control-max-age", str(int(settings.max_age)).encode()))
        self._preflight = tuple(preflight)
        self._patterns = frozenset(
            Origin(scheme, host[2:], port)
            for scheme, host, port in filter(None, map(parse_origin, settings.origins))
            if host.startswith("*.")
        )
        self._fixed = {text: self._lines_for(text) for text in settings.origins if "*" not in text}
        self._lines = dict(self._fixed)
        self._known: dict[bytes, str] = {text.encode(): text for text in self._fixed}

    def on_request(self, exchange: Exchange) -> Refusal | Reply | None:
        fields = exchange.fields
        raw = fields.get(b"origin")
        if raw is None:
            return None if self._no_origin else refuse("origin_refused", "no Origin")
        origin = self._known.get(raw)
        if origin is None:
            origin = self._admit(raw)
            if not origin:
                exchange.origin = ""  # another policy of the same batch may have admitted it
                return refuse("origin_refused", ascii(raw[:100].decode("latin-1")))
        exchange.origin = origin
        if exchange.method == "OPTIONS":
            wanted = fields.get(b"access-control-request-method")
            if wanted is not None:
                return self._respond_to_preflight(wanted, fields.get(b"access-control-request-headers", b""))
        return None

    def on_response(self, exchange: Exchange) -> None:
        origin = exchange.origin
        if not origin:
            exchange.response_headers.append(VARY)
        elif len(exchange.calls) < 2 or not any(lines.vary for lines in exchange.response_headers):
            # (a batch may have several policies, but a browser treats a second allow-origin as a refusal)
            exchange.response_headers.append(self._lines.get(origin) or self._lines_for(origin))

    def _lines_for(self, origin: str) -> FieldLines:
        return FieldLines.of([(b"vary", b"Origin"), (b"access-control-allow-origin", origin.encode()), *self._extra])

    def _admit(self, raw: bytes) -> str:
        """The canonical spelling of an allowed origin, empty for any other."""
        origin = parse_origin(raw.decode("latin-1"))
        if origin is None or "*" in origin.host:
            return ""
        text = str(origin)
        if not (self._any or text in self._fixed or self._under_pattern(origin)):
            return ""
        if len(self._known) >= _REMEMBERED:
            self._known = {fixed.encode(): fixed for fixed in self._fixed}
            self._lines = dict(self._fixed)
        self._known[raw] = text
        self._lines[text] = self._lines_for(text)
        return text

    def _under_pattern(self, origin: Origin) -> bool:
        """Whether ``origin`` is one or more whole labels before the domain of a pattern."""
        host = origin.host
        while "." in host:
            host = host.partition(".")[2]
            if origin._replace(host=host) in self._patterns:
                return True
        return False

    def _respond_to_preflight(self, method: bytes, headers: bytes) -> Refusal | Reply:
        if method.decode("latin-1") not in self.allowed_methods:
            return refuse("preflight_refused", f"method {method[:40].decode('latin-1')!a}")
        for part in headers.lower().split(b","):
            name = part.strip(b" \t")
            if name and name not in self._headers:
                return refuse("preflight_refused", f"header {name[:100].decode('latin-1')!a}")
        return Reply(204, self._preflight)


def build(name: str, settings: Settings, tools: Tools) -> Cors:
    """The stage for the policy ``name``."""
    return Cors(settings)
