"""Settings that only a restart changes: which they are, and that none of them is served before."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.process.in_force import in_force, needs_restart
from tests.process.configs import written


@pytest.mark.parametrize(
    ("old", "new", "settings"),
    [
        ("drain: 5s", "drain: 6s", []),
        ("host: 127.0.0.1, port: 0, drain", "host: 127.0.0.2, port: 0, drain", ["listen.host"]),
        ("drain: 5s", "workers: 2", ["listen.workers"]),
        ("drain: 5s", "egress: {port: 8181}", ["listen.egress"]),
        ("port: 0, token", "port: 19, token", ["ops.port"]),
        ('token: "${OPS_TOKEN}"', 'token: "${OPS_TOKEN}", origins: [https://a.example]', ["ops.origins"]),
        ("path: state", "path: other", ["state"]),
    ],
)
def test_settings_that_only_a_restart_changes_are_named(
    tmp_path: Path, old: str, new: str, settings: list[str]
) -> None:
    running, loaded = written(tmp_path), written(tmp_path, **{old: new})
    assert needs_restart(running, loaded) == settings
    served = in_force(running, loaded)
    assert needs_restart(running, served) == [name for name in settings if name == "ops.origins"]
    assert (served is loaded) is (settings == [])


def test_what_a_reload_can_change_is_served_beside_what_it_cannot(tmp_path: Path) -> None:
    running = written(tmp_path)
    loaded = written(tmp_path, **{"path: state": "path: other", "drain: 5s": "drain: 6s"})
    served = in_force(running, loaded)
    assert (served.state, served.listen.drain) == (running.state, loaded.listen.drain)
    assert served.digest not in (running.digest, loaded.digest)
    back = in_force(running, written(tmp_path, **{"path: state": "path: other"}))
    assert back.digest == running.digest, "where nothing else differs, what runs is what ran"
