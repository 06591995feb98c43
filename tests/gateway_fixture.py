"""A real gateway on a real socket, in this process: the fixture of every test that speaks over the wire."""

from __future__ import annotations

import contextlib
import socket
import ssl
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.core.addresses import Resolver
from gateway.core.exchange import Exchange
from gateway.core.shortage import Shortage
from gateway.policy.base.tools import NoEvents, OperatorEvents, Tools
from gateway.proxy.compile.limits import limits_of
from gateway.proxy.compile.runtime import Runtime
from gateway.proxy.flow.arrival import HealthPaths
from gateway.proxy.server.server import Server
from gateway.state.memory.store import MemoryStore
from gateway.state.store import Store

SECRET = "a-signing-secret-of-more-than-32-bytes"  # signs nothing outside the tests

POLICIES = """\
auth:
  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}, leeway: 5s}
cors:
  app:
    origins: ["https://linguamate.app", "https://*.linguamate.app"]
    methods: [GET, POST]
    request_headers: [content-type, authorization, x-correlation-id, x-session-id, trpc-accept]
    credentials: true
rate_limits:
  per-client: {limit: 100000/minute, key: [address]}
bodies:
  json: {max: 64KiB, types: [application/json]}
response_headers:
  secure: {}
"""


@dataclass
class Recorder:
    """An Observer that remembers."""

    begun: int = 0
    exchanges: list[Exchange] = field(default_factory=list)
    events: list[tuple[str, dict[str, object]]] = field(default_factory=list)
    shortages: list[tuple[Shortage, str]] = field(default_factory=list)

    def begin(self, exchange: Exchange) -> None:
        self.begun += 1

    def done(self, exchange: Exchange, elapsed: float) -> None:
        self.exchanges.append(exchange)

    def event(self, name: str, **fields: object) -> None:
        self.events.append((name, fields))

    def shortage(self, kind: Shortage, where: str) -> None:
        self.shortages.append((kind, where))

    @property
    def reasons(self) -> list[str]:
        return [exchange.reason for exchange in self.exchanges]


@dataclass
class Running:
    """What a test holds of a running gateway."""

    server: Server
    runtime: Runtime
    config: Config
    port: int
    seen: Recorder
    store: MemoryStore

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def written(folder: Path, entry: str, policies: str, env: Mapping[str, str]) -> Config:
    """``entry`` and ``policies`` as files in ``folder``, loaded."""
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "upstreams.yaml").write_text(entry)
    (folder / "policies" / "all.yaml").write_text(policies)
    config = load(folder / "upstreams.yaml", {"JWT_SECRET": SECRET, **env})
    assert isinstance(config, Config), "\n".join(str(problem) for problem in config)
    return config


@contextlib.asynccontextmanager
async def running_gateway(
    entry: str | Path,
    env: Mapping[str, str] | None = None,
    *,
    policies: str = POLICIES,
    wall: Callable[[], float] = time.time,
    store: Store | None = None,
    tls: ssl.SSLContext | None = None,
    health: HealthPaths = lambda _: None,
    events: OperatorEvents | None = None,
    resolver: Resolver | None = None,
    seen: Recorder | None = None,
) -> AsyncIterator[Running]:
    """A gateway for the configuration text ``entry`` (or the file at that path), on a free port of loopback.

    The text needs ``include: [policies/*.yaml]`` to see ``policies``.
    """
    with tempfile.TemporaryDirectory() as folder:
        if isinstance(entry, Path):
            loaded = load(entry, {"JWT_SECRET": SECRET, **(env or {})})
            assert isinstance(loaded, Config), "\n".join(str(problem) for problem in loaded)
            config = loaded
        else:
            config = written(Path(folder), entry, policies, env or {})
        seen, store = seen or Recorder(), store or MemoryStore()
        server = Server(limits_of(config), seen, health)
        requests = config.listen.limits.per_address.requests
        listen = config.listen
        tools = Tools(
            store,
            wall,
            listen.trusted_proxies,
            None,
            events or NoEvents(),
            requests,
            listen.trusted_fields,
            resolver or Resolver(),
        )
        runtime = Runtime(config, tools)
        runtime.start()
        server.swap(runtime)
        sock = socket.create_server(("127.0.0.1", 0))
        await server.start(sock, tls)
        try:
            yield Running(server, runtime, config, sock.getsockname()[1], seen, store)
        finally:
            await server.drain(1.0)
            await runtime.close()
