"""What the commands of operators make of a response, and of none."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.cli.ops_client import send_order, user_name
from gateway.config.model import Ops
from gateway.core.secret import Secret

Listener = Callable[[int, bytes], Ops]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every order with ``server.response``, and keeps it."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"]))
        server.received.append((self.path, self.headers["authorization"], json.loads(body)))
        status, response = server.response
        self.send_response(status)
        self.send_header("content-length", str(len(response)))
        self.end_headers()
        self.wfile.write(response)

    def log_message(self, *_: object) -> None:
        """Nothing on standard error."""


@contextmanager
def listening(status: int, response: bytes) -> Iterator[tuple[Ops, list[Any]]]:
    """The settings of an operators' listener that answers so, and the orders that it got."""
    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        vars(server).update(response=(status, response), received=[])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Ops(port=server.server_port, token=Secret("a-token")), vars(server)["received"]
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("done", [True, False])
def test_an_order_goes_out_with_the_token_and_its_effect_comes_back(done: bool) -> None:
    with listening(200, json.dumps({"unlocked": done, "more": 1}).encode()) as (ops, received):
        assert send_order(ops, "/v1/unlock", {"account": "ada"}, "unlocked") == {"unlocked": done}
        assert received == [("/v1/unlock", "Bearer a-token", {"account": "ada"})]


def test_a_listener_on_all_addresses_is_reached_on_this_host() -> None:
    with listening(200, b'{"revoked": true}') as (ops, _):
        everywhere = ops.model_copy(update={"host": "0.0.0.0"})
        assert send_order(everywhere, "/v1/revoke", {}, "revoked") == {"revoked": True}


@pytest.mark.parametrize(
    ("status", "response", "sentence"),
    [
        (401, b'{"title": "Operators only"}', "refused with 401: Operators only"),
        (200, b"{}", "is no gateway"),
        (200, b"[]", "is no gateway"),
        (200, b"<html>", "is no gateway"),
    ],
)
def test_another_response_is_an_error(status: int, response: bytes, sentence: str) -> None:
    with listening(status, response) as (ops, _), pytest.raises(ValueError, match=sentence):
        send_order(ops, "/v1/unlock", {"account": "ada"}, "unlocked")


def test_without_a_gateway_the_address_is_named() -> None:
    with listening(200, b"{}") as (ops, _):
        pass
    with pytest.raises(ValueError, match=f"no gateway answers on 127.0.0.1:{ops.port}"):
        send_order(ops, "/v1/unlock", {"account": "ada"}, "unlocked")


def test_a_user_without_a_name_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError

    monkeypatch.setattr("getpass.getuser", nameless)
    assert user_name() == ""
