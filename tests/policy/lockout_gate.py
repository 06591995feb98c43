"""A route with a lockout in front of a hand-moved clock, for the tests of lockouts."""

import json
from types import SimpleNamespace
from typing import Any

from gateway.core.exchange import Call, Exchange
from gateway.core.verdict import Refusal
from gateway.policy.base.tools import Tools
from gateway.policy.lockout import Settings, build
from tests.memory_store import MemoryStore

NOON = 1_767_268_800.0
LOGIN = SimpleNamespace(name="login", named={"lockouts": frozenset({"accounts"})}, error_format="superjson")
OTHER = SimpleNamespace(name="other", named={"lockouts": frozenset()}, error_format="superjson")


def settings(**more: Any) -> Settings:
    return Settings.model_validate({"account": "/email", "failures": 3, "address": None, **more})


class Door:
    """A login route with one lockout and a clock moved by hand."""

    def __init__(self, store: Any = None, shared: Any = None, **more: Any) -> None:
        self.now = NOON
        self.store = store or MemoryStore()
        self.told: list[tuple[str, dict[str, Any]]] = []
        tools = Tools(
            self.store, lambda: self.now, shared=shared, event=lambda name, **said: self.told.append((name, said))
        )
        self.stage: Any = build("accounts", settings(**more), tools)

    def ask(self, *emails: Any, client: str = "192.0.2.1", routes: Any = None, **more: Any) -> Exchange:
        """A request that is on its way; one e-mail is a plain call, several are a batch."""
        exchange = Exchange("POST", "/", {}, client, 0.0)
        exchange.calls = [Call("auth.login", route) for route in routes or [LOGIN] * len(emails)]
        exchange.route = LOGIN
        inputs = [{"json": {"email": email, "password": "nope"}} for email in emails]
        exchange.query = "batch=1" if len(emails) > 1 or more.get("batch") else ""
        body = {str(place): value for place, value in enumerate(inputs)} if exchange.query else inputs[0]
        exchange.body = json.dumps(body).encode()
        return exchange

    def verdict(self, exchange: Exchange) -> Refusal | None:
        found: Refusal | None = self.stage.on_request(exchange)
        exchange.sent = found is None
        return found

    def login(self, *emails: Any, status: int = 401, answer: Any = None, **more: Any) -> Refusal | None:
        """A whole request; its refusal, or None when it went upstream."""
        exchange = self.ask(*emails, **more)
        found = self.verdict(exchange)
        if found is None:
            exchange.status = status
            exchange.answer = answer if isinstance(answer, bytes) or answer is None else json.dumps(answer).encode()
            self.stage.on_answer(exchange)
        self.stage.on_done(exchange)
        return found

    def left(self, email: str = "ada@example.com", **more: Any) -> int:
        """How many guesses still pass."""
        passed = 0
        while self.login(email, **more) is None:
            passed += 1
        return passed


def errors(*statuses: int) -> list[Any]:
    return [
        {"result": {"data": {"json": {}}}} if status == 200 else {"error": {"json": {"data": {"httpStatus": status}}}}
        for status in statuses
    ]
