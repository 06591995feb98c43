"""A limit under another name is counted anew, which a reviewer gets to know although nothing opens by it."""

from __future__ import annotations

from gateway.review.diff.renames import rename_notes
from tests.review.diff.written import POLICIES, Compare

ROUTES = """
defaults: {auth: public, body: json, rate_limits: [calls]}
routes:
  - {name: one, paths: [/one], upstream: files, schema: {none: "a test"}}
"""


def test_a_limit_with_another_name_is_noted_and_one_that_is_another_is_not(compare: Compare) -> None:
    renamed = compare.side(ROUTES.replace("calls", "visits"), POLICIES.replace("calls:", "visits:"))
    assert compare(ROUTES, renamed) == []
    (note,) = rename_notes(compare.side(ROUTES), renamed)
    assert note.startswith("`rate_limits.calls` is called `rate_limits.visits` now") and "begins anew" in note
    other = compare.side(ROUTES.replace("calls", "visits"), POLICIES.replace("calls: {limit: 60", "visits: {limit: 61"))
    assert not [*rename_notes(compare.side(ROUTES), other)]
    assert not [*rename_notes(renamed, renamed)]
