"""What a fallback remembers of good answers: the last one to each question, for the time when there is no other.

Not a cache: it is never asked while the upstream answers. What RFC 9111 forbids to keep or to serve stale is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.verdict import Reply
from gateway.policy.base.settings import ByteSize, Duration, Model

_LEAST, _MOST = 1024, 1024**3  # bytes of one memory
_LONGEST = 7 * 86400.0  # seconds; what is older helps nobody to go on

# RFC 9111 5.2.2 and 4.2.4: what no shared store may keep, and what may not be served once it is stale.
_FORBIDDEN = frozenset({b"no-store", b"no-cache", b"private", b"must-revalidate", b"proxy-revalidate", b"s-maxage"})

# Fields of a request that may select another answer; an answer whose Vary names more is not kept (RFC 9111 4.1).
_SELECTING = (b"accept", b"accept-encoding", b"accept-language", b"origin", b"trpc-accept")
_PERSONAL = (b"authorization", b"cookie")

# Said anew for each answer, or about the one request that it was made for.
_DROPPED = frozenset(
    {b"age", b"cache-control", b"date", b"expires", b"pragma", b"warning", b"x-correlation-id", b"x-gateway-fallback", b"x-request-id"}
)  # fmt: skip

_OVERHEAD = 400  # bytes that an entry costs beside its texts, as measured
_WARNING = (b"warning", b'110 gateway "Response is Stale"')  # RFC 7234 5.5.1, for the caches that still read it


def _span(seconds: float) -> float:
    if not 1.0 <= seconds <= _LONGEST:
        raise ValueError("must be between 1s and 7d")
    return seconds


def _room(size: int) -> int:
    if not _LEAST <= size <= _MOST:
        raise ValueError("must be between 1KiB and 1GiB")
    return size


class Stale(Model):
    """The last good answer to the same question of the same user."""

    for_: Annotated[Duration, AfterValidator(_span), Field(alias="for")]
    """An answer older than that is not given any more."""
    max: Annotated[ByteSize, AfterValidator(_room)] = 10_000_000
    """Memory of one worker for it; the answer that was longest out of use goes first."""
    public: Annotated[bool, Field(strict=True)] = False
    """Whether the answers are the same for everybody. Otherwise each user gets back only answers to the same user."""


@dataclass(frozen=True, slots=True)
class _Kept:
    pairs: tuple[Pair, ...]
    body: bytes
    at: float
    size: int


class Memory:
    """The answers kept for one fallback in one worker. ``wall`` gives Unix seconds."""

    def __init__(self, settings: Stale, wall: Callable[[], float]) -> None:
        self._for = settings.for_
        self._max = settings.max
        self._public = settings.public
        self._wall = wall
        self._kept: OrderedDict[bytes, _Kept] = OrderedDict()
        self.size = 0
        """Bytes in use."""

    def remember(
        self, exchange: Exchange, upstream: str, path: str, status: int, pairs: Iterable[Pair], body: bytes
    ) -> None:
        """Keep the whole answer of ``upstream`` to ``path``, where it may be kept and somebody may ask for it again."""
        if status != 200 or not self._asks(exchange) or b"no-store" in exchange.fields.get(b"cache-control", b""):
            return
        pairs = tuple(pairs)
        if not self._may_keep(pairs):
            return
        kept = tuple(pair for pair in pairs if pair[0] not in _DROPPED)
        size = len(body) + sum(len(name) + len(value) for name, value in kept) + _OVERHEAD
        key = self._key(exchange, upstream, path)
        self._forget(key)
        if size > self._max:
            return
        self._kept[key] = _Kept(kept, body, self._wall(), size)
        self.size += size
        while self.size > self._max:
            self._forget(next(iter(self._kept)))

    def find(self, exchange: Exchange, upstream: str, path: str) -> Reply | None:
        """The answer kept to the same question, its age in it; None when there is none that is young enough."""
        if not self._asks(exchange):
            return None
        key = self._key(exchange, upstream, path)
        kept = self._kept.get(key)
        if kept is None:
            return None
        age = max(0.0, self._wall() - kept.at)
        if age > self._for:
            self._forget(key)
            return None
        self._kept.move_to_end(key)
        return Reply(200, (*kept.pairs, (b"age", b"%d" % age), _WARNING), kept.body)

    @staticmethod
    def _asks(exchange: Exchange) -> bool:
        """Whether it is a plain question. A streamed batch is 200 whatever its calls did."""
        return (
            exchange.method == "GET"
            and exchange.stream is None
            and b"range" not in exchange.fields
            and b"jsonl" not in exchange.fields.get(b"trpc-accept", b"")
        )

    def _may_keep(self, pairs: tuple[Pair, ...]) -> bool:
        covered = _SELECTING if self._public else _SELECTING + _PERSONAL
        for name, value in pairs:
            if name == b"set-cookie":
                return False
            if name == b"cache-control" and _FORBIDDEN & {part.partition(b"=")[0] for part in _list(value)}:
                return False
            if name == b"vary" and not set(_list(value)) <= set(covered):
                return False
        return any(name == b"content-type" for name, _ in pairs)

    def _key(self, exchange: Exchange, upstream: str, path: str) -> bytes:
        """A digest of everything that may make the answer another one. It holds no token and no cookie."""
        fields = exchange.fields
        parts = [upstream.encode(), path.encode(), exchange.query.encode()]
        parts += [fields.get(name, b"") for name in _SELECTING]
        if not self._public:
            parts += [exchange.principal.encode("utf-8", "surrogatepass"), fields.get(b"cookie", b"")]
            # Who is signed in keeps the answers over a change of the token. Where nobody looked at it, it counts itself.
            parts.append(b"" if exchange.principal else fields.get(b"authorization", b""))
        digest = blake2b(digest_size=16)
        for part in parts:
            digest.update(b"%d:" % len(part) + part)
        return digest.digest()

    def _forget(self, key: bytes) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.size -= gone.size


def _list(value: bytes) -> list[bytes]:
    return [part.strip().lower() for part in value.split(b",") if part.strip()]
