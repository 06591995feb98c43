"""A browser may send a header that the upstream does not get: a warning says so, and the gateway starts."""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from tests.config.problems import Problems

ENTRY = """
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}]%s}
  other: {endpoints: [{url: "http://127.0.0.1:2"}]}
cors:
  app: {origins: ["https://a.example"], request_headers: [content-type, x-odd, x-app-build]}
routes:
  - {name: one, paths: [/one], upstream: tutor, auth: public, cors: app}
  - {name: two, paths: [/two], upstream: tutor, auth: public, cors: app}
  - {name: closed, paths: [/three], deny: closed, cors: app}
  - {name: bare, paths: [/four], upstream: other, auth: public}
"""


def test_each_header_is_named_once_for_an_upstream(warnings_of: Problems) -> None:
    assert warnings_of(ENTRY % "") == [
        "cors.app.request_headers[1] names x-odd, which tutor does not get, as on the route one",
        "cors.app.request_headers[2] names x-app-build, which tutor does not get, as on the route one",
    ]


@pytest.mark.parametrize(
    "edits",
    [
        "pass: [x-app-*, X-Odd]",
        "pass: [x-odd], set: {X-App-Build: '1'}",
    ],
)
def test_what_passes_or_is_changed_on_purpose_is_no_mistake(edits: str, warnings_of: Problems) -> None:
    assert warnings_of(ENTRY % f", request_headers: {{{edits}}}") == []


def test_what_is_removed_on_purpose_is_named_once_where_nobody_gets_it(warnings_of: Problems) -> None:
    text = ENTRY % ", request_headers: {pass: [x-app-build], remove: [x-odd]}"
    assert warnings_of(text) == [
        "cors.app.request_headers[1] names x-odd, which no upstream behind it gets: tutor has it in remove"
    ]
    assert warnings_of(text.replace("upstream: other, auth: public", "upstream: other, auth: public, cors: app")) == [
        "cors.app.request_headers[1] names x-odd, which other does not get, as on the route bare",
        "cors.app.request_headers[2] names x-app-build, which other does not get, as on the route bare",
    ]


def test_the_upstream_that_stands_in_for_another_one_counts_too(warnings_of: Problems) -> None:
    text = (ENTRY % ", request_headers: {pass: [x-app-build, x-odd]}, fallback: spare").replace(
        "cors:", "fallbacks: {spare: {upstream: other}}\ncors:", 1
    )
    assert warnings_of(text) == [
        "cors.app.request_headers[1] names x-odd, which other does not get, as on the route one",
        "cors.app.request_headers[2] names x-app-build, which other does not get, as on the route one",
    ]
    removed = text.replace("x-odd]}", "], remove: [x-odd]}")
    assert warnings_of(removed)[-1].startswith("cors.app.request_headers[2] names x-app-build, which other")
    passed = '"http://127.0.0.1:2"}], request_headers: {pass: [x-odd, x-app-build]}'
    assert warnings_of(removed.replace('"http://127.0.0.1:2"}]', passed)) == []


@pytest.mark.parametrize("header", ["x_odd", "x-user-id", "te"])
def test_no_hint_is_given_that_check_refuses(header: str, tmp_path: Path) -> None:
    entry = tmp_path / "upstreams.yaml"
    entry.write_text("version: 1\n" + (ENTRY % "").replace("x-odd, x-app-build", header))
    loaded = load(entry, {})
    assert isinstance(loaded, Config)
    assert [warning.hint for warning in loaded.warnings] == ["remove it here: no upstream ever gets it from a client"]
