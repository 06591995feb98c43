"""The table of rules: each has a good row, a configuration with the finding and a mended one, and a page entry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from gateway.config.acknowledgements import ID_PATTERN
from gateway.review.lint.finding import LintRule
from gateway.review.lint.findings import ALL_RULES
from gateway.review.lint.table import BY_ID, RULES, close_to
from tests.review.lint.configurations import CLEAN, NOW, Judged

CASES = Path(__file__).parent / "cases"


def test_ids_are_slugs_that_can_be_accepted_and_each_is_there_once() -> None:
    assert all(re.fullmatch(r"[a-z]+(?:-[a-z]+)+", rule.id) and re.fullmatch(ID_PATTERN, rule.id) for rule in ALL_RULES)
    assert len({rule.id for rule in ALL_RULES}) == len(ALL_RULES) and len(BY_ID) == len(RULES) > 40


def test_each_rule_has_a_configuration_with_the_finding_and_its_mended_twin() -> None:
    written = [rule for file in CASES.glob("*.yaml") for rule in yaml.safe_load(file.read_text())]
    assert sorted(written) == sorted(BY_ID)


@pytest.mark.parametrize("rule", ALL_RULES, ids=lambda rule: rule.id)
def test_a_row_says_why_and_what_to_write(rule: LintRule) -> None:
    assert rule.title and not rule.title.endswith(".") and rule.why.endswith(".") and not rule.mend.endswith(".")
    assert len(rule.why) > 60 and yaml.safe_load(rule.example.replace(", ...", "").replace("..., ", ""))


def test_the_configuration_that_all_cases_edit_has_no_finding(judged: Judged) -> None:
    assert judged() == [] and NOW and CLEAN


def test_what_was_meant_by_a_misspelt_id() -> None:
    assert close_to("public-without-limits")[0] == "public-without-limit"
    assert close_to("Sign_In_Without_Lockout")[0] == "sign-in-without-lockout"
    assert "secret-in-file" in close_to("secret") and close_to("xyz") == []
