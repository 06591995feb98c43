"""Fingerprints of the keys of tokens: the same in all workers of a run, and of no use without its key."""

from __future__ import annotations

from pathlib import Path

from gateway.process.token_keys import fingerprints
from tests.process.configs import written

AUTH = """
auth:
  one: {kind: jwt, algorithms: [HS256], secret: a-secret-of-more-than-32-bytes-for-all}
  two: {kind: jwt, algorithms: [HS256], secret: [another-secret-of-more-than-32-bytes, a-secret-of-more-than-32-bytes-for-all]}
"""


def test_one_key_has_one_fingerprint_in_every_policy(tmp_path: Path) -> None:
    found = fingerprints(written(tmp_path, more=AUTH), b"k" * 32)
    assert found["one"] == found["two"][1:]
    assert len(set(found["two"])) == 2 and all(len(each) == 12 for each in found["two"])
    assert found != fingerprints(written(tmp_path, more=AUTH), b"another key")
    assert fingerprints(written(tmp_path), b"k") == {}
