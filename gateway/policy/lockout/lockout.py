"""How many wrong guesses: accounts, and the addresses that guess, are locked for a time. YAML section ``lockouts``.

An attempt is reserved before the request goes upstream and settled by the upstream's response, call by call. So guesses
sent at once, in batches or with hang-ups get no further than guesses one after the other.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from gateway.core.exchange import Exchange, WholeResponse
from gateway.core.reason import REASONS
from gateway.core.trpc_status import statuses_of
from gateway.core.verdict import Refusal, by_limit, refuse
from gateway.policy.base.inputs import inputs_of, unreadable, value_at
from gateway.policy.base.pointer import is_plain, parse_pointer
from gateway.policy.base.report import covered
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.lockout.keys import account_lock_key, address_lock_key, network_lock_key, pair_lock_key
from gateway.policy.lockout.settings import Rule, Settings
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.store import LockoutStore, RemoteLockoutStore

SECTION = "lockouts"

# Whether the guess was right cannot be known: an intermediary gave up, or a redirect leads to what came of it.
_UNKNOWN = frozenset((*range(300, 400), 502, 504))
_BUSY = 1  # seconds to wait while all remaining attempts are pending


_NEVER = {
    slug: replace(REASONS[slug], sentence="Too many sign-in attempts at once. Please send fewer together.")
    for slug in ("account_locked", "address_locked")
}


class Reservation(NamedTuple):
    """The attempts of one call of a request: reserved, and not settled yet. ``call`` is its index. ``plain``: the account is
    spelled as it is counted."""

    call: int
    attempts: tuple[Attempt, ...]
    plain: bool


Settlement = tuple[tuple[Attempt, ...], bool | None]
"""Attempts and their outcome, as ``state.store.LockoutStore.settle`` takes them."""


class Lockout(Stage):
    """Adds the reservations of each call to ``exchange.attempts``.

    With a ``remote`` store the attempts are reserved there, a round trip away; otherwise ``store`` gives the result at
    once. May refuse with ``account_locked``, ``address_locked``, ``body_malformed`` and
    ``media_type_refused``.
    """

    __slots__ = (
        "_events",
        "_name",
        "_pointer",
        "_remote",
        "_section",
        "_settings",
        "_statuses",
        "_store",
        "_tasks",
        "_wall",
    )
    collects = True  # a batch that is streamed has its statuses in its content

    def __init__(self, name: str, settings: Settings, tools: Tools) -> None:
        self._name = name
        self._section = covered(SECTION, settings.mode)
        self._settings = settings
        self._pointer = parse_pointer(settings.account)
        self._statuses = frozenset(settings.on_status)
        self._wall = tools.wall
        self._events = tools.events
        self._store: LockoutStore = tools.store
        self._remote: RemoteLockoutStore | None = tools.remote
        self._tasks: set[asyncio.Task[None]] = set()

    def on_request(self, exchange: Exchange) -> Refusal | Coroutine[Any, Any, Refusal | None] | None:
        wanted = self._attempts_of(exchange)
        if isinstance(wanted, Refusal):
            return wanted
        if self._remote is not None:
            return self._reserve_remotely(self._remote, exchange, wanted)
        now = self._wall()
        results = self._store.reserve([attempt for one in wanted for attempt in one.attempts], now)
        return self._decide(exchange, wanted, results, now)

    def on_response_whole(self, exchange: Exchange, response: WholeResponse) -> Awaitable[None] | None:
        settlements = self._settlements(exchange, response)
        if self._remote is None:
            self._settle(settlements)
            return None
        return asyncio.shield(
            self._begin(self._settle_remotely(self._remote, settlements))
        )  # also if the client leaves

    def on_done(self, exchange: Exchange) -> None:
        settlements = self._settlements_without_response(exchange)
        if not settlements:
            return
        if self._remote is None:
            self._settle(settlements)
        else:
            self._begin(self._settle_remotely(self._remote, settlements))

    def _attempts_of(self, exchange: Exchange) -> list[Reservation] | Refusal:
        """The attempts that ``exchange`` makes, call by call."""
        try:
            values = inputs_of(exchange)
            calls = exchange.calls
            return [
                self._reservation(index, value_at(exchange, value, self._pointer), exchange.client)
                for index, value in enumerate(values)
                if not calls or self._name in calls[index].route.named[self._section]
            ]
        except ValueError as error:
            return unreadable(self._name, error)

    def _reservation(self, call: int, account: object, client: str) -> Reservation:
        settings = self._settings
        attempts: list[Attempt] = []
        # All are reserved or none: an address that has used up its attempts cannot lock somebody else's account.
        if settings.address is not None:
            attempts.append(_attempt(address_lock_key(self._name, client), "address", settings.address))
        if settings.by_address:
            attempts.append(_attempt(pair_lock_key(self._name, account, client), "pair", settings))
        if settings.of_network is not None:
            attempts.append(_attempt(network_lock_key(self._name, account, client), "network", settings.of_network))
        account_wide = settings.everywhere if settings.by_address else settings
        if account_wide is not None:
            attempts.append(_attempt(account_lock_key(self._name, account), "account", account_wide))
        return Reservation(call, tuple(attempts), is_plain(account))

    def _decide(
        self, exchange: Exchange, wanted: list[Reservation], results: Sequence[Reserved], now: float
    ) -> Refusal | None:
        attempts = [attempt for one in wanted for attempt in one.attempts]
        refused = [(attempt, result) for attempt, result in zip(attempts, results, strict=True) if not result.ok]
        if not refused:
            exchange.attempts += [(self, reservation) for reservation in wanted]
            return None
        attempt, worst = max(refused, key=lambda one: (one[0].kind == "address", one[1].locked_until))
        own = (by_limit(SECTION, self._name),)
        slug = "address_locked" if attempt.kind == "address" else "account_locked"
        if worst.full:
            return refuse(slug, f"{self._name}: the state store is full", retry_after=_BUSY, limits=own)
        if worst.locked_until:
            until = max(result.locked_until for _, result in refused)
            return refuse(slug, f"{self._name}: {attempt.kind}", retry_after=max(1, math.ceil(until - now)), limits=own)
        if attempts.count(attempt) > attempt.failures:
            return Refusal(_NEVER[slug], f"{self._name}: more calls than may ever fail", limits=own)
        return refuse(
            slug, f"{self._name}: {attempt.kind}, all attempts are on their way", retry_after=_BUSY, limits=own
        )

    def _take_reservations(self, exchange: Exchange) -> list[Reservation]:
        """This stage's reservations that are not settled yet. They are removed, so each is settled once."""
        own = [reservation for stage, reservation in exchange.attempts if stage is self]
        exchange.attempts = [one for one in exchange.attempts if one[0] is not self]
        return own  # type: ignore[return-value]  # what this stage has added

    def _settlements(self, exchange: Exchange, response: WholeResponse) -> list[Settlement]:
        """The settlements after a response of the upstream. Successes come first, so that they clear no failure of the
        same request."""
        reservations = self._take_reservations(exchange)
        if response.status in _UNKNOWN:
            return _unknown_outcome(reservations)
        statuses = statuses_of(exchange, response)
        by_outcome: dict[bool | None, tuple[Attempt, ...]] = {False: (), None: (), True: ()}
        for reservation in reservations:
            status = statuses[reservation.call] if reservation.call < len(statuses) else 0
            # An unreadable status may be that of a wrong guess as well as of a right one: the attempt stays spent.
            failed = True if status in self._statuses or not status else (False if 200 <= status < 300 else None)
            if failed is False and not reservation.plain:
                failed = None  # to the backend it may be an account of its own: no way to clear what another has failed
            by_outcome[failed] += reservation.attempts
        return [(attempts, failed) for failed, attempts in by_outcome.items() if attempts]

    def _settlements_without_response(self, exchange: Exchange) -> list[Settlement]:
        """The settlements when no response came: attempts that were not sent are given back, a client that leaves has
        failed, and when the upstream fails the outcome is unknown."""
        reservations = self._take_reservations(exchange)
        if not reservations:
            return []
        if exchange.sent and exchange.reason:
            return _unknown_outcome(reservations)
        attempts = tuple(attempt for reservation in reservations for attempt in reservation.attempts)
        return [(attempts, True if exchange.sent else None)]

    def _settle(self, settlements: Sequence[Settlement]) -> None:
        for attempts, failed in settlements:
            self._report(self._store.settle(attempts, failed, self._wall()))

    def _report(self, locks: Sequence[Lock]) -> None:
        for lock in locks:
            self._events.locked(self._name, lock)

    async def _reserve_remotely(
        self, store: RemoteLockoutStore, exchange: Exchange, wanted: list[Reservation]
    ) -> Refusal | None:
        now = self._wall()
        attempts = [attempt for one in wanted for attempt in one.attempts]
        # A client that leaves meanwhile must not leave a reservation behind that nobody settles.
        reserving = asyncio.ensure_future(store.reserve(attempts, now))
        try:
            results = await asyncio.shield(reserving)
        except asyncio.CancelledError:
            self._begin(self._give_back(store, reserving, attempts))
            raise
        return self._decide(exchange, wanted, results, now)

    async def _give_back(
        self, store: RemoteLockoutStore, reserving: Awaitable[Sequence[Reserved]], attempts: Sequence[Attempt]
    ) -> None:
        if all(result.ok for result in await reserving):
            await store.settle(attempts, None, self._wall())

    async def _settle_remotely(self, store: RemoteLockoutStore, settlements: Sequence[Settlement]) -> None:
        for attempts, failed in settlements:
            self._report(await store.settle(attempts, failed, self._wall()))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """``work`` as a task of its own, kept until it is over: the event loop holds tasks only weakly."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _attempt(key: bytes, kind: str, rule: Rule | Settings) -> Attempt:
    return Attempt(key, kind, rule.failures, rule.within, rule.lock_for)


def _unknown_outcome(reservations: Sequence[Reservation]) -> list[Settlement]:
    """The settlement when it cannot be known whether a guess was right. It may have run, and a backend that responds to
    wrong guesses later than the timeout would show by that which are right. So the attempt stays spent for its account,
    but sets no lock. Its address gets it back: many people may share one, and all of them would pay for the backend."""
    given_back = tuple(
        attempt for reservation in reservations for attempt in reservation.attempts if attempt.kind == "address"
    )
    return [(given_back, None)] if given_back else []


def build(name: str, settings: Settings, tools: Tools) -> Lockout:
    """The stage for the lockout ``name``."""
    return Lockout(name, settings, tools)
