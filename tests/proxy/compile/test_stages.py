"""The stages of a route: in the order of the table, each built once, and only those that are wanted."""

from __future__ import annotations

import pytest
import yaml

from gateway.config.load import shipped_kinds
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.proxy.compile.stages import StageBuilder
from gateway.proxy.routing.route import Built
from gateway.state.memory.store import MemoryStore

POLICIES = """\
auth:
  tokens: {kind: jwt, algorithms: [HS256], secret: "a-test-secret-of-more-than-32-bytes!"}
cors:
  app: {origins: ["https://a.example"]}
rate_limits:
  address: {limit: 5/minute, key: [address]}
  watched: {limit: 5/minute, key: [address], mode: report}
  user: {limit: 5/minute, key: [principal]}
  input: {limit: 5/minute, key: ["input:/email"]}
bodies:
  json: {max: 1KiB}
  other: {max: 2KiB, mode: report}
uploads:
  form: {parts: {text: {max: 9}}}
lockouts:
  guesses: {account: /email}
response_headers:
  secure: {}
"""
ALL = {
    "auth": ("tokens",),
    "cors": ("app",),
    "rate_limits": ("address", "user", "input"),
    "bodies": ("json",),
    "lockouts": ("guesses",),
    "response_headers": ("secure",),
}


@pytest.fixture
def builder() -> StageBuilder:
    kinds = shipped_kinds()
    policies = {
        section: {name: kinds[section].model_validate(settings) for name, settings in named.items()}
        for section, named in yaml.safe_load(POLICIES).items()
    }
    return StageBuilder(policies, Tools(MemoryStore()))


def names(stages: list[Built]) -> list[str]:
    return [type(one.stage).__name__ for one in stages]


def test_the_order_is_that_of_the_table_and_not_of_the_names(builder: StageBuilder) -> None:
    assert names(builder.stages(ALL)) == [
        "Identity",
        "ResponseHeaders",
        "Cors",
        "Client",
        "RateLimit",
        "Jwt",
        "RateLimit",
        "Body",
        "Buffer",
        "RateLimit",
        "Lockout",
    ]


def test_a_route_that_names_nothing_has_an_id_and_an_address(builder: StageBuilder) -> None:
    assert names(builder.stages({})) == ["Identity", "Client"]


@pytest.mark.parametrize(
    ("named", "last"),
    [
        ({"rate_limits": ("address", "user")}, ["RateLimit", "RateLimit"]),
        ({"rate_limits": ("input",)}, ["Buffer", "RateLimit"]),
        ({"lockouts": ("guesses",)}, ["Buffer", "Lockout"]),
        ({"rate_limits": ("input",), "lockouts": ("guesses",)}, ["Buffer", "RateLimit", "Lockout"]),
    ],
)
def test_the_body_is_read_once_before_the_first_stage_that_looks_inside(
    builder: StageBuilder, named: dict[str, tuple[str, ...]], last: list[str]
) -> None:
    assert names(builder.stages(named)) == ["Identity", "Client", *last]


def test_limits_that_only_report_are_taken_apart_from_those_that_refuse(builder: StageBuilder) -> None:
    stages = builder.stages({"rate_limits": ("watched", "address")})
    assert names(stages) == ["Identity", "Client", "RateLimit", "RateLimit"]
    assert [one.report for one in stages[2:]] == [False, True]


def test_a_policy_reports_by_its_own_mode(builder: StageBuilder) -> None:
    stages = builder.stages({"bodies": ("json", "other")})
    assert [one.report for one in stages[2:]] == [False, True]


def test_what_a_stage_remembers_serves_every_route_that_names_it(builder: StageBuilder) -> None:
    first, second = builder.stages(ALL), builder.stages(ALL | {"cors": ()})
    kept = {id(one.stage) for one in second if type(one.stage).__name__ != "Buffer"}
    assert kept <= {id(one.stage) for one in first}


def test_stages_of_an_upstream_come_last(builder: StageBuilder) -> None:
    waiting, breaking = Built(Stage()), Built(Stage(), True)
    stages = builder.stages(ALL, {"breaker": breaking, "concurrency": waiting})
    assert stages[-2:] == [waiting, breaking]


def test_a_refusal_without_a_route_still_has_its_header_fields(builder: StageBuilder) -> None:
    wanted = builder.stages(ALL, wanted=lambda kind: kind.writes_headers)
    assert names(wanted) == ["Identity", "ResponseHeaders", "Cors"]


def test_where_everything_is_refused_nothing_is_spent_on_tokens_and_bodies(builder: StageBuilder) -> None:
    wanted = builder.stages(ALL, wanted=lambda kind: kind.on_refusals)
    assert names(wanted) == ["Identity", "ResponseHeaders", "Cors", "Client", "RateLimit"]


def test_behind_a_judge_of_forms_nothing_reads_them_whole(builder: StageBuilder) -> None:
    found = names(builder.stages({"bodies": ("json",), "uploads": ("form",), "lockouts": ("guesses",)}))
    assert found[-4:] == ["Body", "UploadPolicy", "BufferWithoutForms", "Lockout"]
    assert "Buffer" in names(builder.stages({"bodies": ("json",), "lockouts": ("guesses",)}))


def test_all_policies_of_a_route_that_reports_only_report_and_what_has_no_policy_stays(builder: StageBuilder) -> None:
    guard = Built(Stage())
    stages = builder.stages({}, {"breaker": guard}, reporting=ALL)
    assert [one for one in names(stages[:-1]) if one != "ReadLimit"] == names(builder.stages(ALL)) and stages[
        -1
    ] == guard
    enforced = [type(one.stage).__name__ for one in stages[:-1] if not one.report]
    assert enforced == ["Identity", "Client", "ReadLimit", "Buffer"]
    assert all(one.policy for one in stages if one.report)


def test_a_policy_of_the_whole_request_is_enforced_where_one_route_of_a_batch_enforces_it(
    builder: StageBuilder,
) -> None:
    both = {"cors": ("app",), "bodies": ("json",)}
    stages = builder.stages(both, reporting=both)
    assert [(type(one.stage).__name__, one.report) for one in stages if one.policy] == [
        ("Cors", False),
        ("Body", False),
    ]


def test_a_policy_of_calls_is_enforced_for_those_of_one_route_and_reports_for_those_of_the_other(
    builder: StageBuilder,
) -> None:
    both = {"rate_limits": ("address",), "lockouts": ("guesses",)}
    stages = builder.stages(both, reporting=both | {"rate_limits": ("address", "watched")})
    assert [(one.policy, one.report) for one in stages if one.policy] == [
        ("rate_limits.address", False),
        ("rate_limits.address", True),
        ("lockouts.guesses", False),
        ("lockouts.guesses", True),
    ]
    assert builder.named(both)["rate_limits"] == {"address"} and not builder.named(both)["rate_limits in report mode"]
    assert (
        builder.named({}, both)["rate_limits in report mode"] == {"address"} and not builder.named({}, both)["lockouts"]
    )


def test_one_memory_of_tokens_serves_both_and_what_knows_its_mode_is_another_stage(builder: StageBuilder) -> None:
    first, second = builder.stages(ALL), builder.stages({}, reporting=ALL)
    shared = {type(one.stage).__name__ for one in second} - {
        type(one.stage).__name__ for one in second if one.stage not in [other.stage for other in first]
    }
    assert shared == {"Identity", "Client", "Cors", "Jwt", "ResponseHeaders"}
    assert builder.of_section("auth").keys() == {"tokens"}


def test_what_is_read_whole_is_bounded_where_every_policy_of_the_body_only_reports(builder: StageBuilder) -> None:
    lockout, both = {"lockouts": ("guesses",)}, ["ReadLimit", "Buffer"]
    assert names(builder.stages({"bodies": ("other",), **lockout}))[3:5] == both
    assert names(builder.stages(lockout, reporting={"bodies": ("json",)}))[3:5] == both
    assert "ReadLimit" not in names(builder.stages({"bodies": ("json", "other"), **lockout}))
    assert "ReadLimit" not in names(builder.stages({"bodies": ("json",), **lockout}, reporting={"bodies": ("json",)}))
    assert "ReadLimit" not in names(builder.stages({"bodies": ("other",)}))
