"""Configurations as the supervisor holds them, checked and frozen."""

from __future__ import annotations

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config

OPS_TOKEN = "an-operators-token-of-more-than-32-bytes"  # opens nothing outside the tests
ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, drain: 5s}
ops: {host: 127.0.0.1, port: 0, token: "${OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor: {endpoints: [{url: "BACKEND"}], breaker: quick}
  stt: {endpoints: [{url: "BACKEND"}]}
breakers:
  quick: {failures: 3}
lockouts:
  accounts: {account: /email}
routes:
  - {name: info, paths: [/api/info], upstream: tutor, auth: public}
"""


def written(folder: Path, backend: str = "http://127.0.0.1:9", more: str = "", **replaced: str) -> Config:
    """The configuration of ``ENTRY`` in ``folder``, with ``more`` behind it and each key of ``replaced`` replaced."""
    text = ENTRY.replace("BACKEND", backend) + more
    for old, new in replaced.items():
        assert old in text
        text = text.replace(old, new)
    (folder / "upstreams.yaml").write_text(text)
    loaded = load(folder / "upstreams.yaml", {"OPS_TOKEN": OPS_TOKEN})
    assert isinstance(loaded, Config), loaded
    return loaded
