"""How much a Redis may send for one reply, whoever it is that answers on its port.

hiredis reads whatever it is given: a text without an end is kept until one comes, and an array gets its memory when its
length is announced. So what comes is looked at before it is read.
"""

from __future__ import annotations

import re

from redis._parsers.hiredis import _AsyncHiredisParser
from redis.exceptions import ConnectionError, InvalidResponse
from redis.typing import EncodableT

MOST_BYTES = 4 * 1024 * 1024
"""Bytes of one reply. The largest that is asked for, ten thousand revocations, has 1.3 MB."""

MOST_LINES = 200_000
"""Lines of one reply, which are elements of arrays, their lengths, and texts. Each may become an object of a hundred bytes."""

# The length of an array (RESP3: of a map, a set, a push, an attribute). hiredis makes room for that many elements at once,
# and again for each array that is the first element of another.
_LENGTH = re.compile(rb"[*%~>|]([0-9]{1,10})")
_OVERLAP = 11  # bytes of a length that may begin in one piece and end in another


class ReplyBounds:
    """Looks at what comes on one connection."""

    def __init__(self) -> None:
        self._size = self._lines = self._announced = 0
        self._end = b""

    def check(self, data: bytes) -> None:
        """``data`` has come. Raises InvalidResponse when it is too much for one reply."""
        self._size += len(data)
        self._lines += data.count(b"\n")
        # A length in two pieces counts twice, which is no harm within such bounds.
        for piece in (data, self._end + data[:_OVERLAP]):
            self._announced += sum(map(int, _LENGTH.findall(piece)))
        self._end = (self._end + data[-_OVERLAP:])[-_OVERLAP:]
        if self._size > MOST_BYTES or self._lines > MOST_LINES or self._announced > MOST_LINES:
            raise InvalidResponse("a reply is longer than any that was asked for")

    def clear(self) -> None:
        """A reply is whole; what comes from now on is the next one."""
        self._size = self._lines = self._announced = 0


class BoundedParser(_AsyncHiredisParser):  # the parser that redis-py uses by itself, which has no bound
    """Reads what redis-py asks while it opens a connection, and all replies of a cluster."""

    def __init__(self, socket_read_size: int) -> None:
        super().__init__(socket_read_size)
        self._bounds = ReplyBounds()

    async def read_from_socket(self) -> bool:
        """One more piece of a reply. Raises InvalidResponse beyond its bounds, redis-py's ConnectionError at the end."""
        assert self._stream is not None and self._reader is not None, "set when the connection was made"
        data = await self._stream.read(self._read_size)
        if not data:
            raise ConnectionError("the server has closed the connection")
        self._bounds.check(data)
        self._reader.feed(data)
        return True

    async def read_response(
        self, disable_decoding: bool = False, push_request: bool = False
    ) -> EncodableT | list[EncodableT]:
        """The next reply. Raises what ``read_from_socket`` raises."""
        self._bounds.clear()
        return await super().read_response(disable_decoding, push_request)
