"""The digest: equal exactly where two hosts run the same, and of no use to somebody who tries secrets."""

from __future__ import annotations

import pickle
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.config import digest as module
from gateway.config import worker_count
from gateway.config.cpus import Cpus
from gateway.config.digest import effective_digest
from gateway.config.load import load
from gateway.config.model import Config
from tests.certificate_files import issue

ROOT = Path(__file__).parents[2]
STATE_KEY = "Hh3vR8sWq4bM7mP1kK4hT7fE3cX6wU0q"
ENV = {
    "JWT_SECRET": "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a",
    "GATEWAY_OPS_TOKEN": "Tt2vQ9sXr5bL8mN1kJ4hG7fD3cZ6wY0p",
    "TOOLKIT_API_KEY": "sk-1",
    "GATEWAY_STATE_KEY": STATE_KEY,
}
ENTRY = """\
version: 1
listen: {port: 8080, workers: 2}
ops: {token: "${OPS_TOKEN:-}"}
state: {path: var/state, key: "${STATE_KEY:-}"}
upstreams:
  tutor:
    endpoints: [{url: "${TUTOR_URL:-http://127.0.0.1:8787}"}]
    request_headers: {set: {x-key: "${file:key}", x-other: b}}
    fallback: sorry
fallbacks: {sorry: {file: sorry.json}}
auth: {access: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}}
routes:
  - {name: a, paths: [/a], upstream: tutor, auth: access}
  - {name: b, paths: [/b], upstream: tutor, auth: public}
"""
VARIABLES = {"JWT_SECRET": ENV["JWT_SECRET"], "STATE_KEY": STATE_KEY, "OPS_TOKEN": "abc"}


def digest(
    folder: Path, text: str = ENTRY, env: dict[str, str] | None = None, key: str = "k", sorry: str = "{}"
) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "upstreams.yaml").write_text(text)
    (folder / "key").write_text(key)
    (folder / "sorry.json").write_text(sorry)
    loaded = load(folder / "upstreams.yaml", {**VARIABLES, **(env or {})})
    assert isinstance(loaded, Config), loaded
    assert effective_digest(loaded) == effective_digest(pickle_free(loaded)) == loaded.digest
    return loaded.digest


def pickle_free(config: Config) -> Config:
    return config.served()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("routes:\n", "# a comment\n\nroutes:\n"),
        ("listen: {port: 8080, workers: 2}", "listen: {workers: 2,   port: 8080}"),
        ("listen: {port: 8080, workers: 2}", "listen: {workers: 2}"),
        (
            "listen: {port: 8080, workers: 2}",
            "listen:\n  port: 8080\n  drain: {announce: 5000ms, finish: 20s}\n  workers: 2",
        ),
        ("version: 1\n", "version: 1\nenvironment: development\n"),
        ("version: 1\n", "include: [more/*.yaml]\nversion: 1\n"),
        ('{x-key: "${file:key}", x-other: b}', "{x-other: b, x-key: k}"),
        ('"${JWT_SECRET}"', '["${JWT_SECRET}", "${OLD:-}"]'),
        ('"${JWT_SECRET}"', ENV["JWT_SECRET"]),
        ("${TUTOR_URL:-http://127.0.0.1:8787}", "http://127.0.0.1:8787"),
        ("auth: access}", "auth: access, methods: [GET]}"),
    ],
)
def test_two_hosts_that_run_the_same_have_one_digest(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "a.yaml").write_text("# nothing\n")
    assert old in ENTRY
    assert digest(tmp_path, ENTRY.replace(old, new)) == digest(tmp_path)


def test_the_folder_and_the_split_into_files_make_no_difference(tmp_path: Path) -> None:
    first = digest(tmp_path / "here")
    assert digest(tmp_path / "there") == first
    apart = ENTRY.replace(
        'auth: {access: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}}', "include: [p.yaml]"
    )
    (tmp_path / "here" / "p.yaml").write_text(
        'auth: {access: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}"}}'
    )
    assert digest(tmp_path / "here", apart) == first


def test_one_worker_a_core_is_the_same_on_a_host_with_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = ENTRY.replace("workers: 2", "workers: auto")
    found = set()
    for cores in (2, 64):
        monkeypatch.setattr(worker_count, "available", lambda cores=cores: Cpus(cores, cores))
        found.add(digest(tmp_path, text))
    assert len(found) == 1
    assert found != {digest(tmp_path)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("port: 8080", "port: 8081"),
        ("workers: 2", "workers: 3"),
        ("var/state", "var/other"),
        ("x-other: b", "x-other: c"),
        ("- {name: a", "- {name: c"),
        ("/b]", "/b, /c]"),
        ("auth: public", "auth: access"),
        ("[HS256]", "[HS256, HS512]"),
        ("version: 1\n", "version: 1\nenvironment: staging\n"),
        ("version: 1\n", "version: 1\nregion: eu\n"),
        ("    fallback: sorry\n", "    fallback: sorry\n    max_connections: 999\n"),
    ],
)
def test_a_setting_that_differs_makes_another_digest(tmp_path: Path, old: str, new: str) -> None:
    assert old in ENTRY
    assert digest(tmp_path, ENTRY.replace(old, new)) != digest(tmp_path)


def test_routes_in_another_order_are_another_configuration(tmp_path: Path) -> None:
    lines = ENTRY.splitlines(keepends=True)
    assert digest(tmp_path, "".join([*lines[:-2], lines[-1], lines[-2]])) != digest(tmp_path)


@pytest.mark.parametrize("state_key", [STATE_KEY, "", "weak"])
def test_values_of_variables_and_files_count(tmp_path: Path, state_key: str) -> None:
    env = {"STATE_KEY": state_key}
    found = [
        digest(tmp_path, env=env),
        digest(tmp_path, env={**env, "JWT_SECRET": "x" * 32}),
        digest(tmp_path, env={**env, "OPS_TOKEN": "abd"}),
        digest(tmp_path, env={**env, "OPS_TOKEN": ""}),
        digest(tmp_path, env={**env, "TUTOR_URL": "http://127.0.0.1:8788"}),
        digest(tmp_path, env=env, key="K"),
        digest(tmp_path, env=env, sorry="[]"),
        digest(tmp_path, env={"STATE_KEY": state_key + "+"}),
    ]
    assert len(set(found)) == len(found)


def test_the_certificate_in_use_counts_and_not_its_name(tmp_path: Path) -> None:
    issue(tmp_path, "first")
    text = ENTRY.replace("workers: 2", "workers: 2, tls: {cert: cert.pem, key: key.pem}")
    first = digest(tmp_path, text)
    for name in ("cert", "key"):
        shutil.copy(tmp_path / f"{name}.pem", tmp_path / f"other-{name}.pem")
    renamed = text.replace("cert.pem", "other-cert.pem").replace("key.pem", "other-key.pem")
    assert digest(tmp_path, renamed) == first
    issue(tmp_path, "second")
    assert digest(tmp_path, text) != first


def test_what_is_not_ascii_has_a_digest(tmp_path: Path) -> None:
    text = ENTRY.replace(
        "- {name: b, paths: [/b], upstream: tutor", '- {name: b, paths: [/b], deny: "größer ${WHY:-x}"'
    )
    assert digest(tmp_path, text, {"WHY": "ß" * 32}) != digest(tmp_path, text)


def test_a_weak_secret_is_not_found_by_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody has the files, /health and every variable but one strong one: no guess of a weak one can be confirmed."""
    seen = digest(tmp_path)
    guessed = {digest(tmp_path, env={"STATE_KEY": "guess of it", "OPS_TOKEN": token}) for token in ("abc", "abd")}
    assert seen not in guessed
    # Without state.key the strongest of the others is the key.
    seen = digest(tmp_path, env={"STATE_KEY": ""})
    unknown = {"STATE_KEY": "", "JWT_SECRET": "Zz7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6b"}
    assert seen not in {digest(tmp_path, env={**unknown, "OPS_TOKEN": token}) for token in ("abc", "abd")}
    # With none that is strong each guess is made dear.
    stretched = []
    genuine = module.scrypt
    monkeypatch.setattr(module, "scrypt", lambda *args, **named: stretched.append(1) or genuine(*args, **named))
    digest(tmp_path, env={"STATE_KEY": "", "JWT_SECRET": "dev"})
    assert stretched
    stretched.clear()
    digest(tmp_path)
    assert not stretched


def test_it_is_no_hash_of_anything_that_is_public(tmp_path: Path) -> None:
    found = digest(tmp_path)
    assert found not in {
        sha256(ENTRY.encode()).hexdigest(),
        sha256((tmp_path / "upstreams.yaml").read_bytes()).hexdigest(),
    }
    assert len(found) == 64


def test_every_type_that_a_configuration_may_have_is_known() -> None:
    loaded = load(ROOT / "upstreams.yaml", ENV)
    assert isinstance(loaded, Config), loaded
    assert loaded.digest == effective_digest(loaded)
    with pytest.raises(TypeError, match="no digest of a object"):
        module._leaf(object())
    assert pickle.loads(pickle.dumps(loaded.listen)).workers.written == "auto"
