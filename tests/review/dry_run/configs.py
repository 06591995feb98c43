"""Configurations for dry runs, written and loaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.stand_ins import StandIns

ROOT = Path(__file__).parents[3]
NOON = 1_767_268_800.0

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}
auth:
  token: {kind: jwt, algorithms: [HS256], secret: "a-signing-secret-of-more-than-32-bytes", require: {type: access}}
rate_limits:
  two: {limit: 2/minute, key: [address]}
defaults: {auth: token, rate_limits: [two]}
routes:
  - {name: info, paths: [/info], upstream: tutor, auth: public}
  - {name: mine, paths: [/mine], upstream: tutor}
  - {name: closed, paths: [/closed], upstream: tutor, auth: public, deny: "not yet"}
"""


def made(folder: Path, entry: str = ENTRY, env: Mapping[str, str] | None = None) -> Config:
    """``entry`` as a file in ``folder``, loaded."""
    (folder / "upstreams.yaml").write_text(entry)
    config = load(folder / "upstreams.yaml", env or {})
    assert isinstance(config, Config), "\n".join(map(str, config))
    return config


def shipped() -> Config:
    """The shipped files, with placeholders."""
    config = load(ROOT / "upstreams.yaml", {}, stand_ins=StandIns())
    assert isinstance(config, Config), "\n".join(map(str, config))
    return config
