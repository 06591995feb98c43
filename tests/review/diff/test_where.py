"""Where a setting is written: its own line, or that of the group around it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.review.diff.where import Places
from tests.review.diff.written import config

TEXT = """
listen:
  port: 8080
  limits:
    connections: 10
defaults:
  auth: public
  body: small
routes:
  - name: one
    paths: [/one]
    upstream: files
    schema: {none: "a test"}
  - name: two
    paths: [/two]
    upstream: files
    schema: {none: "a test"}
"""
BODIES = """
bodies:
  small:
    max: 1KiB
    types: [application/json]
"""


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(config(tmp_path, TEXT, {"policies/bodies.yaml": BODIES}))


def text_at(at: str) -> str:
    file, _, line = at.rpartition(":")
    return Path(file).read_text().splitlines()[int(line) - 1].strip()


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("listen", "port"), "port: 8080"),
        (("listen", "limits", "connections"), "connections: 10"),
        (("listen", "limits", "header_bytes"), "connections: 10"),
        (("listen", "tls", "cert"), "port: 8080"),
        (("bodies", "small", "types"), "types: [application/json]"),
        (("bodies", "small", "query", "max"), "max: 1KiB"),
        (("defaults", "body"), "body: small"),
        (("defaults", "cors"), "auth: public"),
    ],
    ids=str,
)
def test_a_setting_is_where_it_is_written_or_its_group_is(places: Places, path: tuple[str, ...], line: str) -> None:
    assert text_at(places.setting(path)) == line


@pytest.mark.parametrize(
    "path", [("bodies", "other"), ("upstreams", "other", "timeouts"), ("ops", "port"), ("region",)]
)
def test_what_is_not_there_is_nowhere(places: Places, path: tuple[str, ...]) -> None:
    assert places.setting(path) == ""


def test_a_route_is_where_its_entry_begins(places: Places) -> None:
    assert text_at(places.route("two")) == "- name: two"
    assert places.route("three") == ""
