"""All findings together: their order, their lines, and those that somebody answers for."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.stand_ins import StandIns
from gateway.review.lint.findings import findings
from tests.processor_time import processor_time, takes_at_most
from tests.review.lint.configurations import CLEAN, Judged, loaded

OPEN = "{routes: [{name: content, rate_limits: []}, {name: user, rate_limits: []}]}"
ENTRY = Path(__file__).parents[3] / "upstreams.yaml"


def accepting(finding: str, **more: str) -> dict[str, object]:
    written = {"by": "Ada", "reason": "guests come from one proxy", "until": "2027-01-31", **more}
    return {"acknowledge": [{"finding": finding, **written}]}


def test_the_worst_comes_first_then_the_order_of_the_files(judged: Judged) -> None:
    found = judged(OPEN, "{cors: {app: {cross_site: allow}}, upstreams: {tutor: {health_check: null}}}")
    assert [(one.severity, one.path) for one in found] == [
        ("high", "routes.content"),
        ("medium", "upstreams.tutor"),
        ("low", "cors.app.cross_site"),
        ("low", "routes.user"),
    ]


def test_a_finding_is_at_the_line_of_what_it_is_about(judged: Judged, tmp_path: Path) -> None:
    found = judged(OPEN, "{auth: {token: {leeway: 5m}}, ops: {host: 10.0.0.1}}")
    lines = (tmp_path / "upstreams.yaml").read_text().splitlines()
    shown = {one.path: lines[int(one.where.rpartition(":")[2]) - 1].strip() for one in found}
    assert shown["auth.token.leeway"] == "leeway: 5m" and shown["ops.host"] == "host: 10.0.0.1"
    assert shown["routes.content"] == "- name: content"
    (unset,) = judged("{listen: {limits: null}}")
    assert unset.where == f"{tmp_path}/upstreams.yaml:1"  # where nothing is written


def test_a_policy_or_an_upstream_is_where_it_is_named(judged: Judged, tmp_path: Path) -> None:
    found = judged("{auth: {token: {require: null}}, upstreams: {tutor: {health_check: null}}}")
    lines = (tmp_path / "upstreams.yaml").read_text().splitlines()
    shown = {one.path: lines[int(one.where.rpartition(":")[2]) - 1].strip() for one in found}
    assert shown == {"auth.token": "token:", "upstreams.tutor": "tutor:"}


def test_one_that_somebody_answers_for_is_shown_as_accepted(judged: Judged) -> None:
    first, second = judged(OPEN, accepting("public-without-limit", at="routes.content"))
    assert first.accepted is not None and second.accepted is None
    assert first.as_dict()["accepted"] == {
        "by": "Ada",
        "reason": "guests come from one proxy",
        "until": "2027-01-31",
    }
    assert second.as_dict()["accepted"] is None and second.as_dict()["line"]


def test_it_is_accepted_at_its_path_and_below_or_everywhere_and_nowhere_else(judged: Judged) -> None:
    slow = "{auth: {token: {leeway: 5m}}}"
    for at in ("auth", "auth.token", "auth.token.leeway", "all"):
        (found,) = judged(slow, accepting("leeway-long", at=at))
        assert found.accepted is not None, at
    (found,) = judged(slow, accepting("leeway-long"))
    assert found.accepted is not None
    for at in ("auth.tok", "auth.token.leeway.x", "routes.content"):
        idle, found = sorted(judged(slow, accepting("leeway-long", at=at)), key=lambda one: one.id)
        assert found.accepted is None and idle.id == "acceptance-idle", at


def test_when_its_day_is_over_nobody_answers_for_it_any_more(judged: Judged) -> None:
    ends = datetime(2027, 2, 1, tzinfo=UTC).timestamp()
    for now, accepted in ((ends - 1, True), (ends, False)):
        first = judged(OPEN, accepting("public-without-limit"), now=now)[0]
        assert (first.accepted is not None) is accepted


def test_what_is_accepted_and_not_there_is_a_finding_itself(judged: Judged) -> None:
    (found,) = judged(accepting("public-without-limit", at="routes.content"))
    assert (found.id, found.sentence) == (
        "acceptance-idle",
        "accepts public-without-limit at routes.content, where nothing is found",
    )
    (found,) = judged(accepting("public-without-limits"))
    assert found.sentence == "accepts public-without-limits, which is no finding: did you mean public-without-limit?"


def test_two_who_answer_for_one_finding_are_both_needed(judged: Judged) -> None:
    twice = [*accepting("leeway-long")["acknowledge"], *accepting("leeway-long", at="auth.token")["acknowledge"]]  # type: ignore[misc]  # lists, as they are written above
    assert [one.id for one in judged("{auth: {token: {leeway: 5m}}}", {"acknowledge": twice})] == ["leeway-long"]


def test_no_finding_shows_a_secret(judged: Judged) -> None:
    secret = "kb3PzW0qLx81Tn5vYd7RcUf2Hs9GjMa4"
    found = judged(
        f"{{auth: {{token: {{secret: {secret}}}}}, ops: {{token: {secret}}}, state: {{redis: 'redis://:{secret}@r.example'}}}}"
    )
    assert {"secret-in-file", "secret-used-twice", "redis-open"} <= {one.id for one in found}
    assert secret not in repr(found)


def test_the_shipped_files_have_none_but_the_one_that_they_accept_with_a_reason() -> None:
    for environment in ("", "production"):
        shipped = load(ENTRY, {}, environment=environment, stand_ins=StandIns())
        assert isinstance(shipped, Config)
        found = findings(shipped, 1_800_000_000.0)
        assert [f"{one.id} {one.path} {one.sentence}" for one in found if one.accepted is None] == []
        assert [(one.id, one.path) for one in found] == [("credentials-broad-origin", "cors.app.credentials")]


def hundreds(base: Config, count: int) -> Config:
    """``count`` closed routes, below five times as many that everybody may use."""
    user = next(route for route in base.routes if route.name == "user")
    routes = [
        replace(
            user, name=f"r{number}", procedures=(f"area{number}.get",), policies={**user.policies, "rate_limits": ()}
        )
        for number in range(5 * count)
    ]
    closed = [
        replace(user, name=f"c{number}", procedures=(f"closed{number}.get",), deny="no") for number in range(count)
    ]
    return replace(base, routes=(*routes, *closed))


def test_hundreds_of_routes_are_judged_in_little_time(tmp_path: Path) -> None:
    config = hundreds(loaded(tmp_path, CLEAN, {}), 100)
    assert len(findings(config, 1_800_000_000.0)) == 500
    assert takes_at_most(0.2, lambda: findings(config, 1_800_000_000.0))


def test_the_time_grows_with_the_routes_and_not_with_their_square(tmp_path: Path) -> None:
    base = loaded(tmp_path, CLEAN, {})
    few, many = hundreds(base, 50), hundreds(base, 400)
    shortest = processor_time(lambda: findings(few, 1_800_000_000.0), rounds=10)
    # Eight times as many take ten times as long at most where each costs the same, and 50 times where each is compared with each.
    assert takes_at_most(20 * shortest, lambda: findings(many, 1_800_000_000.0))
