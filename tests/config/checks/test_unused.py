"""A policy or an upstream that nothing names is mentioned, and keeps nothing from running."""

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config

ENTRY = """\
version: 1
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], breaker: external, fallback: [other, mock]}
  spare: {endpoints: [{url: "http://127.0.0.1:2"}]}
  lonely: {endpoints: [{url: "http://127.0.0.1:3"}]}
defaults: {rate_limits: [by-default]}
routes:
  - {name: a, paths: [/a], upstream: tutor, auth: public, rate_limits: [by-route]}
rate_limits:
  by-default: {limit: 5/minute, key: [address]}
  by-route: {limit: 5/minute, key: [address]}
  by-nobody: {limit: 5/minute, key: [address]}
breakers: {external: {}, broken: {}}
fallbacks: {mock: {json: {}}, other: {upstream: spare}, nothing: {json: {}}}
lockouts: {forgotten: {account: /email, failures: 10, everywhere: {failures: 100, within: 1h, lock_for: 1h}}}
"""


def test_what_nothing_names(tmp_path: Path) -> None:
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    loaded = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(loaded, Config), loaded
    assert [f"{w.line}:{w.column} {w.path} {w.sentence}; {w.hint}" for w in loaded.warnings] == [
        "5:11 upstreams.lonely is used by nothing; name it in a route's upstream, or remove it",
        "12:3 rate_limits.by-nobody is used by nothing; name it in a route's rate_limits, or remove it",
        "13:26 breakers.broken is used by nothing; name it in the breaker of an upstream, or remove it",
        "14:57 fallbacks.nothing is used by nothing; name it in the fallback of an upstream, or remove it",
        "15:12 lockouts.forgotten is used by nothing; name it in a route's lockout, or remove it",
    ]


def test_the_shipped_files_have_nothing_that_is_unused() -> None:
    secret = "2c71d4e8ab5036cd17e49a02b6f85d9f"
    env = {"JWT_SECRET": secret, "TOOLKIT_API_KEY": "k", "GATEWAY_OPS_TOKEN": secret[::-1]}
    loaded = load(Path(__file__).parents[3] / "upstreams.yaml", env)
    assert isinstance(loaded, Config), loaded
    assert [str(warning) for warning in loaded.warnings] == []
