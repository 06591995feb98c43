"""How much a request may carry, and of what kind: content, its media type and coding, the query. YAML section ``bodies``."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from gateway.core.changed_head import take_out
from gateway.core.exchange import Exchange, RequestContent
from gateway.core.grammar import TOKEN
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.coding import IDENTITY, NOT_CODED, coding_of
from gateway.policy.base.inflated import CODINGS, DEFLATE, GZIP, OF_THE_CODED, InflatedContent
from gateway.policy.base.order import (
    Danger,
    Effect,
    Of,
    Orders,
    by_entries,
    larger_set_is_looser,
    more_is_looser,
    nested,
    optional,
    smaller_set_is_looser,
)
from gateway.policy.base.settings import Advice, ByteSize, Model, Policy, whole
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.base.written import size

SECTION = "bodies"

_CONFIGURED = re.compile(f"{TOKEN}/{TOKEN}").fullmatch
_MEDIA_TYPE = re.compile(f"{TOKEN}/{TOKEN}".encode()).fullmatch
# Parameters with no comma outside of quoted strings, each of which ends (RFC 9110 section 5.6.4). Each byte can be matched in
# one way only: a search for quoted strings took 0.4 s for 15 KB of one that never ends.
_WITHOUT_COMMA = re.compile(rb'[^",]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*"[^",]*+)*', re.DOTALL).fullmatch


def _media_type(text: str) -> str:
    if not _CONFIGURED(text) or text.startswith("*") or "*" in text.removesuffix("/*"):
        raise ValueError("is not a media type: write one such as application/json or audio/*, without parameters")
    return text.lower()


def _coding(value: object) -> str:
    if value not in (GZIP, DEFLATE):
        raise Advice("is no coding that is inflated here", "write gzip or deflate: others are refused")
    return str(value)


def _cover(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether a list of media types lets all pass that another one does. An empty one lets all pass."""
    if not wide or not narrow:
        return not wide
    return all(name in wide or f"{name.partition('/')[0]}/*" in wide for name in narrow)


Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class Inflate(Model):
    """Bodies that are compressed: they are inflated for the policies that look inside, and for the upstream."""

    codings: Annotated[
        tuple[
            Annotated[str, PlainValidator(_coding), WithJsonSchema({"type": "string", "enum": [GZIP, DEFLATE]})], ...
        ],
        Field(min_length=1),
    ] = (GZIP, DEFLATE)
    """The codings that a body may have."""
    ratio: Annotated[int, Field(ge=1, le=1032), BeforeValidator(whole)] = 20
    """Bytes that may come of each byte, at most; the first 8 KiB do not count. Deflate makes 1032 of one at most."""

    ORDERS: ClassVar[Orders] = {
        "codings": larger_set_is_looser(
            Danger.LOAD, "Bodies of one more coding are inflated.", "Bodies of fewer codings are inflated."
        ),
        "ratio": more_is_looser(
            Danger.LOAD, "A small body may become a larger one.", "A body may become less large when it is inflated."
        ),
    }


class Query(Model):
    """Bounds of the query, in which a GET of tRPC has its input."""

    max: ByteSize | None = None
    """Bytes, as it goes to the upstream."""
    parameters: Annotated[int, Field(ge=0), BeforeValidator(whole)] | None = None
    """How many ``&`` and ``;`` separate, at most."""

    ORDERS: ClassVar[Orders] = {
        "max": more_is_looser(Danger.LOAD, "Longer queries pass.", "Longer queries are refused.", size),
        "parameters": more_is_looser(
            Danger.LOAD, "Queries of more parameters pass.", "Queries of more parameters are refused."
        ),
    }


class Settings(Policy):
    """One entry of ``bodies``. Without ``max`` a body may be of any length, without ``types`` of any media type."""

    max: ByteSize | None = None
    """Bytes of the body, compressed and inflated."""
    types: tuple[Annotated[str, AfterValidator(_media_type)], ...] = ()
    """The media types that a body may have, such as ``application/json`` or ``image/*``; any unless written."""
    inflate: Inflate | None = None
    """Without it a compressed body is refused."""
    without_content: tuple[Method, ...] = ()
    """Methods whose requests have no body: one that has is refused."""
    query: Query | None = None
    """Bounds of the query; none unless written."""

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        found = {"media_type_refused"}
        if self.max is not None:
            found.add("body_too_large")
        if self.query is not None and (self.query.max is not None or self.query.parameters is not None):
            found.add("target_too_long")
        if self.without_content or self.inflate is not None:
            found.add("body_malformed")
        return frozenset(found)

    ORDERS: ClassVar[Orders] = {
        "max": more_is_looser(
            Danger.LOAD,
            "Bodies of up to {after} may now be sent; before, {before} was the most.",
            "Bodies of more than {after} are refused now; before, {before} was the most.",
            size,
        ),
        "types": by_entries(
            _cover,
            Danger.CHECK,
            "Bodies of more media types pass, which the policies that look inside may not read.",
            "Bodies of fewer media types pass.",
        ),
        "inflate": optional(
            Effect.TIGHTENS,
            Danger.LOAD,
            "Compressed bodies pass, and are inflated.",
            "Compressed bodies are refused.",
            nested,
        ),
        "without_content": smaller_set_is_looser(
            Danger.CHECK,
            "Requests of a method that has no body pass with one, which some take for the next request.",
            "Requests of one more method are refused when they have a body.",
        ),
        "query": Of(lambda body: body.query or Query(), nested),
    }

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.inflate is not None and self.max is None:
            raise ValueError("has inflate without max, so that a small body may become one of any length: give max")
        return self


class Body(Stage):
    """Checks what the head says of a body, and sets the limit for its reader; the body itself is not read here.

    May refuse with ``body_too_large`` and ``media_type_refused``; the reader refuses a body that exceeds the limit on
    the way, and one that cannot be inflated (``body_malformed``). A body is bytes: one in chunks, of which none has arrived,
    is waited for before its type is refused.
    """

    __slots__ = ("_accept", "_any", "_decoded", "_families", "_inflate", "_limit", "_most", "_types")

    def __init__(self, settings: Settings) -> None:
        self._most = math.inf if settings.max is None else settings.max
        self._limit = None if settings.mode == "report" else settings.max
        self._types = frozenset(name.encode() for name in settings.types if not name.endswith("/*"))
        self._families = frozenset(name[:-1].encode() for name in settings.types if name.endswith("/*"))
        self._any = not settings.types
        self._accept = ((b"accept", ", ".join(settings.types).encode()),)
        inflate = settings.inflate
        self._inflate = inflate
        self._decoded = ((b"accept-encoding", ", ".join(inflate.codings).encode()),) if inflate else NOT_CODED

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        stream = exchange.stream
        if stream is None:
            return None
        fields = exchange.fields
        length = stream.length
        if length is None:
            coded = isinstance(stream, InflatedContent) and not self._inflates(stream)
        elif length > self._most:
            # the rest is on its way and is not read, so the connection cannot be used again
            return refuse("body_too_large", f"{length} bytes declared, at most {self._most}", close=True)
        else:
            coded = False
        limit = self._limit
        if limit is not None and (stream.limit is None or limit < stream.limit):
            stream.limit = limit  # several policies of one batch: the smallest limit counts
        sent = fields.get(b"content-type")
        if coded or (b"content-encoding" in fields and not self._decodes(exchange, stream)):
            # The backend would read another body than the one that is measured and checked here.
            refusal = refuse("media_type_refused", "a coded body", headers=self._decoded)
        elif self._any or sent in self._types or (sent is not None and self._admits(sent)):
            return None
        else:
            refusal = refuse("media_type_refused", _shown(sent), headers=self._accept)  # RFC 9110 15.5.16
        return self._unless_empty(exchange, stream, refusal)

    def _inflates(self, stream: InflatedContent) -> bool:
        """Whether this policy too inflates what another policy of the batch has begun to."""
        inflate = self._inflate
        if inflate is None or stream.coding not in inflate.codings:
            return False
        stream.ratio = min(stream.ratio, inflate.ratio)
        return True

    def _decodes(self, exchange: Exchange, stream: RequestContent) -> bool:
        """Whether the body goes on without a coding; from here on, where it has one that is inflated."""
        named = coding_of(exchange.fields)
        if named == IDENTITY:
            return True
        coding, inflate = CODINGS.get(named), self._inflate
        if inflate is None or coding not in inflate.codings:
            return False
        exchange.stream = InflatedContent(stream, coding, int(self._most), inflate.ratio)
        take_out(exchange, OF_THE_CODED)
        return True

    def _unless_empty(
        self, exchange: Exchange, stream: RequestContent, refusal: Refusal
    ) -> Refusal | Awaitable[Refusal | None]:
        """``refusal``, for a body that has bytes."""
        # only what has content may expect 100 (RFC 9110 10.1.1)
        if stream.length is None and b"expect" not in exchange.fields:
            return self._refuse_content(exchange, stream, refusal)
        return refusal

    @staticmethod
    async def _refuse_content(exchange: Exchange, stream: RequestContent, refusal: Refusal) -> Refusal | None:
        """``refusal``, unless the chunks turn out to hold nothing."""
        late = await stream.gather(1)
        if late is not None:
            return late
        content = stream.whole() if stream.complete else None
        if content == b"":
            exchange.stream = None
            return None
        if isinstance(content, Refusal):
            return content
        stream.put_back(content or b"")  # a request that is only reported goes on with it
        return refusal

    def _admits(self, sent: bytes) -> bool:
        """Whether ``sent`` is one media type (RFC 9110 section 8.3.1) that is on the list; parameters do not count."""
        base, _, parameters = sent.partition(b";")
        base = base.strip(b" \t").lower()
        if b"," in parameters and _WITHOUT_COMMA(parameters) is None:
            return False  # two fields in one: the backend may go by the other
        if base in self._types:
            return True
        return base[: base.find(b"/") + 1] in self._families and _MEDIA_TYPE(base) is not None


def _shown(sent: bytes | None) -> str:
    return "no content-type" if sent is None else ascii(sent[:100].decode("latin-1"))


class BoundedBody(Body):
    """Checks the query too, and refuses content beside a method that has none.

    May also refuse with ``target_too_long`` and ``body_malformed``. Of its own, so that other policies do not pay for it.
    """

    __slots__ = ("_longest_query", "_parameters", "_without_content")

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        query = settings.query or Query()
        self._longest_query = math.inf if query.max is None else query.max
        self._parameters = math.inf if query.parameters is None else query.parameters
        self._without_content = frozenset(settings.without_content)

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        query = exchange.query
        if query:
            if len(query) > self._longest_query:
                return refuse("target_too_long", f"{len(query)} bytes of query, at most {self._longest_query}")
            count = query.count("&") + query.count(";") + 1
            if count > self._parameters:
                return refuse("target_too_long", f"{count} parameters, at most {self._parameters}")
        stream = exchange.stream
        if stream is not None and exchange.method in self._without_content:
            # RFC 9110 9.3.1: it has no defined meaning, and some take it for the next request
            refusal = refuse("body_malformed", f"{exchange.method} with content", close=True)
            return self._unless_empty(exchange, stream, refusal)
        return super().on_request(exchange)


def build(name: str, settings: Settings, tools: Tools) -> Body:
    """The stage for the policy ``name``."""
    return BoundedBody(settings) if settings.query or settings.without_content else Body(settings)
