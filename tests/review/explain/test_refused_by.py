"""Settings that refuse outside the stages."""

from pathlib import Path

import pytest

from gateway.review.dry_run.request import DryRequest
from gateway.review.explain.explain import explain
from tests.review.dry_run.configs import made

ENTRY = """\
version: 1
listen:
  limits: {header_bytes: 2KiB, body_timeout: 3s}
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}
defaults: {auth: public}
bodies: {json: {max: 1KiB, types: [application/json]}}
routes:
  - name: closed
    procedures: [a.closed]
    upstream: tutor
    deny: "not yet"
  - name: alone
    procedures: [a.alone]
    upstream: tutor
    methods: [POST]
    body: json
    batch: deny
"""

CALL = "/api/trpc/a.alone"


@pytest.mark.parametrize(
    ("request_", "verdict", "note"),
    [
        (DryRequest("GET", "/api/trpc/a.closed"), "route_denied", "routes.closed.deny (upstreams.yaml:12)"),
        (DryRequest("POST", f"{CALL},a.alone?batch=1"), "batch_refused", "routes.alone.batch (upstreams.yaml:18)"),
        (
            DryRequest("POST", CALL + ",a.alone" * 20 + "?batch=1"),
            "batch_too_large",
            "upstreams.tutor.trpc.max_batch (upstreams.yaml:5)",
        ),
        (
            DryRequest("GET", "/", {"x": "a" * 4000}),
            "headers_too_large",
            "listen.limits.header_bytes (upstreams.yaml:3)",
        ),
        (
            DryRequest("POST", CALL, {"content-type": "application/json", "content-length": "9"}, b"{}"),
            "body_timeout",
            "listen.limits.body_timeout (upstreams.yaml:3)",
        ),
    ],
)
def test_the_setting_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request_: DryRequest, verdict: str, note: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = explain(made(Path(), ENTRY), request_, 1.8e9)
    assert (found.outcome.verdict, found.notes[0]) == (verdict, f"refused by {note}")


def test_what_a_stage_refuses_or_nothing_does_has_no_such_note(tmp_path: Path) -> None:
    config = made(tmp_path, ENTRY)
    for request in (DryRequest("POST", CALL), DryRequest("POST", CALL, {"content-type": "text/plain"}, b"x")):
        assert not any("refused by" in note for note in explain(config, request, 1.8e9).notes)
