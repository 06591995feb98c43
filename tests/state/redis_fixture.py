"""Real Redis servers on free ports, in folders of their own, gone when the test is."""

import asyncio
import contextlib
import datetime
import ipaddress
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.state.redis.store import TIMEOUT, RedisStore
from gateway.state.redis.watchdog import ReplyWatchdog
from gateway.state.rules.gcra import Take, Taken
from gateway.state.rules.lockout import Attempt, Lock, Reserved
from gateway.state.rules.revocation import Revocation
from tests.free_port import BUS, free_port

# Milliseconds. Sentinels that find each other, a replica and a lost master sooner do the same; and one that the machine
# did not let run for two seconds must not take that for a broken clock and do nothing for half a minute (tilt).
SENTINEL_TIMES = (
    *("INFO-PERIOD", "200", "PING-PERIOD", "100", "ASK-PERIOD", "100", "PUBLISH-PERIOD", "100"),
    *("TILT-TRIGGER", "60000", "TILT-PERIOD", "1000"),
)
KEY = b"a key that all replicas of a test share"
LONGEST = 10.0  # seconds for what a machine under load does late


def wait_until(what: str, happened: Callable[[], bool]) -> None:
    """``tests.eventually`` for where no loop runs; fails after ``LONGEST``."""
    end, pause = time.monotonic() + LONGEST, threading.Event()
    while not happened():
        assert time.monotonic() < end, f"{what} did not happen"
        pause.wait(0.01)


class Server:
    """One redis-server (or sentinel) process. A missing program fails the test."""

    def __init__(self, folder: Path, *arguments: str, port: int = 0, tls: bool = False, password: str = "") -> None:
        self.folder = folder
        self.port = port or free_port()
        self.password = password
        self._tls = tls
        self._arguments = list(arguments)
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, empty, and waits until it answers."""
        listening = ("--tls-port", str(self.port), "--port", "0") if self._tls else ("--port", str(self.port))
        command = ["redis-server", *self._arguments, *listening, "--dir", str(self.folder)]
        command += ["--bind", "127.0.0.1", "--logfile", str(self.folder / "log")]
        if "--sentinel" not in self._arguments:
            command += ["--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(f"redis-server on {self.port}", self._listens)

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
            return self._tls or "LOADING" not in self.say("PING")
        return False

    def say(self, *words: str) -> str:
        """What the server answers to an inline command, as it is on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), LONGEST) as wire, wire.makefile("rwb") as stream:
            if self.password:
                stream.write(f"AUTH {self.password}\r\n".encode())
                stream.flush()
                stream.readline()
            stream.write(b"".join([b"*%d\r\n" % len(words), *(b"$%d\r\n%b\r\n" % (len(w), w) for w in _raw(words))]))
            stream.flush()
            line = stream.readline()
            if line.startswith(b"$") and line != b"$-1\r\n":
                return stream.read(int(line[1:]) + 2).decode()
            return line.decode()

    def replicated(self) -> bool:
        """Waits until a replica has what was written so far; whether one has. WAIT is about writes of its own connection,
        so there has to be one."""
        with socket.create_connection(("127.0.0.1", self.port), LONGEST) as wire, wire.makefile("rwb") as stream:
            stream.write(b"SET replicated 1 PX 1000\r\nWAIT 1 %d\r\n" % (LONGEST * 900))
            stream.flush()
            return [stream.readline(), stream.readline()] == [b"+OK\r\n", b":1\r\n"]

    def signal(self, what: signal.Signals) -> None:
        """STOP and CONT pause it and let it go on, KILL ends it at once."""
        assert self._process is not None
        os.kill(self._process.pid, what)
        if what in (signal.SIGKILL, signal.SIGTERM):
            self._process.wait(LONGEST)

    def stop(self) -> None:
        """Ends it, however it is."""
        if self._process is not None and self._process.poll() is None:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGKILL)


def _raw(words: Sequence[str]) -> list[bytes]:
    return [word.encode() for word in words]


@contextlib.contextmanager
def server(folder: Path, *arguments: str, port: int = 0, tls: bool = False, password: str = "") -> Iterator[Server]:
    """One server for the time of the block."""
    made = Server(folder, *arguments, port=port, tls=tls, password=password)
    try:
        yield made
    finally:
        made.stop()


@contextlib.contextmanager
def cluster(folder: Path) -> Iterator[list[Server]]:
    """Three masters that share the slots."""
    nodes: list[Server] = []
    with contextlib.ExitStack() as stack:
        for number in range(3):
            options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "1000")
            nodes.append(stack.enter_context(server(folder / str(number), *options, port=free_port(BUS))))
        bounds = (0, 5461, 10923, 16384)
        for node, first, following in zip(nodes, bounds, bounds[1:], strict=False):
            assert node.say("CLUSTER", "ADDSLOTSRANGE", str(first), str(following - 1)) == "+OK\r\n"
        for number, node in enumerate(nodes):
            node.say("CLUSTER", "SET-CONFIG-EPOCH", str(number + 1))
            for other in nodes[:number]:
                node.say("CLUSTER", "MEET", "127.0.0.1", str(other.port))
        wait_until("the cluster", lambda: all(_joined(node) for node in nodes))
        yield nodes


def _joined(node: Server) -> bool:
    info = node.say("CLUSTER", "INFO")
    return "cluster_state:ok" in info and "cluster_known_nodes:3" in info and "cluster_slots_ok:16384" in info


class Watched(NamedTuple):
    """A master and its replica, watched by three sentinels whose URL it is."""

    url: str
    master: Server
    replica: Server
    sentinels: Sequence[Server]

    def lose_master(self) -> None:
        """Ends the master once the replica has all that was written. Only from then on does a sentinel take 400 ms of
        silence for its end: before, a machine that does not let the master run for so long would make them fail over.
        It is one of them, so that votes are not split between several, which costs them six seconds; the others elect."""
        assert self.master.replicated()
        self.master.stop()
        assert self.sentinels[0].say("SENTINEL", "SET", "tutor", "down-after-milliseconds", "400") == "+OK\r\n"


@contextlib.contextmanager
def sentinels(folder: Path) -> Iterator[Watched]:
    """Real ones, each a process of its own."""
    with contextlib.ExitStack() as stack:
        at_once = ("--repl-diskless-sync-delay", "0")  # a master waits five seconds for more replicas otherwise
        master = stack.enter_context(server(folder / "master", *at_once))
        following = ("--replicaof", f"127.0.0.1 {master.port}")
        replica = stack.enter_context(server(folder / "replica", *at_once, *following))
        wait_until("replication", lambda: "master_link_status:up" in replica.say("INFO", "replication"))
        watching = []
        for number in range(3):
            place = folder / f"sentinel{number}"
            place.mkdir()
            file = place / "sentinel.conf"
            file.write_text(
                f"sentinel monitor tutor 127.0.0.1 {master.port} 1\n"
                "sentinel down-after-milliseconds tutor 60000\n"
                "sentinel failover-timeout tutor 3000\n"
            )
            watching.append(stack.enter_context(server(place, str(file), "--sentinel")))
            assert watching[-1].say("SENTINEL", "DEBUG", *SENTINEL_TIMES) == "+OK\r\n"
        wait_until("the sentinels", lambda: all(_watches(one, master) for one in watching))
        hosts = ",".join(f"127.0.0.1:{one.port}" for one in watching)
        yield Watched(f"redis+sentinel://{hosts}/tutor", master, replica, watching)


def _watches(one: Server, master: Server) -> bool:
    return f"address=127.0.0.1:{master.port},slaves=1,sentinels=3" in one.say("INFO", "sentinel")


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-made certificate for 127.0.0.1, its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis of a test")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


class CountingWatchdog(ReplyWatchdog):
    """Counts its checks, and takes no load of this machine for an excuse: time is no measure in a test."""

    def __init__(self, timeout: float = TIMEOUT) -> None:
        super().__init__(timeout, lambda: False)
        self.checked = 0

    def check(self) -> None:
        self.checked += 1
        super().check()


class WaitingStore:
    """The store over Redis as the contract suites call stores: every verb waits for its reply."""

    def __init__(self, url: str) -> None:
        self._closed = False
        self._runner = asyncio.Runner()
        self._store = RedisStore(url, KEY, timeout=5.0)
        self._run(self._store.restore([], 0.0))

    def _run(self, verb: Coroutine[Any, Any, Any]) -> Any:
        return self._runner.run(verb)

    def take(self, takes: Sequence[Take], now: float) -> Sequence[Taken]:
        return self._run(self._store.take(takes, now))  # type: ignore[no-any-return]  # as the verb says

    def reserve(self, attempts: Sequence[Attempt], now: float) -> Sequence[Reserved]:
        return self._run(self._store.reserve(attempts, now))  # type: ignore[no-any-return]  # as the verb says

    def settle(self, attempts: Sequence[Attempt], failed: bool | None, now: float) -> Sequence[Lock]:
        return self._run(self._store.settle(attempts, failed, now))  # type: ignore[no-any-return]  # as the verb says

    def locks(self, now: float, limit: int) -> Sequence[Lock]:
        return self._run(self._store.locks(now, limit))  # type: ignore[no-any-return]  # as the verb says

    def lock_name(self, kind: str, key: bytes) -> str:
        return self._store.name_of(kind, key).partition(":")[2]

    def unlock(self, kind: str, key: bytes, now: float) -> bool:
        return bool(self._run(self._store.unlock(kind, key, now)))

    def revoke(self, kind: str, key: bytes, until: float, now: float) -> bool:
        return bool(self._run(self._store.revoke(kind, key, until, now)))

    def merge_revocations(self, news: Sequence[Revocation], now: float) -> bool:
        return bool(self._run(self._store.merge_revocations(news, now)))

    def revocations(self, now: float) -> Sequence[Revocation]:
        return self._run(self._store.revocations(now))  # type: ignore[no-any-return]  # as the verb says

    def revocation_name(self, kind: str, key: bytes) -> bytes:
        return self._store.revocation_name(kind, key)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._run(self._store.close())
            self._run(self._store.close())
            self._runner.close()
