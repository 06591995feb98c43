"""Requests that may try an upstream which may be ill, once their content is here: a try must not wait for its client."""

from __future__ import annotations

import asyncio

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal

MOST = 4
"""Requests whose content is read whole at once, for one upstream in one worker."""

MOST_BYTES = 32 * 1024 * 1024
"""The longest content that is: MOST times that is the most memory that it takes."""

WITHIN = 15.0
"""Seconds for the whole content; apps give up after that."""

SETTLED = 1.0
"""Seconds after which a candidate has a rate by which it is compared to others."""


class _Candidate:
    """A request that is being read. ``clock`` ends that."""

    __slots__ = ("arrived", "clock", "since")

    def __init__(self, now: float, clock: asyncio.Timeout) -> None:
        self.clock = clock
        self.since = now
        self.arrived = 0  # bytes

    def rate(self, now: float) -> float:
        """Bytes per second."""
        return self.arrived / max(now - self.since, SETTLED)


class Candidates:
    """The requests for one upstream that are read whole.

    Slow clients cannot keep others from it: where there is no room, the slowest candidate gives way.
    """

    def __init__(self) -> None:
        self._candidates: set[_Candidate] = set()

    async def read_whole(self, exchange: Exchange) -> bool | Refusal:
        """Read the content of ``exchange``, which is still arriving, into ``exchange.body``.

        False, with nothing taken of it: it is too long, comes too slowly, or had to give way. A refusal when the client
        does not send it as it should.
        """
        stream = exchange.stream
        assert stream is not None, "it is arriving"
        now = asyncio.get_running_loop().time()
        if (stream.length or 0) > MOST_BYTES or not self._make_room(now):
            return False
        content = bytearray()
        candidate = _Candidate(now, asyncio.timeout(WITHIN))
        self._candidates.add(candidate)
        try:
            async with candidate.clock:
                while piece := await stream.read():
                    if isinstance(piece, Refusal):
                        return piece
                    if content:  # what was here before says nothing about the rate
                        candidate.arrived += len(piece)
                    content += piece
                    if len(content) > MOST_BYTES:
                        raise TimeoutError
        except TimeoutError:
            stream.put_back(bytes(content))
            return False
        finally:
            self._candidates.discard(candidate)
        exchange.body = bytes(content)
        return True

    def _make_room(self, now: float) -> bool:
        """Whether there is room for one more, if need be instead of the slowest that has had its time."""
        if len(self._candidates) < MOST:
            return True
        settled = [each for each in self._candidates if now - each.since >= SETTLED and not each.clock.expired()]
        if not settled:
            return False
        slowest = min(settled, key=lambda each: each.rate(now))
        self._candidates.discard(slowest)
        slowest.clock.reschedule(now)
        return True
