"""A configuration without the environment: each reference is a stand-in of the kind that its setting takes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.config.by_reference import ByReference
from gateway.config.load import load
from gateway.config.model import Config
from gateway.policy.base.order import Effect
from gateway.policy.kinds import SECTIONS

ROOT = Path(__file__).parents[2]

ENTRY = """\
version: 1
environment: "${ENVIRONMENT}"
region: "${REGION}"
listen:
  host: "${HOST}"
  port: "${PORT}"
  trusted_proxies: ["${PROXY}"]
  drain: "${DRAIN}"
  limits: {header_bytes: "${HEADER}", keepalive: "${KEEPALIVE}", per_address: {unrouted: "${UNROUTED}"}}
ops: {token: "${file:ops-token}", origins: ["${PAGES}"]}
state: {path: "${STATE}", key: "${KEY}", redis: "${REDIS}"}
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR}"}, {url: "http://${INNER_HOST}:81"}, {url: "http://10.0.0.9:${INNER_PORT}"}]
    spill_below: "${SPILL}"
    required: "${REQUIRED}"
    health_check: {path: /health}
    request_headers: {set: {authorization: "Bearer ${API_KEY}"}}
    trpc: {prefix: "${PREFIX}", max_batch: "${BATCH}"}
cors: {app: {origins: ["${ORIGIN}"]}}
bodies: {json: {max: "${MAX}", mode: "${MODE}", until: "${UNTIL}"}}
rate_limits: {per-client: {limit: "${LIMIT}", key: [address]}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", leeway: "${LEEWAY}", require: {type: access}}}
routes:
  - {name: a, paths: ["/a${PATH_END}"], methods: ["${METHOD}"], upstream: tutor, auth: token, cors: app, body: json, rate_limits: [per-client]}
  - {name: b, paths: [/b], auth: public, deny: "${WHY}"}
"""


def read(tmp_path: Path, text: str) -> Config:
    (tmp_path / "upstreams.yaml").write_text(text)
    (tmp_path / "ops-token").write_text("a-secret-of-this-machine")
    loaded = load(tmp_path / "upstreams.yaml", {}, stand_ins=ByReference())
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    return loaded


def test_every_kind_of_setting_has_a_value_and_nothing_is_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, ENTRY)
    assert len(found.routes) == 2 and len(found.upstreams["tutor"].endpoints) == 3
    assert {section: list(named) for section, named in found.policies.items() if named} == {
        "auth": ["token"],
        "bodies": ["json"],
        "cors": ["app"],
        "rate_limits": ["per-client"],
    }
    assert found.ops.token is not None and "machine" not in found.ops.token.reveal()


def _changed(text: str) -> list[str]:
    """``text`` with each reference renamed in its turn."""
    names = [part.partition("}")[0] for part in text.split("${")[1:]]
    return [text.replace(f"${{{name}}}", f"${{{name}_2}}") for name in names]


# Of these there are only a few values, so that two names may have the same.
FEW = ("REQUIRED", "METHOD", "MODE")


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of the entry file as it is, which is the same each time."""
    first, second = (read(tmp_path_factory.mktemp("entry"), ENTRY).digest for _ in range(2))
    assert first == second
    return first


@pytest.mark.parametrize("text", _changed(ENTRY), ids=lambda text: text.partition("_2}")[0].rpartition("${")[2])
def test_another_reference_is_another_value(tmp_path: Path, unchanged: str, text: str) -> None:
    found = read(tmp_path, text).digest
    assert any(f"${{{name}_2}}" in text for name in FEW) or found != unchanged


def test_the_shipped_files_without_a_single_variable() -> None:
    made = ByReference()
    loaded = load(ROOT / "upstreams.yaml", {}, stand_ins=made)
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    assert (made.unfit, set(made.names)) == (
        [],
        {"JWT_SECRET", "JWT_SECRET_OLD", "TOOLKIT_API_KEY", "GATEWAY_OPS_TOKEN", "GATEWAY_STATE_KEY"},
    )


AUTH = """
version: 1
auth: {token: {kind: jwt, algorithms: [HS256], secret: ["${JWT_SECRET}"KEYS]}}
upstreams: {api: {endpoints: [{url: "http://127.0.0.1:1"}]}}
routes: [{name: all, paths: [/a], upstream: api, auth: token}]
"""


def test_a_second_key_counts_though_it_is_empty_by_default(tmp_path: Path) -> None:
    one, other = (read(tmp_path, AUTH.replace("KEYS", keys)) for keys in ("", ', "${OLD:-}"'))
    before, after = (config.policies["auth"]["token"] for config in (one, other))
    ((path, effect, was, becomes, _, _),) = SECTIONS["auth"].compare(before, after)
    assert (path, effect, was, becomes) == (("secret",), Effect.LOOSENS, "${JWT_SECRET}", "[${JWT_SECRET}, ${OLD:-}]")


def test_a_default_is_the_value_whatever_the_environment_has(tmp_path: Path) -> None:
    found = read(tmp_path, ENTRY.replace("${PORT}", "${PORT:-8123}"))
    assert found.listen.port == 8123
    sources = {setting.path: setting.source for setting in found.settings}
    assert (sources["listen.port"], sources["listen.host"]) == ("default of PORT", "environment HOST")
    assert sources["ops.token"] == "file ops-token"


@pytest.mark.parametrize(
    ("path", "within", "starts"),
    [
        (("listen", "port"), "{}", ""),
        (("upstreams", "a", "endpoints", 0, "url"), "{}", "https://"),
        (("upstreams", "a", "endpoints", 0, "url"), "http://{}:80", ""),
        (("nothing", "known"), "{}", "https://"),
    ],
)
def test_the_value_fits_with_what_is_around_it(path: Any, within: str, starts: str) -> None:
    made = ByReference()
    value = made.value("NAME", path, False, lambda text: within.format(text))
    assert value is not None and value.startswith(starts) and made.names == ["NAME"]


def test_where_nothing_fits_nothing_is_guessed() -> None:
    made = ByReference()
    assert made.value("NAME", ("listen", "port"), False, lambda text: f"x{text}") is None
    assert made.unfit == ["listen.port (NAME)"]
