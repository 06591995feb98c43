"""A browser may send a header that the upstream does not get: a warning says so, and the gateway starts."""

import pytest

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
        "pass: [x-app-build], remove: [x-odd]",
        "pass: [x-odd], set: {X-App-Build: '1'}",
    ],
)
def test_what_passes_or_is_changed_on_purpose_is_no_mistake(edits: str, warnings_of: Problems) -> None:
    assert warnings_of(ENTRY % f", request_headers: {{{edits}}}") == []
