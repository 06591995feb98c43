"""A login route with a lockout and a clock moved by hand, for the tests of lockouts."""

import json
from types import SimpleNamespace
from typing import Any

from gateway.core.exchange import Call, Exchange, WholeResponse
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import NoEvents, Tools
from gateway.policy.lockout.lockout import build
from gateway.policy.lockout.settings import Settings
from gateway.state.memory.store import MemoryStore
from gateway.state.rules.lockout import Lock

NOON = 1_767_268_800.0
LOGIN = SimpleNamespace(name="login", named={"lockouts": frozenset({"accounts"})}, error_format="superjson")
OTHER = SimpleNamespace(name="other", named={"lockouts": frozenset()}, error_format="superjson")


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"account": "/email", "failures": 3, "address": None, **more})


class Events(NoEvents):
    """Keeps the locks that were reported."""

    def __init__(self) -> None:
        self.locks: list[tuple[str, Lock]] = []

    def locked(self, lockout: str, lock: Lock) -> None:
        self.locks.append((lockout, lock))


class LoginRoute:
    """A login route with one lockout and a clock moved by hand."""

    def __init__(self, store: Any = None, remote: Any = None, **more: Any) -> None:
        self.now = NOON
        self.store = store or MemoryStore()
        self.events = Events()
        tools = Tools(self.store, lambda: self.now, remote=remote, events=self.events)
        self.stage: Any = build("accounts", settings(**more), tools)

    def request(
        self, *emails: Any, client: str = "192.0.2.1", routes: Any = None, batch: bool | None = None
    ) -> Exchange:
        """A request before its verdict; one e-mail is a plain call, several are a batch."""
        exchange = Exchange("POST", "/", {b"content-type": b"application/json"}, client, 0.0)
        exchange.calls = [Call("auth.login", route) for route in routes or [LOGIN] * len(emails)]
        exchange.route = LOGIN
        inputs = [{"json": {"email": email, "password": "nope"}} for email in emails]
        exchange.query = "batch=1" if len(emails) > 1 or batch else ""
        body = {str(index): value for index, value in enumerate(inputs)} if exchange.query else inputs[0]
        exchange.body = json.dumps(body).encode()
        return exchange

    def decide(self, exchange: Exchange) -> Refusal | None:
        """The verdict; a request that passes is sent upstream."""
        verdict: Refusal | None = self.stage.on_request(exchange)
        exchange.sent = verdict is None
        return verdict

    def respond(self, exchange: Exchange, status: int, body: Any = None) -> None:
        """The upstream responds, and the request is over."""
        exchange.status = status
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        self.stage.on_response_whole(exchange, WholeResponse(status, (), content))
        self.stage.on_done(exchange)

    def login(self, *emails: Any, status: int = 401, body: Any = None, **more: Any) -> Refusal | None:
        """A whole request; its refusal, or None when it went upstream."""
        exchange = self.request(*emails, **more)
        refusal = self.decide(exchange)
        if refusal is None:
            self.respond(exchange, status, body)
        else:
            self.stage.on_done(exchange)
        return refusal

    def guesses_left(self, email: str = "ada@example.com", **more: Any) -> int:
        """How many guesses still pass; they are spent by that."""
        passed = 0
        while self.login(email, **more) is None:
            passed += 1
        return passed


def errors(*statuses: int) -> list[Any]:
    return [
        {"result": {"data": {"json": {}}}} if status == 200 else {"error": {"json": {"data": {"httpStatus": status}}}}
        for status in statuses
    ]
