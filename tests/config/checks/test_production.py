"""What ``environment: production`` refuses, one rule at a time; the cases hold all of it together."""

import os
from pathlib import Path

import pytest

from gateway.config.checks.production import cannot_open, is_private
from gateway.config.upstream_settings import EndpointSettings
from tests.config.problems import Problems


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8787",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://localhost",
        "http://LOCALHOST.",
        "http://tutor",
        "http://10.255.0.1",
        "http://172.31.0.1",
        "http://192.168.1.1",
        "http://[fd12::1]",
        "http://tutor.default.svc.cluster.local",
        "http://tutor.default.svc",
        "http://host.docker.internal",
    ],
)
def test_private_upstreams(url: str) -> None:
    assert is_private(EndpointSettings(url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://172.32.0.1",
        "http://11.0.0.1",
        "http://8.8.8.8",
        "http://100.64.0.1",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://linguamate.app",
        "http://internal.linguamate.app",
        "http://10.0.0.1.nip.io",
        "http://notlocal",
        "http://mylocalhost.com",
    ],
)
def test_upstreams_that_others_can_listen_to(url: str) -> None:
    assert is_private(EndpointSettings(url=url)) is (
        url == "http://notlocal"
    )  # a name without a dot never leaves the network


def test_a_store_that_can_be_opened_is_not_made_by_checking(tmp_path: Path) -> None:
    assert cannot_open(tmp_path / "var" / "state") is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cannot_open(tmp_path / "file") == "is not a folder"
    assert "may not be written to" in (cannot_open(tmp_path / "file" / "state") or "")


@pytest.mark.parametrize("target", ["/nowhere/at/all", "state"])
def test_a_store_behind_a_link_that_leads_nowhere(tmp_path: Path, target: str) -> None:
    (tmp_path / "state").symlink_to(tmp_path / target)
    assert cannot_open(tmp_path / "state") == "cannot be opened: it is a link that leads nowhere"


def test_a_store_on_a_full_disk_has_to_be_there_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = list(os.statvfs(tmp_path))
    numbers[3] = numbers[4] = 0  # f_bfree, f_bavail
    monkeypatch.setattr("os.statvfs", lambda path: os.statvfs_result(numbers))
    assert cannot_open(tmp_path / "var" / "state") == "cannot be opened: no room is left on its disk"
    (tmp_path / "data.mdb").touch()
    assert cannot_open(tmp_path) is None


def test_a_store_that_cannot_even_be_looked_for(tmp_path: Path) -> None:
    assert cannot_open(tmp_path / ("x" * 300)) == "cannot be opened: File name too long"


@pytest.mark.parametrize("name", ["", "data.mdb"])
def test_a_state_of_another_user_is_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A volume that a container of another user has written to."""
    (tmp_path / "data.mdb").touch()
    closed = tmp_path / name
    monkeypatch.setattr("os.access", lambda path, mode: Path(path) != closed)
    monkeypatch.setattr("os.geteuid", lambda: 54321)
    found = cannot_open(tmp_path) or ""
    assert found.endswith(f": it belongs to uid {closed.stat().st_uid}, the gateway runs as uid 54321")


def test_a_placeholder_in_a_list_of_one_has_one_message(problems_of: Problems) -> None:
    text = 'environment: production\nstate: {key: "${KEY}"}\nroutes: []\n'
    auth = 'auth: {a: {kind: jwt, algorithms: [HS256], secret: ["${JWT}", "${OLD:-}"]}}\n'
    found = problems_of(text + auth, KEY="9f2c71d4e8ab5036cd17e49a02b6f85d", JWT="...")
    assert found == ["auth.a.secret[0] is a placeholder and no secret"]
