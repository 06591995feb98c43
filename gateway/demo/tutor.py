"""The demo tutor: the backend's tRPC and REST surface, small and in memory, on the real one's wire format."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

from aiohttp import web

from gateway.demo.accounts import Accounts
from gateway.demo.assistant import ASKING, complete
from gateway.demo.envelope import CallOutcome, ProcedureError, batch_status, envelope, stream_chunks, stream_head
from gateway.demo.procedures import PROCEDURES, Procedure
from gateway.demo.resolvers import RESOLVERS
from gateway.demo.rest import ROUTES
from gateway.demo.service import DemoService, json_response
from gateway.demo.target import first, procedure_path

PREFIX = "/api/trpc"
_METHOD = {"query": "GET", "mutation": "POST"}
_MOST_GUESSERS = 100_000  # pairs of account and address that are kept
_UNREADABLE = object()  # the input of a request whose JSON does not parse: every call that wants input fails


@dataclass(frozen=True, slots=True)
class _Call:
    path: str
    procedure: Procedure | None
    given: Any


class DemoTutor(DemoService):
    """The tutor backend. ``secret`` signs its HS256 tokens, and those that ``old_secret`` has signed are good too; ``wall``
    is unix seconds and may be moved by tests.

    ``toolkit`` is the base address of the AI service that it asks for chat answers; without one they are made up.
    """

    def __init__(
        self,
        secret: str,
        host: str = "127.0.0.1",
        port: int = 0,
        wall: Callable[[], float] = time.time,
        toolkit: str = "",
        old_secret: str = "",
    ) -> None:
        super().__init__(host, port)
        self.toolkit = toolkit
        self.wall = wall
        self.accounts = Accounts(secret, wall, old_secret)
        self.guesses: Counter[tuple[str, str]] = Counter()
        """How often a password was compared, by account and by the client's address as the gateway sends it."""
        self.controls["GET /__control/guesses"] = self._read_guesses

    async def respond(self, request: web.Request, path: str, query: str) -> web.StreamResponse:
        headers = self._headers(request)
        if path == PREFIX or path.startswith(PREFIX + "/"):
            response = await self._trpc(request, path, query, headers)
        else:
            response = await self._rest(request, unquote(path))
        if not response.prepared:
            response.headers.update(headers)
        return response

    def _headers(self, request: web.Request) -> dict[str, str]:
        """Fields that the real one sends with every response, its unusable allow-origin included."""
        return {
            "vary": "trpc-accept, Origin",
            "x-correlation-id": request.headers.get("x-correlation-id") or str(uuid4()),
            "access-control-allow-credentials": "true",
            "access-control-allow-origin": "true",
            "x-content-type-options": "nosniff",
            "x-frame-options": "SAMEORIGIN",
            "referrer-policy": "no-referrer",
            "keep-alive": "timeout=5",
        }

    async def _rest(self, request: web.Request, path: str) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=HTTPStatus.NO_CONTENT)
        name = f"{request.method} {path}"
        route = ROUTES.get(name)
        if route is None:
            return web.Response(status=HTTPStatus.NOT_FOUND, text="404 Not Found")
        self.counts[name] += 1
        return await route(request, self.wall())

    async def _trpc(self, request: web.Request, path: str, query: str, headers: dict[str, str]) -> web.StreamResponse:
        if request.method in ("HEAD", "OPTIONS"):
            return web.Response(status=HTTPStatus.NO_CONTENT)
        try:
            batch = first(query, "batch") == "1"
            streamed = request.headers.get("trpc-accept") == "application/jsonl"
            calls = await self._calls(request, path, query, batch)
            if streamed and not batch:
                raise ProcedureError(400, "Streaming requests must be batched (you can do a batch of 1)")
        except ProcedureError as failure:
            return json_response(failure.status, envelope(CallOutcome("", failure=failure)))
        if streamed:
            return await self._stream(request, calls, headers)
        outcomes = [await self._assisted(self._run(request, call)) for call in calls]
        if batch:
            return json_response(batch_status(outcomes), [envelope(outcome) for outcome in outcomes])
        return json_response(outcomes[0].status, envelope(outcomes[0]))

    async def _calls(self, request: web.Request, path: str, query: str, batch: bool) -> list[_Call]:
        """The calls of a request. Raises ProcedureError where the whole request is refused and nothing runs."""
        if request.method != "GET" and request.content_type != "application/json":
            sent = request.headers.get("content-type")
            raise ProcedureError(415, f'Unsupported content-type "{sent}"' if sent else "Missing content-type header")
        try:
            names = procedure_path(path, PREFIX)
        except ValueError as error:
            raise ProcedureError(500, "URI malformed") from error
        paths = names.split(",") if batch else [names]
        kinds = {PROCEDURES[name].kind for name in paths if name in PROCEDURES}
        if len(kinds) > 1:
            raise ProcedureError(400, f"Cannot mix procedure types in call: {', '.join(sorted(kinds))}")
        text = first(query, "input") if request.method == "GET" else (await request.read()).decode("utf-8", "replace")
        return [
            _Call(name, PROCEDURES.get(name), given)
            for name, given in zip(paths, _inputs(text, paths, batch), strict=True)
        ]

    async def _assisted(self, outcome: CallOutcome) -> CallOutcome:
        """The outcome with the AI service's words in it, where the real one asks for them."""
        if not self.toolkit or outcome.failure or outcome.path not in ASKING:
            return outcome
        try:
            return CallOutcome(outcome.path, value={**outcome.value, "response": await complete(self.toolkit)})
        except ProcedureError as failure:
            return CallOutcome(outcome.path, failure=failure)

    def _run(self, request: web.Request, call: _Call) -> CallOutcome:
        try:
            return CallOutcome(call.path, value=self._value(request, call))
        except ProcedureError as failure:
            return CallOutcome(call.path, failure=failure)

    def _value(self, request: web.Request, call: _Call) -> Any:
        procedure = call.procedure
        if procedure is None:
            raise ProcedureError(404, f'No procedure found on path "{call.path}"')
        if request.method != _METHOD[procedure.kind]:
            raise ProcedureError(
                405, f'Unsupported {request.method}-request to {procedure.kind} procedure at path "{call.path}"'
            )
        self.counts[procedure.name] += 1
        claims = self.accounts.access(request.headers.get("authorization", "")) or {}
        if not procedure.public and not claims:
            raise ProcedureError(401, "Please sign in")
        if call.given is _UNREADABLE:
            raise ProcedureError(400, "The input is not valid JSON")
        problems = procedure.problems(call.given)
        if problems:
            raise ProcedureError(400, "Invalid input", problems)
        given = call.given if isinstance(call.given, dict) else {}
        if procedure.name == "auth.login" and len(self.guesses) < _MOST_GUESSERS:
            client = request.headers.get("x-forwarded-for") or request.remote or ""
            self.guesses[given["email"].lower(), client] += 1
        resolve = RESOLVERS.get(procedure.name)
        return resolve(self.accounts, given, claims) if resolve else {"procedure": procedure.name, "input": call.given}

    async def _read_guesses(self, _: web.Request) -> Any:
        return [
            {"account": account, "address": address, "guesses": n} for (account, address), n in self.guesses.items()
        ]

    async def _stream(self, request: web.Request, calls: list[_Call], headers: dict[str, str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={**headers, "content-type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(stream_head(len(calls)))
        free = itertools.count(len(calls))
        for number, call in enumerate(calls):
            for chunk in stream_chunks(number, self._run(request, call), free):
                await response.write(chunk)
        await response.write_eof()
        return response


def _inputs(text: str | None, paths: list[str], batch: bool) -> list[Any]:
    """The input of each call, its superjson envelope taken off."""
    try:
        sent = json.loads(text) if text else {}
    except ValueError:
        return [_UNREADABLE] * len(paths)
    if not isinstance(sent, dict):
        return [_UNREADABLE] * len(paths)
    envelopes = [sent.get(str(index)) for index in range(len(paths))] if batch else [sent]
    return [each.get("json") if isinstance(each, dict) else None for each in envelopes]
