"""The JSON of a review: one entry for each route, counted so, with what shows it."""

from __future__ import annotations

import json
from typing import Any

from gateway.policy.base.order import Effect
from gateway.review.diff.as_json import as_json
from tests.review.diff.reviews import ADA, change, review, witness


def decoded(*changes: Any, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(as_json(review(*changes, **more))))
    return found


def test_nothing_is_no_change() -> None:
    found = decoded()
    assert (found["loosens"], found["tightens"], found["changes"]) == (0, 0, [])
    assert (found["old"], found["new"]) == ("main", "upstreams.yaml")


def test_an_entry_has_what_the_interface_promises() -> None:
    shown = witness(method="POST", target="/a", headers=(("origin", "https://b"),), body=b"{}", repeat=6)
    (entry,) = decoded(change(routes=("login",), witnesses={"login": shown}, danger=70))["changes"]
    assert entry | {"witness": None} == {
        "id": "c12",
        "effect": "loosens",
        "route": "login",
        "setting": "cors.app.origins",
        "before": "[a]",
        "after": "[a, b]",
        "where": {"old": "policies/cors.yaml:3", "new": "policies/cors.yaml:4"},
        "witness": None,
        "unwitnessed": "",
        "why": "More pages may call.",
        "danger": 70,
        "acknowledged": None,
    }
    found = entry["witness"]
    assert (found["method"], found["target"], found["headers"]) == ("POST", "/a", {"origin": "https://b"})
    assert (found["before"], found["after"], found["repeat"], found["body"]) == ("no_route", "pass", 6, "{}")
    assert found["curl"].startswith("for i in $(seq 6); do curl")


def test_one_entry_for_each_route_and_one_for_no_route() -> None:
    found = decoded(
        change(routes=("a", "b"), witnesses={"b": witness()}),
        change(Effect.TIGHTENS, id="c13", routes=("a", "b", "c")),
        change(Effect.CHANGES, id="c14"),
        change(id="c15", routes=("d",), acknowledged=ADA),
    )
    assert (found["loosens"], found["tightens"], found["acknowledged"]) == (3, 3, 1)
    assert [(one["id"], one["route"]) for one in found["changes"]] == [
        *(("c12", "a"), ("c12", "b")),
        *(("c13", "a"), ("c13", "b"), ("c13", "c")),
        ("c14", ""),
        ("c15", "d"),
    ]
    assert [one["witness"]["route"] for one in found["changes"][:2]] == ["b", "b"], (
        "the witness of the change shows both"
    )
    assert [one["witness"] for one in found["changes"][2:]] == [None] * 5
    assert found["changes"][-1]["acknowledged"] == {
        "by": "ada",
        "reason": "agreed in the meeting",
        "until": "2027-01-31",
    }


def test_a_body_that_is_no_text_is_base64() -> None:
    (entry,) = decoded(change(routes=("a",), witnesses={"a": witness(body=b"\xff\0")}))["changes"]
    assert entry["witness"]["body_base64"] == "/wA=" and "body" not in entry["witness"]


def test_a_long_body_is_not_written_again_for_each_route() -> None:
    shown = {"b": witness(body=b"a" * 100_001)}
    found = decoded(change(routes=tuple("abcdefgh"), witnesses=shown))["changes"]
    assert [one["witness"] is not None for one in found] == [one["route"] == "b" for one in found]
    assert all(("that of b" in one["unwitnessed"]) is (one["route"] != "b") for one in found)
    assert len(json.dumps(found)) < 110_000
