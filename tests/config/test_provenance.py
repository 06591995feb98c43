"""What is set from where: files, variables, files of secrets, written defaults, and what nobody has written."""

from __future__ import annotations

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.setting import Setting
from gateway.core.secret import Secret

ENTRY = """\
version: 1
listen: {port: "${PORT:-8080}"}
ops: {token: "${file:token}"}
upstreams:
  tutor: {endpoints: [{url: "${TUTOR_URL}"}], request_headers: {set: {x-key: "Bearer ${KEY}"}}}
auth: {access: {kind: jwt, algorithms: [HS256], secret: ["${NEW}", "${OLD:-}", "${file:token}"]}}
cors: {app: {origins: ["${ORIGINS}", "https://b.example"], methods: [GET]}}
defaults: {auth: access}
routes:
  - {name: a, paths: [/a], upstream: tutor}
  - {name: b, paths: [/b], upstream: tutor, auth: public, cors: app}
"""
ENV = {"TUTOR_URL": "http://127.0.0.1:1", "KEY": "k", "NEW": "n" * 32, "ORIGINS": "https://a.example,https://c.example"}


def settings(folder: Path) -> dict[str, Setting]:
    (folder / "token").write_text("a-token-of-more-than-32-characters\n")
    (folder / "upstreams.yaml").write_text(ENTRY)
    loaded = load(folder / "upstreams.yaml", ENV)
    assert isinstance(loaded, Config), loaded
    found = {setting.path: setting for setting in loaded.settings}
    assert len(found) == len(loaded.settings), "each once"
    assert loaded.served().settings == ()
    return found


def test_each_setting_names_its_source_and_its_line(tmp_path: Path) -> None:
    found = settings(tmp_path)
    shown = {path: (setting.value, setting.source, setting.at.rpartition("/")[2]) for path, setting in found.items()}
    assert shown["listen.port"] == (8080, "default of PORT", "upstreams.yaml:2:16")
    assert shown["listen.host"] == ("0.0.0.0", "default", "")
    assert shown["upstreams.tutor.endpoints[0].url"] == (
        "http://127.0.0.1:1",
        "environment TUTOR_URL",
        "upstreams.yaml:5:29",
    )
    assert shown["cors.app.origins"][1] == "environment ORIGINS"
    assert shown["cors.app.methods"][1:] == ("file", "upstreams.yaml:7:69")
    assert shown["routes.a.auth"] == ("access", "defaults", "")
    assert shown["routes.b.auth"] == ("public", "file", "upstreams.yaml:11:51")
    assert shown["defaults.auth"][1] == "file"


def test_secrets_stay_secrets(tmp_path: Path) -> None:
    found = settings(tmp_path)
    secret = {path: setting.source for path, setting in found.items() if isinstance(setting.value, Secret)}
    assert secret == {
        "ops.token": "file token",
        "upstreams.tutor.request_headers.set.x-key": "environment KEY",
        "auth.access.secret[0]": "environment NEW",
        "auth.access.secret[1]": "file token",
    }
    assert "a-token-of" not in repr(found) and "n" * 32 not in repr(found)


def test_where_policies_and_upstreams_are_named_is_known_and_no_part_of_what_is_served(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("a-token-of-more-than-32-characters\n")
    (tmp_path / "upstreams.yaml").write_text(ENTRY)
    loaded = load(tmp_path / "upstreams.yaml", ENV)
    assert isinstance(loaded, Config)
    named = {path: at.rpartition("/")[2] for path, at in loaded.named_at.items()}
    assert named == {
        "upstreams.tutor": "upstreams.yaml:5",
        "auth.access": "upstreams.yaml:6",
        "cors.app": "upstreams.yaml:7",
    }
    assert loaded.served().named_at == {}
