"""Who is measured: how each is set up and started."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.process import AROUND, CORES, MEASURED, free_port, start, stop, tree
from bench.scenarios import BARE, LOGGED, POLICIES, REDIS, TWO
from bench.tokens import base64url

HERE = Path(__file__).parent
PEERS = HERE / "peers"
JS_MODULES = ("/usr/lib/nginx/modules/ngx_http_js_module.so", "/usr/lib64/nginx/modules/ngx_http_js_module.so")


@dataclass(frozen=True, slots=True)
class Setting:
    """What one start needs to know."""

    folder: Path
    mode: str
    port: int
    upstream_port: int
    secret: str
    redis: str = ""

    @property
    def upstream(self) -> str:
        return f"http://127.0.0.1:{self.upstream_port}"

    @property
    def log(self) -> Path:
        return self.folder / "access.log"

    def filled(self, source: Path) -> Path:
        """The configuration with its places filled in, in the folder of this start."""
        text = source.read_text()
        if self.mode == LOGGED:
            text = text.replace("#log ", "")
        js_module = next((path for path in JS_MODULES if Path(path).exists()), JS_MODULES[0])
        places = {
            "PORT": str(self.port),
            "UPSTREAM_PORT": str(self.upstream_port),
            "UPSTREAM": self.upstream,
            "SECRET": self.secret,
            "SECRET_BASE64URL": base64url(self.secret),
            "DIR": str(self.folder),
            "CONFIG_DIR": str(self.folder),
            "DYNAMIC": str(self.folder / ("bare.yaml" if self.mode == BARE else "policies.yaml")),
            "LOG": str(self.log),
            "NGINX_LOG": f"{self.log} combined buffer=64k flush=1s" if self.mode == LOGGED else "off",
            "JS_MODULE": js_module,
        }
        for name, value in places.items():
            text = text.replace(f"@{name}@", value)
        target = self.folder / source.name
        target.write_text(text)
        return target


Command = tuple[list[str], dict[str, str]]


def _kind(setting: Setting) -> str:
    return "bare" if setting.mode == BARE else "policies"


def _gateway(setting: Setting) -> Command:
    config = HERE / "gateway" / ("bare.yaml" if setting.mode == BARE else "upstreams.yaml")
    if setting.mode == REDIS:
        config = _with_redis(config, setting)
    environment = {
        "BENCH_PORT": str(setting.port),
        "BENCH_UPSTREAM": setting.upstream,
        "BENCH_SECRET": setting.secret,
        "BENCH_STATE": str(setting.folder / "state"),
        "PYTHONPATH": str(HERE.parent),
    }
    workers = "2" if setting.mode == TWO else "1"
    return [sys.executable, "-m", "gateway", "run", "--config", str(config), "--workers", workers], environment


def _with_redis(config: Path, setting: Setting) -> Path:
    """The same files, with the address of a Redis in the one line that differs."""
    target = setting.folder / "gateway"
    shutil.copytree(config.parent, target)
    text = config.read_text()
    line = 'state: {path: "${BENCH_STATE}"}'
    assert line in text, "the bench's own configuration has lost its state line"
    key = base64url(setting.secret)
    (target / config.name).write_text(
        text.replace(line, line.removesuffix("}") + f', redis: "{setting.redis}", key: "{key}"}}')
    )
    return target / config.name


def _envoy(setting: Setting) -> Command:
    config = setting.filled(PEERS / "envoy" / f"{_kind(setting)}.yaml")
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
    return [found("envoy"), "-c", str(config), *options], {}


def _haproxy(setting: Setting) -> Command:
    return [found("haproxy"), "-db", "-f", str(setting.filled(PEERS / "haproxy" / f"{_kind(setting)}.cfg"))], {}


def _nginx(setting: Setting) -> Command:
    setting.filled(PEERS / "nginx" / "token.js")
    config = setting.filled(PEERS / "nginx" / f"{_kind(setting)}.conf")
    return [found("nginx"), "-p", str(setting.folder), "-c", str(config)], {}


def _traefik(setting: Setting) -> Command:
    setting.filled(PEERS / "traefik" / f"{_kind(setting)}.yaml")
    return [found("traefik"), f"--configfile={setting.filled(PEERS / 'traefik' / 'static.yaml')}"], {}


def _aiohttp(setting: Setting) -> Command:
    script = str(PEERS / "aiohttp" / "proxy.py")
    return [sys.executable, script, str(setting.port), setting.upstream, setting.secret, setting.mode], {}


def found(program: str) -> str:
    """Where a program is: beside this interpreter, or on the path. Raises FileNotFoundError."""
    beside = Path(sys.executable).parent / program
    where = (
        str(beside) if beside.exists() else shutil.which(program, path="/usr/sbin:/usr/bin:/usr/local/bin:/sbin:/bin")
    )
    if where is None:
        raise FileNotFoundError(f"{program} is not installed: scripts/bench brings it")
    return where


PEER_MODES = (BARE, POLICIES, LOGGED)


@dataclass(frozen=True, slots=True)
class Contestant:
    """The gateway or a peer."""

    name: str
    command: Callable[[Setting], Command]
    version: tuple[str, ...] = ()
    modes: tuple[str, ...] = PEER_MODES
    reads_tokens: bool = True
    judges: bool = False
    """Looks into what requests carry."""
    own_log: bool = False
    """Writes the access log to its file itself; otherwise it comes on standard output."""

    def start(self, setting: Setting) -> Running:
        """Start it, pinned. Raises FileNotFoundError when it is not installed."""
        command, environment = self.command(setting)
        cores = set(CORES) if setting.mode == TWO else MEASURED
        logged = setting.mode in (LOGGED, REDIS, TWO) and not self.own_log
        errors = setting.folder / "errors.log"
        process = start(command, cores, setting.log if logged else None, errors, environment, setting.folder)
        return Running(self, setting, process, errors)

    def described(self) -> str:
        """Its version as it tells itself."""
        if not self.version:
            return ""
        told = subprocess.run(
            [found(self.version[0]), *self.version[1:]], capture_output=True, text=True, timeout=20, check=False
        )
        number = re.search(r"(?<![\w.])\d+\.\d+\.\d+", told.stdout + told.stderr)
        return number[0] if number else ""


@dataclass(slots=True)
class Running:
    """A started contestant."""

    contestant: Contestant
    setting: Setting
    process: subprocess.Popen[bytes]
    errors: Path
    pids: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.setting.port}"

    def look(self) -> None:
        """Learn its processes."""
        self.pids = tree(self.process.pid)

    def stop(self) -> None:
        stop(self.process)


CONTESTANTS = (
    Contestant("gateway", _gateway, modes=(*PEER_MODES, REDIS, TWO), judges=True),
    Contestant("envoy", _envoy, ("envoy", "--version"), own_log=True),
    Contestant("haproxy", _haproxy, ("haproxy", "-v")),
    Contestant("nginx", _nginx, ("nginx", "-v"), own_log=True),
    Contestant("traefik", _traefik, ("traefik", "version"), reads_tokens=False, own_log=True),
    Contestant("aiohttp", _aiohttp),
)


def start_upstream(folder: Path, secret: str) -> tuple[subprocess.Popen[bytes], int]:
    """The backend of all, on the other core; its process and port."""
    files = folder / "files"
    files.mkdir(parents=True)
    (files / "items.json").write_text(
        '{"items":[' + ",".join(f'{{"id":{n},"name":"item {n}"}}' for n in range(40)) + "]}"
    )
    (files / "file.bin").write_bytes(bytes(range(256)) * 39063)  # 10 MB
    for path in (folder, files, *files.iterdir()):
        path.chmod(0o755)
    port = free_port()
    setting = Setting(folder, BARE, port, port, secret)
    config = setting.filled(HERE / "upstream" / "nginx.conf")
    return start([found("nginx"), "-p", str(folder), "-c", str(config)], AROUND, errors=folder / "start.err"), port
