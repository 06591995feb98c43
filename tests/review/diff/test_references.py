"""References to the environment: another one is another value that nobody knows, whatever the stand-ins are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.by_reference import ByReference
from gateway.config.load import load
from gateway.config.model import Config
from gateway.policy.base.order import Effect
from gateway.review.diff.diff import differences
from gateway.review.diff.references import with_references

ENTRY = """\
version: 1
listen: {limits: {connections: "CONNECTIONS"}, trusted_proxies: PROXIES}
upstreams: {tutor: {endpoints: [{url: "URL"}]}}
auth: {token: {kind: jwt, algorithms: [HS256], secret: "SECRET", require: {type: access}}}
bodies: {json: {max: "MAX", types: [application/json], mode: "MODE"}}
routes: [{name: a, paths: [/a], methods: [POST], upstream: tutor, auth: token, body: json}]
"""
VALUES = {
    "CONNECTIONS": "1000",
    "PROXIES": "[]",
    "URL": "http://127.0.0.1:1",
    "SECRET": "${JWT_SECRET}",
    "MAX": "1KiB",
    "MODE": "enforce",
}


def side(tmp_path: Path, names: dict[str, str] | None = None, **values: str) -> Config:
    text = ENTRY
    for name, value in {**VALUES, **values}.items():
        text = text.replace(name, value) if value != "${JWT_SECRET}" else text.replace('"SECRET"', '"${JWT_SECRET}"')
    (tmp_path / "upstreams.yaml").write_text(text)
    made = ByReference()
    loaded = load(tmp_path / "upstreams.yaml", {}, stand_ins=made)
    if names is not None:
        names |= made.values
    assert isinstance(loaded, Config), "\n".join(map(str, loaded))
    return loaded


def effects(tmp_path: Path, old: dict[str, str], new: dict[str, str]) -> dict[str, Effect]:
    before, after = side(tmp_path, **old), side(tmp_path, **new)
    found = with_references(differences(before, after, witnesses=False), before, after, {})
    assert len({change.setting for change in found}) == len(found)
    return {change.setting: change.effect for change in found}


def test_the_same_reference_is_no_change(tmp_path: Path) -> None:
    for value in ("${MAX_BODY}", "${MAX_BODY:-1KiB}", "1KiB"):
        assert effects(tmp_path, {"MAX": value}, {"MAX": value}) == {}


@pytest.mark.parametrize(
    ("key", "setting", "before", "after", "effect"),
    [
        ("MAX", "bodies.json.max", "${MAX_BODY:-1KiB}", "${MAX_BODY:-2KiB}", Effect.LOOSENS),
        ("MAX", "bodies.json.max", "${MAX_BODY:-2KiB}", "${MAX_BODY:-1KiB}", Effect.TIGHTENS),
        ("MAX", "bodies.json.max", "1KiB", "${MAX_BODY:-1KiB}", Effect.CHANGES),
        ("MAX", "bodies.json.max", "1KiB", "${MAX_BODY:-2KiB}", Effect.LOOSENS),
        ("MAX", "bodies.json.max", "${MAX_A:-1KiB}", "${MAX_B:-1KiB}", Effect.CHANGES),
        ("MAX", "bodies.json.max", "${MAX_BODY}", "1KiB", Effect.LOOSENS),
        ("MODE", "bodies.json.mode", "enforce", "${MODE_NOW}", Effect.LOOSENS),
        ("MODE", "bodies.json.mode", "${MODE_A}", "${MODE_B}", Effect.LOOSENS),
        ("CONNECTIONS", "listen.limits.connections", "${CONN_A}", "${CONN_B}", Effect.LOOSENS),
        ("CONNECTIONS", "listen.limits.connections", "${CONN_B}", "${CONN_A}", Effect.LOOSENS),
        ("SECRET", "auth.token.secret", "${JWT_SECRET}", "${JWT_KEY}", Effect.LOOSENS),
    ],
)
def test_another_reference(tmp_path: Path, key: str, setting: str, before: str, after: str, effect: Effect) -> None:
    assert effects(tmp_path, {key: before}, {key: after}) == {setting: effect}


def test_no_value_is_shown_that_stands_for_a_reference(tmp_path: Path) -> None:
    names: dict[str, str] = {}
    before = side(tmp_path, names)
    after = side(tmp_path, names, SECRET="${JWT_KEY}", MAX="${MAX_BODY}", URL="${TUTOR_URL}")
    found = with_references(differences(before, after, witnesses=False), before, after, names)
    shown = {change.setting: (change.before, change.after, change.routes) for change in found}
    assert shown["auth.token.secret"] == ("${JWT_SECRET}", "${JWT_KEY}", ("a",))
    assert shown["bodies.json.max"] == ("a value in the file", "${MAX_BODY}", ("a",))
    assert found[0].where_old.endswith(":4") and found[0].where_new.endswith(":4")
    assert all("invalid" not in f"{change.before}{change.after}{change.why}" for change in found)
    assert any("${TUTOR_URL}" in change.after for change in found)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[]", '["${PROXIES_A:-}"]'),
        ('["${PROXIES_A:-}"]', '["${PROXIES_B:-}"]'),
        ('[10.0.0.0/8, "${PROXIES_A:-}"]', '[10.0.0.0/8, "${PROXIES_A:-}", "${PROXIES_B:-}"]'),
    ],
)
def test_an_item_that_is_empty_by_default_may_be_set_to_something(tmp_path: Path, before: str, after: str) -> None:
    expected = {"listen.trusted_proxies": Effect.CHANGES}
    for one, other in ((before, after), (after, before)):
        assert effects(tmp_path, {"PROXIES": one}, {"PROXIES": other}) == expected
    assert effects(tmp_path, {"PROXIES": after}, {"PROXIES": after}) == {}
