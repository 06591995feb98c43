"""One request explained."""

from __future__ import annotations

import json
from pathlib import Path

from gateway.core.secret import Secret
from gateway.review.dry_run.request import DryRequest
from gateway.review.explain.explain import LONGEST, explain, shown
from tests.review.dry_run.configs import NOON, made, shipped


def test_each_stage_has_its_settings_and_where_they_are_written(tmp_path: Path) -> None:
    found = explain(made(tmp_path), DryRequest("GET", "/mine", claims={"type": "refresh"}), NOON).as_dict()
    assert (found["canonical"], found["route"], found["verdict"], found["status"]) == (
        "GET /mine",
        "mine",
        "claim_refused",
        403,
    )
    assert found["where"] == f"{tmp_path}/upstreams.yaml:11"
    auth = next(stage for stage in found["stages"] if stage["stage"] == "auth")
    assert (auth["policy"], auth["where"], auth["verdict"]) == (
        "token",
        f"{tmp_path}/upstreams.yaml:5",
        "claim_refused",
    )
    assert auth["named"] == f"defaults {tmp_path}/upstreams.yaml:8"
    settings = {each["name"]: (each["value"], each["where"]) for each in auth["settings"]}
    assert settings["secret"] == ("<secret>", f"{tmp_path}/upstreams.yaml:5")
    assert settings["require.type"] == ("access", f"{tmp_path}/upstreams.yaml:5")
    assert settings["leeway"] == ("0", "default")
    assert "a-signing-secret" not in json.dumps(found)


def test_a_batch_names_the_route_of_each_call_and_is_judged_as_one() -> None:
    target = "/api/trpc/lessons.getAll,leaderboard.searchUsers?batch=1"
    found = explain(shipped(), DryRequest("GET", target), NOON).as_dict()
    assert found["calls"] == [
        {"procedure": "lessons.getAll", "route": "content"},
        {"procedure": "leaderboard.searchUsers", "route": "user-search"},
    ]
    assert found["route"] == "batch"
    assert {stage["policy"] for stage in found["stages"]} >= {"per-client", "search-per-address"}
    assert {one["route"] for one in found["above"]}.isdisjoint({"content", "user-search"})


def test_what_has_no_canonical_spelling_says_so() -> None:
    found = explain(shipped(), DryRequest("GET", "/a%2fb"), NOON).as_dict()
    assert (found["canonical"], found["verdict"], found["above"]) == ("", "path_ambiguous", [])


def test_a_preflight_is_explained_by_the_method_that_it_asks_for() -> None:
    fields = {"origin": "https://linguamate.app", "access-control-request-method": "POST"}
    found = explain(shipped(), DryRequest("OPTIONS", "/api/stt/transcribe", fields), NOON).as_dict()
    assert (found["route"], found["status"], found["verdict"]) == ("transcribe", 204, "pass")
    assert "transcribe" not in {one["route"] for one in found["above"]}


def test_settings_are_shown_on_one_line_and_never_a_secret() -> None:
    assert shown(Secret("hush")) == "<secret>"
    assert shown((Secret("hush"), "x")) == "[<secret>, x]"
    assert shown("a\nb" * 200) == ("a b" * 200)[:LONGEST] + "…"
