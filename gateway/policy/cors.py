"""Which websites may use the service from a browser. YAML section ``cors``; the protocol is that of the Fetch standard.

An origin is admitted by exact comparison or, for ``https://*.example.app``, label by label: never by prefix or suffix.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, model_validator

from gateway.core.exchange import Exchange
from gateway.core.field_lines import FieldLines
from gateway.core.fields import Pair
from gateway.core.grammar import TOKEN
from gateway.core.origin import Origin, canonical_origin, parse_origin
from gateway.core.verdict import Refusal, Reply, refuse
from gateway.policy.base.order import (
    Danger,
    Of,
    Orders,
    larger_set_is_looser,
    later_is_looser,
    more_is_looser,
    on_is_looser,
)
from gateway.policy.base.origins import origins_order
from gateway.policy.base.settings import Duration, Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.base.written import duration

_TOKEN = re.compile(TOKEN).fullmatch
# Visitors can invent subdomains, so the number of remembered ones is bounded.
_REMEMBERED = 4096

VARY = FieldLines.of([(b"vary", b"Origin")])

NO_PERMISSION = Reply(204)
"""The response to a preflight that asks for what is not allowed, of which the browser says so in words."""

# What a browser says of requests of the same page's origin, and of those that no page makes: an address typed in.
_OWN = frozenset((b"same-origin", b"none"))
_PAGE = re.compile(rb"https?://[^/?#]{1,300}", re.IGNORECASE).match


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
    """One entry of ``cors``.

    ``no_origin`` decides requests without Origin, such as native apps send; ``cross_site`` those of them that a browser says
    are of another website's page. ``preflight``: what a browser gets that asks for what is not allowed.
    """

    origins: Annotated[tuple[Annotated[str, AfterValidator(canonical_origin)], ...], BeforeValidator(split_lists)]
    """The websites that may call: ``https://app.example``, ``https://*.app.example`` for names below it, or ``*`` for all."""
    no_origin: Literal["allow", "refuse"] = "allow"
    """Requests without Origin, such as native apps send."""
    cross_site: Literal["refuse", "navigate", "allow"] = "refuse"
    """``navigate`` lets links of other websites open pages; images, frames and scripts stay refused."""
    preflight: Literal["silent", "refuse"] = "silent"
    """``silent``: a 204 without the permission, of which browsers say what is missing; ``refuse``: a 403."""
    methods: tuple[Annotated[str, AfterValidator(_method)], ...] = ("GET", "POST")
    """The methods that a page may use."""
    request_headers: Headers = ("content-type", "authorization")
    """The header fields that a page may send."""
    expose_headers: Headers = ()
    """The header fields of a response that a page may read."""
    credentials: bool = False
    """Whether browsers send cookies and let pages read what comes of it."""
    max_age: Duration = 600.0
    """How long a browser remembers what a preflight was answered."""

    ORDERS: ClassVar[Orders] = {
        "origins": Of(lambda cors: (cors.origins, cors.credentials), origins_order),
        "no_origin": later_is_looser(
            ("refuse", "allow"),
            Danger.CHECK,
            "Requests without Origin pass, such as those of scripts and native apps.",
            "Requests without Origin are refused.",
        ),
        "cross_site": later_is_looser(
            ("refuse", "navigate", "allow"),
            Danger.CHECK,
            "Pages of other websites may send their visitors' browsers here without an Origin.",
            "Fewer requests from pages of other websites pass.",
        ),
        "preflight": later_is_looser(
            ("refuse", "silent"),
            Danger.NOTE,
            "A preflight for what is not allowed gets 204 without the permission; browsers still hold the request back.",
            "A preflight for what is not allowed gets 403.",
        ),
        "methods": larger_set_is_looser(
            Danger.CHECK, "Browsers may send more methods from other origins.", "Browsers may send fewer methods."
        ),
        "request_headers": larger_set_is_looser(
            Danger.LEAK, "Pages may send more header fields.", "Pages may send fewer header fields."
        ),
        "expose_headers": larger_set_is_looser(
            Danger.LEAK, "Pages can read more fields of responses.", "Pages can read fewer fields of responses."
        ),
        "credentials": on_is_looser(
            Danger.OPEN,
            "Pages of the allowed origins act with their visitors' cookies.",
            "Browsers send no cookies along.",
        ),
        "max_age": more_is_looser(
            Danger.NOTE,
            "Browsers go on for longer with a permission that is taken back.",
            "Browsers ask again sooner.",
            duration,
        ),
    }

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        found = {"preflight_refused"}
        if self.no_origin == "refuse" or "*" not in self.origins:
            found.add("origin_refused")
        if self.cross_site != "allow":
            found.add("cross_site_refused")
        return frozenset(found)

    @model_validator(mode="after")
    def _no_credentials_for_everybody(self) -> Settings:
        if "*" in self.origins and self.credentials:
            raise ValueError("credentials cannot be combined with the origin *: every website could act for the user")
        return self


class Cors(Stage):
    """Admits or refuses the Origin and responds to preflights; refuses with ``origin_refused``, ``cross_site_refused`` and
    ``preflight_refused``.

    ``allowed_methods`` are those a preflight may ask for.
    """

    __slots__ = (
        "_any",
        "_cross_site",
        "_extra",
        "_fixed",
        "_headers",
        "_known",
        "_lines",
        "_no_origin",
        "_patterns",
        "_preflight",
        "_silent",
        "allowed_methods",
    )

    def __init__(self, settings: Settings) -> None:
        self._any = "*" in settings.origins
        self._no_origin = settings.no_origin == "allow"
        self._cross_site = "allow" if self._any else settings.cross_site
        self._silent = settings.preflight == "silent"
        self.allowed_methods = frozenset(settings.methods)
        self._headers = tuple(name.encode() for name in settings.request_headers)
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
            if not self._no_origin:
                return refuse("origin_refused", "no Origin")
            site = fields.get(b"sec-fetch-site")
            return None if site is None or site in _OWN else self._of_other_page(exchange, site)
        wanted = fields.get(b"access-control-request-method") if exchange.method == "OPTIONS" else None
        origin = self._known.get(raw) or self._admit(raw)
        exchange.origin = origin  # or none: another policy of the same batch may have admitted it
        if not origin:
            reply = NO_PERMISSION if wanted is not None and self._silent else None
            return refuse("origin_refused", ascii(raw[:100].decode("latin-1")), reply=reply)
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
        """An allowed origin as it was sent, for browsers compare letter by letter; empty for any other."""
        text = raw.decode("latin-1")
        origin = parse_origin(text)
        if origin is None or "*" in origin.host:
            return ""
        if not (self._any or str(origin) in self._fixed or self._under_pattern(origin)):
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

    def _of_other_page(self, exchange: Exchange, site: bytes) -> Refusal | None:
        """Decide a request without Origin of which the browser says that another origin's page makes it: an image, a frame, a
        script, a form, a link (Fetch Metadata, W3C).

        The browser also says in Referer which page it is, unless that page keeps it back, and no page can say another's. A
        page of the same site that keeps it back passes: most of these are the app's own, by a Referrer-Policy of no-referrer.
        """
        fields = exchange.fields
        if self._cross_site == "allow" or (site == b"same-site" and b"referer" not in fields):
            return None
        page = _PAGE(fields.get(b"referer", b""))
        if page is not None and (page[0] in self._known or self._admit(page[0])):
            return None
        mode, destination = fields.get(b"sec-fetch-mode"), fields.get(b"sec-fetch-dest")
        if self._cross_site == "navigate" and mode == b"navigate" and destination == b"document":
            return None
        what = ascii(b" ".join([site, mode or b"-", destination or b"-"])[:100].decode("latin-1"))
        return refuse("cross_site_refused", what)

    def _respond_to_preflight(self, method: bytes, headers: bytes) -> Refusal | Reply:
        if method.decode("latin-1") not in self.allowed_methods:
            reply = NO_PERMISSION if self._silent else None
            return refuse("preflight_refused", f"method {method[:40].decode('latin-1')!a}", reply=reply)
        asked = [name for part in headers.lower().split(b",") if (name := part.strip(b" \t"))]
        for name in asked:
            if name not in self._headers:
                reply = self._less_than(method, frozenset(asked)) if self._silent else None
                return refuse("preflight_refused", f"header {name[:100].decode('latin-1')!a}", reply=reply)
        return Reply(204, self._preflight)

    def _less_than(self, method: bytes, headers: frozenset[bytes]) -> Reply:
        """The allowed part of what was asked for and not more: the browser says then which header is missing."""
        allowed = [name for name in self._headers if name in headers]
        pairs = [(b"access-control-allow-methods", method)]
        if allowed:
            pairs.append((b"access-control-allow-headers", b", ".join(allowed)))
        return Reply(204, tuple(pairs))


def build(name: str, settings: Settings, tools: Tools) -> Cors:
    """The stage for the policy ``name``."""
    return Cors(settings)
