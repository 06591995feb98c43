"""A check without secrets: what is missing is filled in, and everything else is checked."""

from __future__ import annotations

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.stand_ins import StandIns

ROOT = Path(__file__).parents[2]


def test_one_name_has_one_value_and_each_another() -> None:
    made = StandIns()
    first = made.value("JWT_SECRET", ("auth", "a", "secret"), True)
    assert first == made.value("JWT_SECRET", ("auth", "b", "secret"), True)
    assert first != made.value("STATE_KEY", ("state", "key"), True)
    assert made.value("URL", ("upstreams", "a", "endpoints", 0, "url"), False) == "https://placeholder.invalid"
    assert made.value("LIMIT", ("rate_limits", "a", "limit"), False) is None
    assert made.names == ["JWT_SECRET", "STATE_KEY", "URL", "LIMIT"]


def test_the_shipped_files_pass_as_production_without_a_single_variable() -> None:
    made = StandIns()
    loaded = load(ROOT / "upstreams.yaml", {}, environment="production", stand_ins=made)
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    assert loaded.environment == "production"
    assert set(made.names) == {"JWT_SECRET", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN", "GATEWAY_STATE_KEY"}


ENTRY = """\
version: 1
environment: development
listen: {tls: {cert: /run/tls/chain.pem, key: /run/tls/key.pem}, trusted_proxies: TRUSTED}
ops: {token: "${file:/run/secrets/ops}"}
state: {path: /proc/none, key: "${KEY}", redis: "${REDIS_URL}"}
upstreams: {tutor: {endpoints: [{url: "${TUTOR_URL}"}], request_headers: {set: {authorization: "Bearer ${API_KEY}"}}}}
bodies: {json: {max: 64KiB}}
rate_limits: {per-client: {limit: "${LIMIT}", key: [address]}}
auth: {a: {kind: jwt, algorithms: [ES256], public_key: "${file:/run/secrets/public}"}}
routes: [{name: a, paths: [/a], upstream: tutor, auth: a, body: json, rate_limits: [per-client]}]
"""


def test_everything_else_is_checked(tmp_path: Path) -> None:
    entry = tmp_path / "upstreams.yaml"
    entry.write_text(ENTRY.replace("TRUSTED", "[]"))
    made = StandIns()
    assert isinstance(load(entry, {}, environment="production", stand_ins=made), Config)
    assert set(made.names) == {
        *(
            "/run/tls/chain.pem",
            "/run/tls/key.pem",
            "/run/secrets/ops",
            "KEY",
            "REDIS_URL",
            "TUTOR_URL",
            "API_KEY",
            "LIMIT",
        ),
        "/run/secrets/public",
    }
    entry.write_text(ENTRY.replace("TRUSTED", "[0.0.0.0/0]").replace("auth: a,", "auth: b,"))
    problems = load(entry, {"KEY": "changeme"}, environment="production", stand_ins=StandIns())
    assert isinstance(problems, list)
    assert [problem.path for problem in problems] == ["listen.trusted_proxies[0]", "state.key", "routes[0].auth"]
    assert isinstance(load(entry, {}), list)
