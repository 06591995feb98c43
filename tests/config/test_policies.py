"""The named policies: which files bring them, under which names, and what they become."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.files_read import FilesRead
from gateway.config.gaps import Gaps
from gateway.config.policies import gather, included, refuse_other_keys, understand, unique
from gateway.config.problem import Report
from gateway.config.source import read
from gateway.config.tree import Mapping
from gateway.policy.base.settings import Policy


class Size(Policy):
    size: int = 0


KINDS: dict[str, type[Policy]] = {"auth": Size, "bodies": Size}


@pytest.fixture
def report() -> Report:
    return Report()


def tree(text: str, file: str = "a.yaml") -> Mapping:
    found = read(text.encode(), file, Report())
    assert isinstance(found, Mapping)
    return found


def sentences(report: Report) -> list[str]:
    return [f"{problem.line} {problem.path} {problem.sentence}" for problem in report.problems()]


def test_included_files_are_read_once_in_the_order_of_their_names(tmp_path: Path, report: Report) -> None:
    for name in ("b.yaml", "a.yaml", "c.txt"):
        (tmp_path / name).touch()
    (tmp_path / "d.yaml").mkdir()
    found = included(tree('include: ["*.yaml", a.yaml]'), tmp_path, report, FilesRead())
    assert [path.name for path in found] == ["a.yaml", "b.yaml"]
    assert sentences(report) == []


def test_a_pattern_that_matches_nothing_is_reported(tmp_path: Path, report: Report) -> None:
    assert included(tree("include: [none/*.yaml]"), tmp_path, report, FilesRead()) == []
    assert sentences(report) == ["1 include[0] matches no file"]


def test_policies_are_gathered_by_section_and_name(report: Report) -> None:
    found = gather(tree("auth: {one: {}, two: {}}\nbodies: {}\nlisten: {}"), KINDS, report)
    assert [(policy.section, policy.name, policy.position.column) for policy in found] == [
        ("auth", "one", 8),
        ("auth", "two", 17),
    ]
    assert sentences(report) == []


def test_a_section_that_is_no_mapping_is_reported(report: Report) -> None:
    assert gather(tree("auth: [one]"), KINDS, report) == []
    assert sentences(report) == ["1 auth must be a mapping of keys to values"]


def test_a_protection_that_this_version_does_not_have_is_reported(report: Report) -> None:
    gather(tree("caches: {a: {}}"), KINDS, report)
    assert sentences(report) == ["1 caches is not available in this version"]


def test_an_included_file_holds_policies_only(report: Report) -> None:
    refuse_other_keys(tree("auth: {}\nlisten: {}\ncaches: {}"), KINDS, report, Gaps(KINDS))
    assert sentences(report) == ["2 listen is not a kind of policy"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("auth: {public: {}}", "1 auth.public is a reserved name: in a route it means that everyone may come in"),
        ("bodies: {a b: {}}", "1 bodies.a b is not a name: use up to 64 letters"),
    ],
)
def test_a_name_that_cannot_be(report: Report, text: str, problem: str) -> None:
    unique(gather(tree(text), KINDS, report), report)
    assert [line.partition(",")[0] for line in sentences(report)] == [problem]


def test_a_name_is_defined_once(report: Report) -> None:
    policies = gather(tree("auth: {one: {}}"), KINDS, report) + gather(tree("auth: {one: {}}", "b.yaml"), KINDS, report)
    found = unique(policies, report)
    assert found["auth", "one"] is policies[0]
    assert sentences(report) == ["1 auth.one is defined twice, first at a.yaml:1:8"]


def test_a_name_may_be_used_once_in_each_section(report: Report) -> None:
    unique(gather(tree("auth: {one: {}}\nbodies: {one: {}, public: {}}"), KINDS, report), report)
    assert sentences(report) == []


def test_a_policy_that_is_not_valid_is_left_out_and_the_others_are_not(report: Report) -> None:
    written = unique(gather(tree("auth: {good: {size: 3}, bad: {size: much}}"), KINDS, report), report)
    assert understand(written, KINDS, Path(), report, FilesRead()) == {"auth": {"good": Size(size=3)}, "bodies": {}}
    assert sentences(report) == ["1 auth.bad.size must be a whole number"]
