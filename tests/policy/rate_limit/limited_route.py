"""A route with rate limits and a clock moved by hand, for the tests of the limits."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.rate_limit.rate_limit import RateLimit, Settings, When, build
from gateway.state.memory.store import MemoryStore
from tests.policy.added_fields import added_fields

NOON = 1_767_268_800.0
ADA = {"json": {"email": "ada@example.com", "password": "nope"}}
BOB = {"json": {"email": "bob@example.com", "password": "nope"}}


def limit(rate: str = "5/minute", *key: str, **more: Any) -> Settings:
    return Settings.model_validate({"limit": rate, "key": key or ("address",), **more})


def route(name: str, *limits: str, error_format: str = "superjson") -> Any:
    return SimpleNamespace(name=name, named={"rate_limits": frozenset(limits)}, error_format=error_format)


class LimitedRoute:
    """All stages of a route with ``limits``, in the order of ``policy.kinds``; ``send`` takes a request through them."""

    def __init__(self, store: MemoryStore | None = None, **limits: Settings) -> None:
        self.now = NOON
        tools = Tools(store or MemoryStore(), lambda: self.now)
        named = [(name.replace("_", "-"), settings) for name, settings in limits.items()]
        self.names = [name for name, _ in named]
        made = [build(named, when, tools) for when in When]
        self.stages: list[RateLimit] = [stage for stage in made if stage is not None]

    def send(
        self,
        client: str = "192.0.2.1",
        principal: str = "",
        fields: dict[bytes, bytes] | None = None,
        method: str = "POST",
        query: str = "",
        body: Any = None,
        calls: Sequence[Any] = (),
        at: Any = None,
    ) -> "Outcome":
        sent = {b"content-type": b"application/json", **(fields or {})}
        exchange = Exchange(method, "/", sent, client, 0.0)
        exchange.principal, exchange.query = principal, query
        exchange.body = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        exchange.calls = [Call("x", named) for named in calls]
        exchange.route = at or (calls[0] if calls else route("plain", *self.names, error_format="problem"))
        refusal: Any = None
        entered = []
        for stage in self.stages:
            entered.append(stage)
            refusal = stage.on_request(exchange)
            if refusal is not None:
                break
        for stage in reversed(entered):
            stage.on_response(exchange)
        return Outcome(refusal, exchange)

    def passes(self, times: int, **request: Any) -> int:
        return sum(self.send(**request).refusal is None for _ in range(times))

    def login(self, *inputs: Any, **more: Any) -> "Outcome":
        """A batch of logins, as the app sends even one of them."""
        login = route("login", *self.names)
        body = {str(index): value for index, value in enumerate(inputs)}
        return self.send(query="batch=1", body=body, calls=[login] * len(inputs), **more)


class Outcome:
    """What became of a request: its refusal, if any, and the fields that the stages have added."""

    def __init__(self, refusal: Refusal | None, exchange: Exchange) -> None:
        self.refusal = refusal
        self.exchange = exchange
        self.lines = [f"{name.decode()}: {value.decode()}" for name, value in added_fields(exchange)]

    @property
    def refused(self) -> tuple[str, str, int]:
        assert self.refusal is not None
        return self.refusal.reason.slug, self.refusal.detail, self.refusal.retry_after
