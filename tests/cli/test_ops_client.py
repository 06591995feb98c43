"""What the commands of operators make of a response, and of none."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway.cli.ops_client import OpsListener, OpsResponse, ask, expect, listener_at, send_order, user_name
from gateway.config.model import Ops
from gateway.core.secret import Secret
from tests.certificate_files import issue

Listener = Callable[[int, bytes], Ops]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every order with ``server.response``, and keeps it."""

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers["content-length"] or 0)) or b"{}"
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


CLIENTS = b'{"title": "Not Found", "status": 404, "reason": "no_route", "request_id": "x"}'


@pytest.mark.parametrize(
    ("status", "response", "sentence"),
    [
        (401, b'{"title": "Operators only"}', "this gateway knows another one; name its file with --token-file"),
        (404, CLIENTS, "is the listener for clients: write the port of ops.port"),
        (404, b'{"title": "Not Found"}', "knows no /v1/x: it is an older one"),
        (302, b"", "answers on .* with 302 is no gateway"),
        (400, b"The plain HTTP request was sent to HTTPS port", "is no gateway: is it https://"),
        (200, b"[" * 100_000, "is no gateway"),
    ],
)
def test_who_answers_is_said(status: int, response: bytes, sentence: str) -> None:
    with listening(status, response) as (ops, _), pytest.raises(ValueError, match=sentence):
        ask(OpsListener.of(ops), "GET", "/v1/x")


def test_without_a_token_the_sentence_says_that_none_was_sent() -> None:
    with listening(401, b'{"title": "Operators only"}') as (ops, _), pytest.raises(ValueError, match="none was sent"):
        ask(OpsListener(ops.host, ops.port), "GET", "/health")
    with listening(403, b'{"title": "Not this host"}') as (ops, _), pytest.raises(ValueError, match="only a loopback"):
        ask(OpsListener(ops.host, ops.port), "GET", "/health")


def test_what_the_other_side_says_cannot_steer_the_terminal() -> None:
    title = json.dumps({"title": "\x1b[2Jgone"}).encode()
    with listening(418, title) as (ops, _), pytest.raises(ValueError, match="refused with 418") as refused:
        expect(ask(OpsListener.of(ops), "GET", "/health"))
    assert "\x1b" not in str(refused.value)
    assert OpsResponse(200, {"title": 7}).title == "7"


@contextmanager
def speaking(octets: bytes, tls: ssl.SSLContext | None = None, pause: float = 0.0) -> Iterator[int]:
    """The port of a listener that sends ``octets`` whatever it is asked, one at a time with a pause."""
    slowly = threading.Event()  # never set
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            try:
                accepted, _ = server.accept()
                with accepted if tls is None else tls.wrap_socket(accepted, server_side=True) as client:
                    client.recv(65536)
                    for octet in octets:
                        client.sendall(bytes((octet,)))
                        slowly.wait(pause)
            except OSError:
                pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(5)


def test_http_and_https_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with speaking(b"HTTP/1.1 200 OK\r\n\r\n") as port, pytest.raises(ValueError, match="no TLS: write http://"):
        ask(listener_at(f"https://127.0.0.1:{port}", None), "GET", "/health")
    issue(tmp_path, "ops")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    with speaking(b"", context) as port, pytest.raises(ValueError, match="no plain HTTP: is it https://"):
        ask(listener_at(f"http://127.0.0.1:{port}", None), "GET", "/health")
    with speaking(b"", context) as port, pytest.raises(ValueError, match="certificate is not trusted"):
        ask(listener_at(f"https://127.0.0.1:{port}", None), "GET", "/health")
    with speaking(b"SSH-2.0-OpenSSH_9.2\r\n") as port, pytest.raises(ValueError, match="no plain HTTP"):
        ask(listener_at(f"http://127.0.0.1:{port}", None), "GET", "/health")


def test_a_response_that_drips_ends_with_the_clock() -> None:
    begun = time.monotonic()
    with speaking(b"HTTP/1.1 200 OK\r\n" + b"x" * 200, pause=0.02) as port:
        with pytest.raises(ValueError, match=r"no gateway answers on .*: it took too long"):
            ask(listener_at(f"http://127.0.0.1:{port}", None), "GET", "/health", timeout=0.3)
        assert time.monotonic() - begun < 3


def test_a_name_that_cannot_be_resolved() -> None:
    with pytest.raises(ValueError, match="cannot be resolved"):
        ask(listener_at("http://nowhere.invalid:9090", None), "GET", "/health")


def test_addresses_with_a_path_and_of_ipv6() -> None:
    behind = listener_at("https://ops.example/gateway/", None)
    assert (behind.host, behind.port, behind.tls, behind.prefix) == ("ops.example", 443, True, "/gateway")
    assert listener_at("http://[::1]:9090", None).label == "[::1]:9090"
