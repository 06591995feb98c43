"""How many wrong guesses: accounts, and the addresses that guess, are locked for a time. YAML section ``lockouts``.

An attempt is reserved before the request goes upstream and settled by what the upstream answers, call by call, so that
guesses sent at once, in batches or with hang-ups get no further than guesses one after the other.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from ipaddress import IPv6Network, ip_address
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from gateway.core.exchange import Exchange
from gateway.core.reason import REASONS
from gateway.core.trpc_status import statuses_of
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.bucket import address_key, sized
from gateway.policy.base.inputs import inputs_of
from gateway.policy.base.pointer import find, parts_of, spelled_alike
from gateway.policy.base.settings import Duration, Model, Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.store import LockoutStore, RemoteLockoutStore

SECTION = "lockouts"

_LONGEST = 30 * 86_400.0  # seconds; longer than that is an account that is closed
_UNTOLD = frozenset((502, 504))  # somebody in between gave up: whether the guess ran cannot be known
_BUSY = 1  # seconds to wait while all attempts that are left are on their way


def _span(seconds: float) -> float:
    if not 1 <= seconds <= _LONGEST:
        raise ValueError("must be between 1s and 30d")
    return seconds


def _pointer(text: str) -> str:
    parts_of(text)
    return text


def _listed(value: Any) -> Any:
    return value if isinstance(value, list | tuple) else (value,)


Span = Annotated[Duration, AfterValidator(_span)]
Spans = Annotated[
    tuple[Span, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Span | Annotated[list[Span], Field(min_length=1)]),
]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Pointer = Annotated[
    str,
    AfterValidator(_pointer),
    WithJsonSchema({"type": "string", "pattern": r"^(/([^~/]|~[01])*)+$"}),
]
Status = Annotated[int, Field(strict=True, ge=400, le=499)]


class Rule(Model):
    """How many failures within what time lock, and for how long: ``lock_for`` is one time, or one for each lock."""

    failures: Count
    within: Span
    lock_for: Spans


class Settings(Policy):
    """One lockout. ``account`` points to the field of the input that names the account."""

    account: Pointer
    failures: Count = 10
    within: Span = 900.0
    lock_for: Spans = (900.0,)
    """One time, or a list of them for repeated locks: ``[1m, 15m, 1h]``."""
    on_status: Annotated[tuple[Status, ...], Field(min_length=1)] = (401,)
    """What the upstream answers to a wrong guess."""
    scope: Literal["account", "account+address"] = "account"
    """Whose failures count together: all on an account, or only those from one address."""
    address: Rule | None = Rule(failures=50, within=3600.0, lock_for=(3600.0,))
    """Locks an address that fails over many accounts."""


_NEVER = {
    slug: replace(REASONS[slug], sentence="Too many sign-in attempts at once. Please send fewer together.")
    for slug in ("account_locked", "address_locked")
}


def address_name(client: str) -> str:
    """How the address is counted and told: IPv4 as it is, IPv6 by its /64 (``policy.base.bucket``)."""
    octets = address_key(client)[4:]
    try:
        ip_address(client.partition("%")[0])
    except ValueError:
        return client[:45]
    return str(ip_address(octets) if len(octets) == 4 else IPv6Network((octets + bytes(8), 64)))


def account_key(name: str, account: Any) -> bytes:
    """What an account is counted under by the lockout ``name``: all its spellings are one."""
    return sized(name.encode()) + spelled_alike(account)


def address_counted(name: str, client: str) -> bytes:
    """What an address is counted under by the lockout ``name``."""
    return name.encode() + b"\0" + address_name(client).encode("utf-8", "surrogatepass")


def pair_key(name: str, account: Any, client: str) -> bytes:
    """What an account as tried from one address is counted under by the lockout ``name``."""
    return sized(address_counted(name, client)) + account_key(name, account)


class Held(NamedTuple):
    """The attempts of one call: reserved, and not settled yet."""

    place: int
    attempts: tuple[Attempt, ...]


def _untold(mine: Sequence[Held]) -> list[tuple[tuple[Attempt, ...], bool | None]]:
    """What is to be settled when nobody can say whether the guess was right. It may have run, and a backend that answers
    wrong guesses too late to be heard would tell right from wrong by that: so it stays spent for its account, without a
    lock to its name. Its address gets it back: many people may share that, and all of them would pay for the backend."""
    given = tuple(attempt for held in mine for attempt in held.attempts if attempt.kind == "address")
    return [(given, None)] if given else []


class _Lockouts(Stage):
    """Adds the attempts of each call to ``exchange.attempts``.

    May refuse with ``account_locked``, ``address_locked`` and ``body_malformed``.
    """

    __slots__ = ("_event", "_name", "_pointer", "_settings", "_statuses", "_wall")

    def __init__(self, name: str, settings: Settings, tools: Tools) -> None:
        self._name = name
        self._settings = settings
        self._pointer = parts_of(settings.account)
        self._statuses = frozenset(settings.on_status)
        self._wall = tools.wall
        self._event = tools.event

    def _tell(self, locks: Sequence[Lock]) -> None:
        """Tells of locks that were set. ``who`` is what ``GET /v1/lockouts`` lists: an account's keyed hash."""
        for lock in locks:
            self._event(
                "locked", lockout=self._name, kind=lock.kind, who=lock.who, until=lock.until, reason=lock.reason
            )

    def _asked(self, exchange: Exchange) -> list[Held] | Refusal:
        """The attempts that ``exchange`` makes, call by call."""
        try:
            values = inputs_of(exchange)
            calls = exchange.calls
            return [
                Held(place, self._attempts(find(value, self._pointer), exchange.client))
                for place, value in enumerate(values)
                if not calls or self._name in calls[place].route.named[SECTION]
            ]
        except ValueError as error:
            return refuse("body_malformed", f"{self._name}: {error}")

    def _attempts(self, account: Any, client: str) -> tuple[Attempt, ...]:
        rule = self._settings
        limits = rule.failures, rule.within, rule.lock_for
        if rule.scope == "account":
            guess = Attempt(account_key(self._name, account), "account", *limits)
        else:
            guess = Attempt(pair_key(self._name, account, client), "pair", *limits)
        if rule.address is None:
            return (guess,)
        # The address comes first: who has used it up cannot lock anybody else's account any more.
        whole = rule.address.failures, rule.address.within, rule.address.lock_for
        return Attempt(address_counted(self._name, client), "address", *whole), guess

    def _judged(self, exchange: Exchange, asked: list[Held], answers: Sequence[Reserved], now: float) -> Refusal | None:
        attempts = [attempt for held in asked for attempt in held.attempts]
        refused = [(attempt, answer) for attempt, answer in zip(attempts, answers, strict=True) if not answer.ok]
        if not refused:
            exchange.attempts += [(self, held) for held in asked]
            return None
        attempt, worst = max(refused, key=lambda one: (one[0].kind == "address", one[1].locked_until))
        slug = "address_locked" if attempt.kind == "address" else "account_locked"
        if worst.full:
            return refuse(slug, f"{self._name}: the state store is full", retry_after=_BUSY)
        if worst.locked_until:
            until = max(answer.locked_until for _, answer in refused)
            return refuse(slug, f"{self._name}: {attempt.kind}", retry_after=max(1, math.ceil(until - now)))
        if attempts.count(attempt) > attempt.failures:
            return Refusal(_NEVER[slug], f"{self._name}: more calls than may ever fail")
        return refuse(slug, f"{self._name}: {attempt.kind}, all attempts are on their way", retry_after=_BUSY)

    def _mine(self, exchange: Exchange) -> list[Held]:
        """The attempts that still wait for a verdict; asked for once."""
        mine = [held for owner, held in exchange.attempts if owner is self]
        exchange.attempts = [one for one in exchange.attempts if one[0] is not self]
        return mine

    def _verdicts(self, exchange: Exchange) -> list[tuple[tuple[Attempt, ...], bool | None]]:
        """What is to be settled now that the upstream has answered: the successes first, so that they clear nothing
        that failed beside them."""
        if exchange.status in _UNTOLD:
            return _untold(self._mine(exchange))
        statuses = statuses_of(exchange)
        sorted_out: dict[bool | None, tuple[Attempt, ...]] = {False: (), None: (), True: ()}
        for held in self._mine(exchange):
            status = statuses[held.place] if held.place < len(statuses) else 0
            # What cannot be read may be a wrong guess as well as a right one: it stays spent.
            failed = True if status in self._statuses or not status else (False if 200 <= status < 300 else None)
            sorted_out[failed] += held.attempts
        return [(attempts, failed) for failed, attempts in sorted_out.items() if attempts]

    def _left_over(self, exchange: Exchange) -> tuple[tuple[Attempt, ...], bool | None] | None:
        """What is to be settled when there was no answer: given back when nothing was sent, a failure when the client
        has left, and what ``_untold`` says when the upstream failed."""
        mine = self._mine(exchange)
        if not mine:
            return None
        if exchange.sent and exchange.reason:
            return next(iter(_untold(mine)), None)
        return tuple(attempt for held in mine for attempt in held.attempts), (True if exchange.sent else None)


class Lockout(_Lockouts):
    """Attempts in a store that answers at once."""

    __slots__ = ("_store",)

    def __init__(self, name: str, settings: Settings, tools: Tools) -> None:
        super().__init__(name, settings, tools)
        self._store: LockoutStore = tools.store

    def on_request(self, exchange: Exchange) -> Refusal | None:
        asked = self._asked(exchange)
        if isinstance(asked, Refusal):
            return asked
        now = self._wall()
        answers = self._store.reserve([attempt for held in asked for attempt in held.attempts], now)
        return self._judged(exchange, asked, answers, now)

    def on_answer(self, exchange: Exchange) -> None:
        for attempts, failed in self._verdicts(exchange):
            self._tell(self._store.settle(attempts, failed, self._wall()))

    def on_done(self, exchange: Exchange) -> None:
        left = self._left_over(exchange)
        if left is not None:
            self._tell(self._store.settle(*left, self._wall()))


class SharedLockout(_Lockouts):
    """Attempts in the store of all replicas, which is a round trip away."""

    __slots__ = ("_store", "_tasks")

    def __init__(self, name: str, settings: Settings, tools: Tools, store: RemoteLockoutStore) -> None:
        super().__init__(name, settings, tools)
        self._store = store
        self._tasks: set[asyncio.Task[None]] = set()

    async def on_request(self, exchange: Exchange) -> Refusal | None:
        asked = self._asked(exchange)
        if isinstance(asked, Refusal):
            return asked
        now = self._wall()
        attempts = [attempt for held in asked for attempt in held.attempts]
        # A client that leaves while we wait must not leave a reservation behind that nobody knows of.
        asking = asyncio.ensure_future(self._store.reserve(attempts, now))
        try:
            answers = await asyncio.shield(asking)
        except asyncio.CancelledError:
            self._later(self._give_back(asking, attempts))
            raise
        return self._judged(exchange, asked, answers, now)

    def on_answer(self, exchange: Exchange) -> Awaitable[None]:
        verdicts = self._verdicts(exchange)
        return asyncio.shield(self._later(self._settle(verdicts)))  # also when the client leaves just now

    def on_done(self, exchange: Exchange) -> None:
        left = self._left_over(exchange)
        if left is not None:
            self._later(self._settle([left]))

    async def _settle(self, verdicts: Sequence[tuple[tuple[Attempt, ...], bool | None]]) -> None:
        for attempts, failed in verdicts:
            self._tell(await self._store.settle(attempts, failed, self._wall()))

    async def _give_back(self, asking: Awaitable[Sequence[Reserved]], attempts: Sequence[Attempt]) -> None:
        if all(answer.ok for answer in await asking):
            await self._store.settle(attempts, None, self._wall())

    def _later(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def build(name: str, settings: Settings, tools: Tools) -> Stage:
    """The stage for the lockout ``name``."""
    return SharedLockout(name, settings, tools, tools.shared) if tools.shared else Lockout(name, settings, tools)
