"""What many clients share: whose a request is, how many permits are out, who holds them, and who gets the next one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import NamedTuple

from gateway.core.exchange import Exchange
from gateway.core.verdict import Verdict
from gateway.policy.base.bucket import address_key

ClientKey = str | bytes | None
"""Whose request it is: a principal or an address; None for the backend itself, whose calls are not divided."""


def client_of(exchange: Exchange) -> ClientKey:
    """Whose request ``exchange`` is: of the principal, or of the network of its address where nobody is signed in."""
    return None if exchange.route.internal else exchange.principal or address_key(exchange.client)


class Division(NamedTuple):
    """``total`` of something, of which one client has ``most`` at most while it is the only one."""

    total: int
    most: int

    def allows(self, held: int, taken: int) -> bool:
        """Whether a client that holds ``held`` may have one more when ``taken`` are taken in all.

        The share is one of what the others have left: the more clients hold some, the less the next one gets, and the last
        quarter is for clients that hold none (A. K. Choudhury and E. L. Hahne, Dynamic Queue Length Thresholds for Shared-Memory
        Packet Switches, IEEE/ACM Transactions on Networking 6(2), 1998).
        """
        free = self.total - taken
        kept = min(self.total // 4, self.total - self.most) if held else 0
        return free > kept and held * self.total < self.most * (free + held)


class Permits:
    """The permits of one upstream and the queue for them, as ``calls`` and ``queue`` divide them among clients.

    Calls whose content is still arriving have half of the permits, and half of each client's share: however slowly clients
    send, the other half is for calls that do not wait for their client.
    """

    def __init__(self, calls: Division, queue: Division) -> None:
        self._calls = calls
        self._queue = queue
        self._uploads = Division(-(-calls.total // 2), -(-calls.most // 2))
        self.holders: dict[Exchange, ClientKey] = {}
        """Whose call each permit is for."""
        self._uploading: set[Exchange] = set()  # of the holders, also some whose content is complete by now
        self._held: Counter[ClientKey] = Counter()
        # By client, the client first that was longest without a permit; each with its calls in the order of arrival.
        self._waiting: dict[ClientKey, dict[asyncio.Future[Verdict], Exchange]] = {}
        self.waiting = 0
        """Calls in the queue."""

    @property
    def taken(self) -> int:
        """Calls under way."""
        return len(self.holders)

    def held_by(self, most: int) -> list[tuple[ClientKey, int]]:
        """The clients that have most calls under way, and how many: so many clients at most."""
        return self._held.most_common(most)

    def take(self, exchange: Exchange, client: ClientKey) -> bool:
        """Take a permit for ``exchange`` of ``client``, if it may have one now."""
        arriving = is_arriving(exchange)
        if arriving or self._waiting:
            self.grant()  # those in the queue come first, and nothing announces that a content is complete by now
        if not self._may_take(client, arriving):
            return False
        self._hold(exchange, client, arriving)
        return True

    def _may_take(self, client: ClientKey, arriving: bool) -> bool:
        if client is None:
            return self.taken < self._calls.total
        if not self._calls.allows(self._held[client], self.taken):
            return False
        if not arriving or len(self._uploading) >= self._uploads.total:
            return not arriving
        held = sum(self.holders[exchange] == client for exchange in self._uploading)
        return self._uploads.allows(held, len(self._uploading))

    def _hold(self, exchange: Exchange, client: ClientKey, arriving: bool) -> None:
        self.holders[exchange] = client
        self._held[client] += 1
        if arriving:
            self._uploading.add(exchange)

    def may_wait(self, client: ClientKey) -> bool:
        """Whether ``client`` may have one more call in the queue."""
        if client is None:
            return self.waiting < self._queue.total
        return self._queue.allows(len(self._waiting.get(client, ())), self.waiting)

    def enqueue(self, exchange: Exchange, client: ClientKey) -> asyncio.Future[Verdict]:
        """Have ``exchange`` wait: the future gets None with the permit. It leaves the queue when the future is done, or by
        ``leave``."""
        permit: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, {})[permit] = exchange
        self.waiting += 1
        permit.add_done_callback(lambda permit: self.leave(permit, client))
        return permit

    def leave(self, permit: asyncio.Future[Verdict], client: ClientKey) -> None:
        """Take the call of ``client`` that waits for ``permit`` out of the queue, if it is still there."""
        calls = self._waiting.get(client, {})
        if calls.pop(permit, None) is not None:
            self.waiting -= 1
            if not calls:
                del self._waiting[client]

    def release(self, exchange: Exchange) -> None:
        """Give back the permit of ``exchange``, if it holds one, and hand it on."""
        if exchange not in self.holders:
            return
        client = self.holders.pop(exchange)
        self._uploading.discard(exchange)
        self._held[client] -= 1
        if not self._held[client]:
            del self._held[client]
        self.grant()

    def grant(self) -> None:
        """Hand free permits to the calls in the queue that may have one: one after the other to the first call of each client."""
        self._uploading = {exchange for exchange in self._uploading if is_arriving(exchange)}
        granted = bool(self._waiting)
        while granted and self.taken < self._calls.total:
            granted = any(self._grant_first(client) for client in list(self._waiting))

    def _grant_first(self, client: ClientKey) -> bool:
        """Whether the first call of ``client`` in the queue has got a permit."""
        calls = self._waiting[client]
        while calls:
            permit, exchange = next(iter(calls.items()))
            if permit.done():  # its client has left
                del calls[permit]
                self.waiting -= 1
                continue
            arriving = is_arriving(exchange)
            if not self._may_take(client, arriving):
                return False
            del calls[permit]
            self.waiting -= 1
            self._hold(exchange, client, arriving)
            del self._waiting[client]
            if calls:
                self._waiting[client] = calls  # behind the others
            permit.set_result(None)
            return True
        del self._waiting[client]
        return False


def is_arriving(exchange: Exchange) -> bool:
    """Whether content of the request is still to come."""
    content = exchange.stream
    return content is not None and exchange.body is None and not content.complete
