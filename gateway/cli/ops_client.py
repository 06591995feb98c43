"""The client of the operators' listener, for commands that ask or order something of a running gateway."""

from __future__ import annotations

import getpass
import http.client
import json as jsonlib
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from gateway.cli.reaching import http_connection
from gateway.config.model import Ops
from gateway.core.secret import Secret
from gateway.ops.plain import clean

TIMEOUT = 10.0  # seconds for a whole exchange
RELOADING = 60.0  # seconds for a reload: each worker has some to compile what the files say
LARGEST = 8 * 1024 * 1024  # bytes of a response that are read

_ON_THIS_HOST = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # how a listener on all addresses is reached from here
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class OpsListener:
    """Where an operators' listener is reached, and with which token. ``prefix`` is a path before those of the gateway."""

    host: str
    port: int
    token: Secret | None = None
    tls: bool = False
    prefix: str = ""

    @classmethod
    def of(cls, ops: Ops) -> OpsListener:
        """The listener that a configuration describes, as it is reached from this host."""
        return cls(_ON_THIS_HOST.get(ops.host, ops.host), ops.port, ops.token or None)

    @property
    def label(self) -> str:
        """Host and port for people."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class OpsResponse:
    """``status`` of HTTP, and the JSON object in the body."""

    status: int
    body: dict[str, Any]

    @property
    def title(self) -> str:
        """What a problem is about."""
        return clean(str(self.body.get("title", "")))


def listener_at(url: str, token: Secret | None) -> OpsListener:
    """The listener at ``url``: ``http://HOST:PORT``, ``https://HOST:PORT`` or ``HOST:PORT``. Raises ValueError."""
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"--ops is no address: {error}") from None
    if parts.scheme not in _PORTS:
        raise ValueError(f"--ops begins with {clean(parts.scheme)}://: write http:// or https://")
    if parts.username is not None or parts.password is not None:
        raise ValueError("--ops holds a user or a password, which everybody on this host can see: use --token-file")
    if not parts.hostname or parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in text):
        raise ValueError("--ops is no address: write it like http://127.0.0.1:9090")
    if "://" not in url and port is None:
        raise ValueError(f"--ops names no port: write it like http://{clean(parts.hostname)}:9090")
    tls = parts.scheme == "https"
    return OpsListener(parts.hostname, port or _PORTS[parts.scheme], token, tls, parts.path.rstrip("/"))


def ask(
    listener: OpsListener, method: str, path: str, order: dict[str, Any] | None = None, timeout: float = TIMEOUT
) -> OpsResponse:
    """Send a request, with ``order`` as its JSON body, and read the response within ``timeout`` seconds.

    Raises ValueError with a sentence when no gateway is there, or when it takes no orders of whoever asks.
    """
    headers = {"content-type": "application/json"} if order is not None else {}
    if listener.token:
        headers["authorization"] = f"Bearer {listener.token.reveal()}"
    connection = _connection(listener, timeout)
    late = threading.Event()
    clock = threading.Timer(timeout, _cut, (connection, late))  # a socket's own timeout is for each byte
    clock.daemon = True
    clock.start()
    try:
        body = None if order is None else jsonlib.dumps(order)
        connection.request(method, listener.prefix + path, body, headers)
        response = connection.getresponse()
        octets = response.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise ValueError(_why_not(listener, error, late.is_set())) from error
    finally:
        clock.cancel()
        connection.close()
    if late.is_set():  # a head that is cut looks like a whole one to http.client
        raise ValueError(_why_not(listener, TimeoutError(), True))
    try:
        decoded = jsonlib.loads(octets)
    except (ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise ValueError(_no_gateway(listener, response.status))
    found = OpsResponse(response.status, decoded)
    _refuse_others(listener, path, found)
    return found


def send_order(ops: Ops | OpsListener, path: str, order: dict[str, str], done: str) -> dict[str, bool]:
    """Send ``order`` to the operators' listener. Returns the member ``done`` of its response, whether it had an effect.

    Raises ValueError with a sentence when the order is refused or no gateway is there.
    """
    listener = ops if isinstance(ops, OpsListener) else OpsListener.of(ops)
    response = expect(ask(listener, "POST", path, order))
    try:
        return {done: response[done] is True}
    except KeyError as error:
        raise ValueError(_no_gateway(listener, 200)) from error


def expect(response: OpsResponse) -> dict[str, Any]:
    """The body of a response with 200. Raises ValueError with the problem of any other."""
    if response.status != 200:
        raise ValueError(f"refused with {response.status}: {response.title}")
    return response.body


def _connection(listener: OpsListener, timeout: float) -> http.client.HTTPConnection:
    tls = ssl.create_default_context() if listener.tls else None
    return http_connection(listener.host, listener.port, timeout, tls)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> None:
    late.set()
    sock: socket.socket | None = connection.sock
    if sock is not None:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            sock.close()


def _why_not(listener: OpsListener, error: Exception, timed_out: bool) -> str:
    """Why there is no response, and what to look at."""
    where = listener.label
    if timed_out or isinstance(error, TimeoutError):
        return f"no gateway answers on {where}: it took too long"
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"its certificate is not trusted ({error.verify_message})"
        return f"no gateway answers on {where}: {why}; SSL_CERT_FILE names an authority of your own"
    if isinstance(error, ssl.SSLError) and listener.tls:
        return f"what answers on {where} speaks no TLS: write http:// in place of https://"
    if isinstance(error, ConnectionRefusedError):
        hint = "is it running, and is this its ops.host and ops.port?"
        return f"no gateway answers on {where}: {error.strerror or error}; {hint}"
    if isinstance(error, socket.gaierror):
        return f"no gateway answers on {where}: the name cannot be resolved ({error.strerror})"
    if isinstance(error, http.client.HTTPException | ConnectionResetError) and not listener.tls:
        return f"what answers on {where} speaks no plain HTTP: is it https://?"
    return f"no gateway answers on {where}: {clean(str(error))}"


def _no_gateway(listener: OpsListener, status: int) -> str:
    hint = ": is it https://?" if status == 400 and not listener.tls else ", or not its operators' listener (ops.port)"
    return f"what answers on {listener.label} with {status} is no gateway{hint}"


def _refuse_others(listener: OpsListener, path: str, response: OpsResponse) -> None:
    """Raises ValueError for the responses of what is no operators' listener, and of one that does not know the token."""
    if response.status == 401 and "reason" not in response.body:
        what = "this gateway knows another one" if listener.token else "none was sent"
        hint = "name its file with --token-file, or set GATEWAY_OPS_TOKEN"
        raise ValueError(f"refused with 401: {response.title}; the token: {what}; {hint}")
    if response.status == 403 and "reason" not in response.body and not listener.token:
        raise ValueError(f"refused with 403: {response.title}; without a token only a loopback address will do")
    if "reason" in response.body and "request_id" in response.body:
        hint = "write the port of ops.port, which is 9090 by default"
        raise ValueError(f"what answers on {listener.label} is the listener for clients: {hint}")
    if response.status == 404 and response.title == "Not Found":
        raise ValueError(f"the gateway on {listener.label} knows no {path}: it is an older one")


def user_name() -> str:
    """The user of this shell, empty where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a numbered user of a container has no name
        return ""
