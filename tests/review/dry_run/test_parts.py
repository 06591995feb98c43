"""Parts of a dry run."""

import ssl

import pytest

from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.parts import DryParts
from tests.review.dry_run.configs import NOON, shipped


def test_no_authorities_are_read_and_nothing_is_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("read")

    config, parts = shipped(), DryParts()
    monkeypatch.setattr(ssl, "create_default_context", refuse)
    monkeypatch.setattr(ssl, "get_default_verify_paths", refuse)
    DryRun(config, at=NOON)
    DryRun(config, at=NOON, parts=parts)
    made = dict(parts._made)
    assert len(made) > 10
    DryRun(config, at=NOON, parts=parts)
    assert parts._made == made
