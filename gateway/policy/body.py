"""Which bodies may pass: their length and their media types. YAML section ``bodies``."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Annotated

from pydantic import AfterValidator

from gateway.core.exchange import Exchange, RequestContent
from gateway.core.grammar import TOKEN
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.inputs import NOT_CODED
from gateway.policy.base.settings import ByteSize, Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools

_CONFIGURED = re.compile(f"{TOKEN}/{TOKEN}").fullmatch
_MEDIA_TYPE = re.compile(f"{TOKEN}/{TOKEN}".encode()).fullmatch
# Parameters with no comma outside of quoted strings, each of which ends (RFC 9110 section 5.6.4). Each byte can be matched in
# one way only: a search for quoted strings took 0.4 s for 15 KB of one that never ends.
_WITHOUT_COMMA = re.compile(rb'[^",]*+(?:"[^"\\]*+(?:\\.[^"\\]*+)*"[^",]*+)*', re.DOTALL).fullmatch


def _media_type(text: str) -> str:
    if not _CONFIGURED(text) or text.startswith("*") or "*" in text.removesuffix("/*"):
        raise ValueError("is not a media type: write one such as application/json or audio/*, without parameters")
    return text.lower()


class Settings(Policy):
    """One entry of ``bodies``. Without ``max`` a body may be of any length, without ``types`` of any media type."""

    max: ByteSize | None = None
    types: tuple[Annotated[str, AfterValidator(_media_type)], ...] = ()


class Body(Stage):
    """Checks what the head says of a body, and sets the limit for its reader; the body itself is not read here.

    May refuse with ``body_too_large`` and ``media_type_refused``; the reader refuses a body that exceeds the limit on
    the way. A body is bytes: one in chunks, of which none has arrived, is waited for before its type is refused.
    """

    __slots__ = ("_accept", "_any", "_families", "_max", "_reports", "_types")

    def __init__(self, settings: Settings) -> None:
        self._max = settings.max
        self._types = frozenset(name.encode() for name in settings.types if not name.endswith("/*"))
        self._families = frozenset(name[:-1].encode() for name in settings.types if name.endswith("/*"))
        self._any = not settings.types
        self._reports = settings.mode == "report"
        self._accept = ((b"accept", ", ".join(settings.types).encode()),)

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        stream = exchange.stream
        if stream is None:
            return None
        fields = exchange.fields
        limit = self._max
        if limit is not None:
            length = stream.length
            if length is not None and length > limit:
                # the rest is on its way and is not read, so the connection cannot be used again
                return refuse("body_too_large", f"{length} bytes declared, at most {limit}", close=True)
            if not self._reports and (stream.limit is None or limit < stream.limit):
                stream.limit = limit  # several policies of one batch: the smallest limit counts
        sent = fields.get(b"content-type")
        if b"content-encoding" in fields and fields[b"content-encoding"].strip(b" \t").lower() != b"identity":
            # The backend would read another body than the one that is measured and checked here.
            refusal = refuse("media_type_refused", "a coded body", headers=NOT_CODED)
        elif self._any or sent in self._types or (sent is not None and self._admits(sent)):
            return None
        else:
            refusal = refuse("media_type_refused", _shown(sent), headers=self._accept)  # RFC 9110 15.5.16
        if stream.length is None and b"expect" not in fields:  # only what has content may expect 100 (RFC 9110 10.1.1)
            return self._refuse_content(exchange, stream, refusal)
        return refusal

    @staticmethod
    async def _refuse_content(exchange: Exchange, stream: RequestContent, refusal: Refusal) -> Refusal | None:
        """``refusal``, unless the chunks turn out to hold nothing."""
        late = await stream.gather(1)
        if late is not None:
            return late
        content = stream.whole() if stream.complete else None
        if content != b"":
            return content if isinstance(content, Refusal) else refusal
        exchange.stream = None
        return None

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


class Buffer(Stage):
    """Reads the whole body into ``exchange.body``, for the stages after it that look inside.

    May refuse with the reader's ``body_too_large`` and ``body_timeout``.
    """

    __slots__ = ()

    async def on_request(self, exchange: Exchange) -> Refusal | None:
        if exchange.stream is None or exchange.body is not None:
            return None
        data: bytes | Refusal = await exchange.stream.read_all()
        if isinstance(data, Refusal):
            return data
        exchange.body = data
        return None


class BufferWithoutForms(Buffer):
    """The same behind a stage that judges forms while they are read: those stay unread."""

    __slots__ = ()

    async def on_request(self, exchange: Exchange) -> Refusal | None:
        return None if hasattr(exchange, "form") else await super().on_request(exchange)


def build(name: str, settings: Settings, tools: Tools) -> Body:
    """The stage for the policy ``name``."""
    return Body(settings)
