"""The modules that a worker does without: each of them would be paid for once per core."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.process.channel import Reload, encode

ROOT = Path(__file__).parents[2]
NEVER = {
    "yaml": "a worker gets its configuration checked, and reads no file",
    "aiohttp": "the operators' server and the demo's",
    "typer": "the command line",
    "click": "the command line",
    "rich": "paint",
    "pygments": "paint",
    "gateway.config.load": "a worker gets its configuration checked",
    "prometheus_client": "the supervisor writes the text format",
    "gateway.ops.metrics.run": "the supervisor adds up",
    "gateway.ops.api.app": "the supervisor serves the operators",
    "gateway.process.supervisor": "the supervisor's",
}
UNASKED = {
    "jwt": "tokens with a shared secret",
    "cryptography": "tokens with a shared secret",
    "redis": "state on this host",
    "hiredis": "state on this host",
}
UNSEEN = {
    "jsonschema_rs": "no schemas",
    "python_multipart": "no uploads",
}
# What a worker does before it serves, without its sockets.
BEGIN = """
import asyncio, json, sys, time
import gateway.process.worker_main
from gateway.process.channel import receive
from gateway.process.worker import Runtime, Tools
from gateway.state.memory.store import MemoryStore

async def begin():
    reader = asyncio.StreamReader(limit=2**24)
    reader.feed_data(sys.stdin.buffer.read())
    order = await receive(reader)
    runtime = Runtime(order.config, Tools(MemoryStore(), time.time, ()))
    print(json.dumps([name for name, module in sys.modules.items() if module is not None]))
    await runtime.close()

asyncio.run(begin())
"""
KEY = """-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----"""  # of RFC 8410 section 10.1


def begun(config: Config) -> set[str]:
    """The names of the modules that a worker with ``config`` has loaded when it begins to serve."""
    command = [sys.executable, "-P", "-c", BEGIN]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}  # this tree's code, wherever the package is installed from
    done = subprocess.run(command, input=encode(Reload(config, 0.0)), stdout=subprocess.PIPE, check=True, env=env)
    return set(json.loads(done.stdout))


def shipped(tmp_path: Path, auth: str = "") -> Config:
    """The shipped files, with ``auth`` in place of their tokens."""
    words = ("JWT_SECRET", "GATEWAY_OPS_TOKEN", "TOOLKIT_API_KEY", "GATEWAY_STATE_KEY")
    path = ROOT / "upstreams.yaml"
    if auth:
        shutil.copytree(ROOT / "policies", tmp_path / "policies")
        (tmp_path / "policies" / "auth.yaml").write_text(auth)
        path = tmp_path / "upstreams.yaml"
        path.write_text((ROOT / "upstreams.yaml").read_text())
    config = load(path, {word: f"{word} of more than 32 bytes, all of it" for word in words} | {"KEY": KEY})
    assert isinstance(config, Config), config
    return config


def test_a_worker_loads_nothing_that_it_does_not_use(tmp_path: Path) -> None:
    loaded = begun(shipped(tmp_path))
    assert {name: why for name, why in (NEVER | UNASKED).items() if name in loaded} == {}
    assert "gateway.policy.auth.auth" in loaded  # or the list above says nothing


def test_a_worker_without_schemas_and_uploads_loads_none_of_their_packages(tmp_path: Path) -> None:
    entry = tmp_path / "upstreams.yaml"
    entry.write_text(
        "version: 1\nupstreams: {a: {endpoints: [{url: 'http://127.0.0.1:1'}]}}\n"
        "routes: [{name: a, paths: [/a], upstream: a, auth: public}]\n"
    )
    config = load(entry, {})
    assert isinstance(config, Config), config
    assert {name: why for name, why in UNSEEN.items() if name in begun(config)} == {}
    assert UNSEEN.keys() <= begun(shipped(tmp_path))


def test_what_is_left_out_is_there_when_it_is_asked_for(tmp_path: Path) -> None:
    auth = 'auth:\n  access-token: {kind: jwt, algorithms: [EdDSA], public_key: "${KEY}"}\n'
    assert {"jwt", "cryptography"} <= begun(shipped(tmp_path, auth))
