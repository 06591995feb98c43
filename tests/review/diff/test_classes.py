"""The classes of requests: every pattern of both sides, and what is beside each."""

from __future__ import annotations

import pytest

from gateway.review.diff import classes
from gateway.review.diff.classes import unnamed
from tests.review.diff.written import UPSTREAMS, Compare

OLD = """
defaults: {auth: public, body: json}
routes:
  - {name: files, paths: [/files/*, /files/secret], upstream: files, schema: {none: "a test"}}
  - {name: say, procedures: [say.hello], upstream: api, schema: {none: "a test"}}
"""
NEW = OLD.replace("/files/*,", "/files/*, /new,").replace("[say.hello]", "[say.*, other]")


def test_each_pattern_of_either_side_is_one_and_so_is_what_nobody_names(compare: Compare) -> None:
    aliased = UPSTREAMS.replace("transformer: none", "transformer: none, aliases: {hi: say.hello}")
    targets = {each.target for each in classes.classes(compare.side(OLD), compare.side(NEW, upstreams=aliased))}
    assert targets == {
        *("/other", "/files/other", "/files/other%2Fother", "/files/secret", "/new"),
        *("/files/SECRET", "/files/secret/", "/files/secret.json"),
        *(
            "/trpc",
            "/trpc/other1/other1",
            "/trpc/say.hello",
            "/trpc/say.other1",
            "/trpc/other",
            "/trpc/hi",
            "/trpc/other1",
        ),
    }


def test_a_name_that_nobody_has_is_in_no_pattern() -> None:
    assert unnamed(["/a/other", "/b"]) == "other1"


def test_there_are_few_classes_for_many_patterns(compare: Compare, monkeypatch: pytest.MonkeyPatch) -> None:
    many = OLD.replace("/files/secret", ", ".join(f"/files/{number}" for number in range(500)))
    side = compare.side(many)
    assert len(list(classes.classes(side, side))) < 2_100
    monkeypatch.setattr(classes, "MOST", 100)
    assert len(list(classes.classes(side, side))) == 100
