"""The content of a request that is judged while it is read: whoever reads it gets what may go on, or the refusal."""

from __future__ import annotations

from collections.abc import Callable

from gateway.core.exchange import RequestContent
from gateway.core.verdict import Refusal
from gateway.policy.upload.form_judge import FormJudge
from gateway.policy.upload.refused import UploadRefused

Refuse = Callable[[UploadRefused], Refusal]


class JudgedContent:
    """``content`` as far as ``judge`` lets it pass (``core.exchange.RequestContent``).

    ``length`` is None where the judge may change it. ``complete`` only when all of it is judged: what becomes of a call before
    says nothing about the upstream, which may have failed for want of what was held back.
    """

    __slots__ = ("_content", "_ended", "_judge", "_ready", "_refuse", "length", "limit", "received")

    late = False

    def __init__(self, content: RequestContent, judge: FormJudge, refuse: Refuse, changes: bool) -> None:
        self._content = content
        self._judge = judge
        self._refuse = refuse
        self._ready = b""
        self._ended = False
        self.length = None if changes else content.length
        self.limit = content.limit
        self.received = 0

    @property
    def arrived(self) -> int:
        return self._content.arrived

    @property
    def complete(self) -> bool:
        return self._ended

    async def gather(self, least: int) -> Refusal | None:
        """See ``RequestBody.gather``."""
        return None if len(self._ready) >= least else await self._content.gather(least - len(self._ready))

    def whole(self) -> bytes | Refusal | None:
        """See ``RequestBody.whole``."""
        if not self._ended:
            data = self._content.whole()
            if data is None:
                return None
            refusal = data if isinstance(data, Refusal) else self._feed(data) or self._end()
            if refusal is not None:
                return refusal
        return self._take()

    async def start(self, least: int) -> Refusal | None:
        """Judge the first ``least`` bytes, or all where that is less, and keep what may go on. Returns the refusal of those."""
        refusal = await self._content.gather(least)
        if refusal is not None:
            return refusal
        if self._content.complete:
            whole = self.whole()
            if isinstance(whole, Refusal):
                return whole
            self.put_back(whole or b"")
            return None
        data = await self._content.read()
        return data if isinstance(data, Refusal) else self._feed(data)

    async def read(self) -> bytes | Refusal:
        """The next bytes that may go on, ``b""`` at the end, or the refusal that ends the request."""
        while not self._ready and not self._ended:
            data = await self._content.read()
            if isinstance(data, Refusal):
                return data
            refusal = self._feed(data) if data else self._end()
            if refusal is not None:
                return refusal
        return self._take()

    def put_back(self, data: bytes) -> None:
        """Take back ``data``, which was read: it is read again."""
        self._ready = data + self._ready
        self.received -= len(data)

    def _take(self) -> bytes:
        data, self._ready = self._ready, b""
        self.received += len(data)
        return data

    def _feed(self, data: bytes) -> Refusal | None:
        try:
            more = self._judge.feed(data)
        except UploadRefused as error:
            return self._refuse(error)
        self._ready = self._ready + more if self._ready else more
        return None

    def _end(self) -> Refusal | None:
        try:
            self._ready += self._judge.end()
        except UploadRefused as error:
            return self._refuse(error)
        self._ended = True
        return None


class ObservedContent:
    """``content`` unchanged, and judged beside: ``note`` is called with the refusal that there would have been."""

    __slots__ = ("_again", "_content", "_judge", "_note", "length", "limit")

    def __init__(self, content: RequestContent, judge: FormJudge, note: Callable[[UploadRefused], None]) -> None:
        self._content = content
        self._judge: FormJudge | None = judge
        self._note = note
        self._again = 0  # bytes that were put back, and have been judged
        self.length = content.length
        self.limit = content.limit

    @property
    def received(self) -> int:
        return self._content.received

    @property
    def arrived(self) -> int:
        return self._content.arrived

    @property
    def complete(self) -> bool:
        return self._content.complete

    @property
    def late(self) -> bool:
        return self._content.late

    async def gather(self, least: int) -> Refusal | None:
        """See ``RequestBody.gather``."""
        return await self._content.gather(least)

    def whole(self) -> bytes | Refusal | None:
        """See ``RequestBody.whole``."""
        data = self._content.whole()
        if isinstance(data, bytes):
            self._see(data)
            self._see(b"")
        return data

    async def read(self) -> bytes | Refusal:
        """See ``RequestBody.read``."""
        data = await self._content.read()
        if isinstance(data, bytes):
            self._see(data)
        return data

    def put_back(self, data: bytes) -> None:
        """See ``RequestBody.put_back``."""
        self._content.put_back(data)
        self._again += len(data)

    def _see(self, data: bytes) -> None:
        """Judge ``data``, which follows; ``b""`` at the end."""
        again = min(self._again, len(data))
        self._again -= again
        judge = self._judge
        if judge is None or (again and again == len(data)):
            return
        try:
            if data:
                judge.feed(data[again:])
            else:
                self._judge = None
                judge.end()
        except UploadRefused as error:
            self._judge = None
            self._note(error)
