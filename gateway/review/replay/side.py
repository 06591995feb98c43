"""One side of a replay: a compiled configuration on a store of its own, by the clock of a log.

What decides are the compiled stages that serve. What a log does not hold, a stage has decided before (``replay.evidence``).
No upstream is called: what became of a call is in the log too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import NamedTuple

from gateway.config.listen_settings import Listen
from gateway.config.model import Config
from gateway.core.exchange import Exchange
from gateway.core.failure import CallFailure
from gateway.core.reason import REASONS
from gateway.core.verdict import Refusal, Reply
from gateway.policy.base.proxies import TrustedProxies
from gateway.policy.base.tools import Tools
from gateway.policy.base.trusted_fields import ForwardingField
from gateway.policy.client import Client
from gateway.policy.fallback.fallback import COVERS
from gateway.policy.rate_limit.limit import SECTION as LIMITS
from gateway.policy.rate_limit.rate_limit import Settings as Limit
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.arrival import find_preflight
from gateway.proxy.flow.unrouted import UnroutedLimit
from gateway.proxy.message.head import read_target
from gateway.proxy.routing.route import CompiledRoute, with_verdict
from gateway.review.dry_run.clock import DryClock, dry_loop
from gateway.review.replay.content import RecordedContent, fields_of, query_of
from gateway.review.replay.evidence import PASSED
from gateway.review.replay.recorded import RecordedRequest
from gateway.review.replay.steps import SLUGS, Ask, AskedStage, steps_of
from gateway.review.replay.under_way import Done, UnderWay, came_of_it
from gateway.state.memory.store import MemoryStore

MOST_RECORDS = 500_000
"""Records that the store of a side holds, some 100 MB."""

_REMEMBERED_ROUTES = 4096
_SWEPT = 8
"""Records that are looked at for each request, once in a second of the log: more than it adds."""

_FAILURES = {failure.slug: failure for failure in reversed(CallFailure)}
"""The failure behind a reason; of two with one reason the commoner."""

FORWARDING = "which forwarding fields were sent is not in a log"

_UNKNOWN = {
    "client": FORWARDING,
    "auth": "tokens are not in a log",
    "body": "the content is not in a log",
    "upload": "the content is not in a log",
    "schema": "the content is not in a log",
    "lockout": "accounts are not in a log",
    "concurrency": "how many calls were under way is not in a log",
    "breaker": "what would have come of calls that were not made is not in a log",
    "rate_limit": "what the limit counts by is not in a log",
}

_REPLIED = "replied"  # a stage has a response of its own, which refuses nothing

ByRecord = Callable[[int], str | None]
"""What the stage at an index has decided when the request came: see ``Evidence.of``."""


class ReplayedVerdict(NamedTuple):
    """What a side makes of a request: ``verdict`` is ``PASSED`` or a reason, empty where it cannot be known, and ``why`` not.
    ``route`` and ``upstream`` are names; ``reported`` are the reasons that report mode let pass."""

    verdict: str
    why: str
    route: str
    upstream: str
    reported: tuple[str, ...] = ()


class ReplayedSide:
    """``config`` compiled, at ``at`` (Unix seconds), when the log begins."""

    def __init__(self, config: Config, at: float) -> None:
        self.config = config
        self._clock = DryClock(at)
        self._at = at
        self.store = MemoryStore(MOST_RECORDS)
        listen = config.listen
        with dry_loop(self._clock).running():
            tools = Tools(
                self.store,
                self._clock.wall,
                listen.trusted_proxies,
                requests_of_address=listen.limits.per_address.requests,
                trusted_fields=listen.trusted_fields,
            )
            self._runtime = Runtime(config, tools)
        self.config = self._runtime.config
        self._proxies = TrustedProxies(listen.trusted_proxies)
        self.forwarding = _forwarding(listen)
        self._client = Client(listen.trusted_proxies, listen.trusted_fields)
        self._unrouted: dict[int, UnroutedLimit] = {}
        self._warm_up: dict[tuple[str, ...], float] = {}
        self._steps: dict[CompiledRoute, tuple[AskedStage, ...]] = {}
        self._calls = UnderWay(self.config, self._clock.wall)
        self._swept = at
        self._unswept = 0

    @property
    def now(self) -> float:
        """Unix seconds, by the log."""
        return self._clock.wall()

    def move(self, moment: float) -> None:
        """Let time pass until ``moment``, and the requests end that end by then. Time that is over does not come back."""
        for end in self._calls.due(moment):
            self._pass_until(end)
            self._calls.end_first()
        self._pass_until(moment)
        if moment >= self._swept + 1.0:
            self.store.sweep(moment, self._unswept)
            self._swept, self._unswept = moment, 0

    def _pass_until(self, moment: float) -> None:
        if moment > self.now:
            self._clock.elapsed = moment - self._at

    def route(self, line: RecordedRequest) -> tuple[Exchange, CompiledRoute]:
        """The request of ``line``, and the route that it takes."""
        fields = fields_of(line, self.forwarding)
        exchange = Exchange(line.method, line.target, fields, line.peer, 0.0)
        if line.content:
            exchange.stream = RecordedContent(line.length)
        served = self._runtime.egress if line.egress else self._runtime
        refusal = read_target(exchange, fields[b"host"])
        if refusal is not None and not exchange.path:
            return exchange, with_verdict(served.unrouted, refusal)
        exchange.query = query_of(line) if exchange.path else exchange.query
        if line.method == "OPTIONS":
            return exchange, find_preflight(exchange, served)
        exchange.route = found = served.routes.find(exchange, line.method)
        return exchange, found

    def believes(self, address: str) -> ForwardingField | None:
        """The field of a connection from ``address`` that is believed, None where it is no trusted proxy's."""
        return self.forwarding if self._proxies.peer(address)[1] else None

    def steps(self, route: CompiledRoute) -> tuple[AskedStage, ...]:
        """The stages of ``route`` that decide."""
        found = self._steps.get(route)
        if found is None:
            if len(self._steps) >= _REMEMBERED_ROUTES:
                self._steps.clear()
            found = self._steps[route] = steps_of(route, self.config)
        return found

    def warm_up(self, route: CompiledRoute) -> float:
        """Seconds after which the limits of ``route`` have back what was used up before the log began."""
        names = route.policies.get(LIMITS, ())
        found = self._warm_up.get(names)
        if found is None:
            limits = (self.config.policies[LIMITS][name] for name in names)
            times = (one.full_after for one in limits if isinstance(one, Limit))
            found = self._warm_up[names] = max(times, default=0.0)
        return found

    def judge(
        self, line: RecordedRequest, exchange: Exchange, route: CompiledRoute, by_record: ByRecord
    ) -> ReplayedVerdict:
        """What this side makes of the request of ``line``, which takes ``route``."""
        self._unswept += _SWEPT
        held: list[Done] = []
        reported: list[str] = []
        called = False
        for index, step in enumerate(self.steps(route)):
            found = self._asked(line, exchange, step, index, by_record, held)
            if found == PASSED or (step.report and not found):
                continue
            if step.report and found != _REPLIED:
                reported.append(found)
                continue
            if found:
                verdict, why = self._ended(line, exchange, route, found)
            else:
                verdict, why = "", _UNKNOWN[step.kind]
                self._calls.doubt(step.stage for step in self.steps(route))
            break
        else:
            called = route.fixed is None
            verdict, why = self._let_through(line, exchange, route)
        if exchange.reported:
            reported += [one.reason.slug for one in exchange.reported]
        if held:
            self._calls.hold(line, exchange, route.upstream.name if called else "", held)
        return ReplayedVerdict(verdict, why, route.name, route.upstream.name, tuple(reported))

    def _asked(
        self,
        line: RecordedRequest,
        exchange: Exchange,
        step: AskedStage,
        index: int,
        by_record: ByRecord,
        held: list[Done],
    ) -> str:
        """What ``step`` says: ``PASSED``, a reason, ``_REPLIED``, or nothing where it cannot be known. Adds to ``held`` what has
        to be done when the request ends."""
        if step.ask is Ask.RECORD:
            return self._recorded(line, exchange, step, by_record(index))
        hook = step.hook
        if step.kind == "in_flight":
            counter = self._calls.in_flight(line.worker)
            hook = counter.on_request
            held.append(counter.on_done)
        elif step.kind == "breaker":
            held.append(self._calls.ending(step.stage))
        found = hook(exchange)
        if step.kind == "breaker" and self._calls.is_doubtful(step.stage):
            return ""
        if found is None:
            if (
                step.kind == "client"
                and line.reason in SLUGS["cors"]
                and line.client == line.peer
                and self.believes(line.peer)
            ):
                return ""  # the proxy has named nobody, or in a way that nobody can read: CORS has refused the request before
            if step.ask is Ask.ITSELF_FIRST and line.content and (line.length is None or line.coding):
                return by_record(index) or ""
            return PASSED
        if isinstance(found, Awaitable):
            found = _finished(found)
        if found is None:
            return PASSED
        return _REPLIED if isinstance(found, Reply) else found.reason.slug

    @staticmethod
    def _recorded(line: RecordedRequest, exchange: Exchange, step: AskedStage, found: str | None) -> str:
        if step.kind == "auth":
            if found == PASSED:
                exchange.principal = line.principal
            elif not line.token and not line.principal:
                return "token_missing"
        return found or ""

    def _ended(self, line: RecordedRequest, exchange: Exchange, route: CompiledRoute, found: str) -> tuple[str, str]:
        """The verdict on a request that a stage ended, and why it cannot be known. ``found``: a reason, or ``_REPLIED``."""
        verdict = PASSED if found == _REPLIED else found
        status = 204 if found == _REPLIED else REASONS[found].status
        if (
            not (exchange.limits or line.egress)
            and self._unrouted_of(line.worker).refusal(exchange, status) is not None
        ):
            return "rate_limited", ""
        return self._with_fallback(line, route, verdict)

    def _let_through(self, line: RecordedRequest, exchange: Exchange, route: CompiledRoute) -> tuple[str, str]:
        """The verdict on a request that no stage ended: what became of its call, where one was made."""
        fixed = route.fixed
        if fixed is not None:
            return self._ended(line, exchange, route, _REPLIED if isinstance(fixed, Reply) else fixed.reason.slug)
        if not (line.reason and came_of_it(line)):
            return PASSED, ""
        if line.called != route.upstream.name:
            return "", "what another upstream does is not in a log"
        return self._with_fallback(line, route, line.reason)

    def _with_fallback(self, line: RecordedRequest, route: CompiledRoute, verdict: str) -> tuple[str, str]:
        """What a client gets of ``verdict`` where a fallback of the upstream may respond in its place."""
        if route.fallback is None or verdict not in COVERS:
            return verdict, ""
        names = self.config.upstreams[route.upstream.name].fallback
        if line.fallback in names:
            return PASSED, ""
        return (
            (verdict, "")
            if line.reason == verdict and not line.fallback
            else ("", "what the fallback has is not in a log")
        )

    def charge(self, line: RecordedRequest) -> None:
        """Charge the client for what has no route, as its response is (``flow.dispatcher``)."""
        exchange = Exchange("", "", {}, line.peer, 0.0)
        self._unrouted_of(line.worker).refusal(exchange, line.status)

    def _unrouted_of(self, worker: int) -> UnroutedLimit:
        found = self._unrouted.get(worker)
        if found is None:
            rate = self.config.listen.limits.per_address.unrouted
            found = self._unrouted[worker] = UnroutedLimit(rate, self._client, self._clock.wall)
        return found


def _finished(waiting: Awaitable[object]) -> Refusal | Reply | None:
    """What a stage decides that waits for content which is here. Raises RuntimeError for one that waits for anything else."""
    assert isinstance(waiting, Coroutine), "only the body's stage waits, for its content"
    try:
        waiting.send(None)
    except StopIteration as done:
        found: Refusal | Reply | None = done.value
        return found
    waiting.close()
    raise RuntimeError("a stage waits for what no log has")


def _forwarding(listen: Listen) -> ForwardingField:
    """The field in which a trusted proxy names the client."""
    return "forwarded" if "x-forwarded-for" not in listen.trusted_fields else "x-forwarded-for"
