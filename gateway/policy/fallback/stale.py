"""Stored responses of a fallback: the last good one to each request, for the time when the upstream gives none.

This is not a cache: it is not read while the upstream responds. A response is not stored where RFC 9111 forbids to store
it or to serve it stale.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.verdict import Reply
from gateway.policy.base.order import Orders
from gateway.policy.base.settings import ByteSize, Duration, Model, between
from gateway.policy.fallback import orders

# RFC 9111 5.2.2 and 4.2.4: directives of a response that no shared cache may store, or serve once it is stale.
_FORBIDDEN = frozenset({b"no-store", b"no-cache", b"private", b"must-revalidate", b"proxy-revalidate", b"s-maxage"})

# Fields of a request that may select another response; one whose Vary names more is not stored (RFC 9111 4.1).
_SELECTING = (b"accept", b"accept-encoding", b"accept-language", b"origin", b"trpc-accept")
_PERSONAL = (b"authorization", b"cookie")
# Other fields that pass to every upstream and may say who is asking (``core.request_fields``).
_CREDENTIALS = frozenset((b"x-api-key", b"x-csrf-token", b"x-session-id", b"x-xsrf-token"))

# Written anew for each response, or about the one request that it was made for.
_DROPPED = frozenset(
    {b"age", b"cache-control", b"date", b"expires", b"pragma", b"warning", b"x-correlation-id", b"x-gateway-fallback", b"x-request-id"}
)  # fmt: skip

_LISTS = frozenset((b"cache-control", b"vary"))
_LONGEST_LIST = 1024  # bytes of one of these that are read

_OVERHEAD = 400  # bytes that an entry costs beside its texts, as measured
_FIELD_OVERHEAD = 130  # the same of a field: two bytes objects and their pair
_WARNING = (b"warning", b'110 gateway "Response is Stale"')  # RFC 7234 5.5.1, for the caches that still read it


class Stale(Model):
    """The last good response to the same request of the same user."""

    for_: Annotated[Duration, AfterValidator(between(1.0, 7 * 86_400.0, "1s and 7d")), Field(alias="for")]
    """A response older than that is not used."""
    max: Annotated[ByteSize, AfterValidator(between(1024, 1024**3, "1KiB and 1GiB"))] = 10_000_000
    """Memory of one worker for it; the least recently used response is removed first."""
    public: Annotated[bool, Field(strict=True)] = False
    """Whether the responses are the same for everybody. Otherwise a user gets only responses to that user."""

    ORDERS: ClassVar[Orders] = orders.OF_STALE


@dataclass(frozen=True, slots=True)
class _Stored:
    pairs: tuple[Pair, ...]
    body: bytes
    at: float
    size: int


class StoredResponses:
    """The stored responses of one fallback in one worker. ``wall`` gives Unix seconds.

    ``passed`` are the names, or with a ``*`` the beginnings of names, of fields that upstreams get beside those that all
    get: whom the responses are for may depend on them too.
    """

    def __init__(self, settings: Stale, wall: Callable[[], float], passed: Iterable[str] = ()) -> None:
        names = [name.lower().encode() for name in passed]
        self._credentials = _CREDENTIALS.union(names)
        self._beginnings = tuple(name[:-1] for name in names if name.endswith(b"*"))
        self._for = settings.for_
        self._max = settings.max
        self._public = settings.public
        self._wall = wall
        self._stored: OrderedDict[bytes, _Stored] = OrderedDict()
        self.size = 0
        """Bytes in use."""

    def store(
        self, exchange: Exchange, upstream: str, path: str, status: int, pairs: Iterable[Pair], body: bytes
    ) -> None:
        """Stores the complete response of ``upstream`` to ``path``, if it may be stored and the request may come again."""
        if status != 200 or not self._cacheable(exchange) or b"no-store" in exchange.fields.get(b"cache-control", b""):
            return
        pairs = tuple(pairs)
        if not self._may_store(pairs):
            return
        stored = tuple(pair for pair in pairs if pair[0] not in _DROPPED)
        size = len(body) + sum(len(name) + len(value) + _FIELD_OVERHEAD for name, value in stored) + _OVERHEAD
        key = self._key(exchange, upstream, path)
        self._remove(key)
        if size > self._max:
            return
        self._stored[key] = _Stored(stored, body, self._wall(), size)
        self.size += size
        while self.size > self._max:
            self._remove(next(iter(self._stored)))

    def find(self, exchange: Exchange, upstream: str, path: str) -> Reply | None:
        """The response stored for the same request, its age in it; None when there is none that is young enough."""
        if not self._cacheable(exchange):
            return None
        key = self._key(exchange, upstream, path)
        stored = self._stored.get(key)
        if stored is None:
            return None
        age = max(0.0, self._wall() - stored.at)
        if age > self._for:
            self._remove(key)
            return None
        self._stored.move_to_end(key)
        return Reply(200, (*stored.pairs, (b"age", b"%d" % age), _WARNING), stored.body)

    @staticmethod
    def _cacheable(exchange: Exchange) -> bool:
        """Whether it is a plain GET. The status of a streamed batch is 200 whatever its calls did."""
        return (
            exchange.method == "GET"
            and (exchange.stream is None or exchange.body == b"")
            and b"range" not in exchange.fields
            and b"jsonl" not in exchange.fields.get(b"trpc-accept", b"")
        )

    def _may_store(self, pairs: tuple[Pair, ...]) -> bool:
        covered = _SELECTING if self._public else _SELECTING + _PERSONAL
        for name, value in pairs:
            if name == b"set-cookie" or (name in _LISTS and len(value) > _LONGEST_LIST):
                return False
            if name == b"cache-control" and _FORBIDDEN & {part.partition(b"=")[0] for part in _list(value)}:
                return False
            if name == b"vary" and not set(_list(value)) <= set(covered):
                return False
        return any(name == b"content-type" for name, _ in pairs)

    def _key(self, exchange: Exchange, upstream: str, path: str) -> bytes:
        """A digest of everything that may select another response. It holds no token and no cookie."""
        fields = exchange.fields
        parts = [upstream.encode(), path.encode(), exchange.query.encode()]
        parts += [fields.get(name, b"") for name in _SELECTING]
        if not self._public:
            parts += [exchange.principal.encode("utf-8", "surrogatepass"), fields.get(b"cookie", b"")]
            # A principal keeps the responses over a change of the token. Where no token was verified, the token counts.
            parts.append(b"" if exchange.principal else fields.get(b"authorization", b""))
            for name in sorted(fields):
                if name not in _SELECTING and (name in self._credentials or name.startswith(self._beginnings)):
                    parts += name, fields[name]
        digest = blake2b(digest_size=16)
        for part in parts:
            digest.update(b"%d:" % len(part) + part)
        return digest.digest()

    def _remove(self, key: bytes) -> None:
        removed = self._stored.pop(key, None)
        if removed is not None:
            self.size -= removed.size


def _list(value: bytes) -> list[bytes]:
    return [part.strip().lower() for part in value.split(b",") if part.strip()]
