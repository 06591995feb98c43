"""The challenges of RFC 6750 section 3, refusal by refusal."""

from __future__ import annotations

import pytest

from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge


@pytest.mark.parametrize(
    ("refusal", "slug", "sent"),
    [
        (challenge.MISSING, "token_missing", 'Bearer realm="api"'),
        (challenge.OTHER_SCHEME, "token_invalid", 'Bearer realm="api"'),
        (
            challenge.MALFORMED,
            "token_invalid",
            'Bearer realm="api", error="invalid_token", error_description="malformed"',
        ),
        (
            challenge.invalid("another issuer"),
            "token_invalid",
            'Bearer realm="api", error="invalid_token", error_description="not valid"',
        ),
        (
            challenge.expired(12.4),
            "token_expired",
            'Bearer realm="api", error="invalid_token", error_description="expired"',
        ),
        (
            challenge.revoked("session"),
            "token_revoked",
            'Bearer realm="api", error="invalid_token", error_description="revoked"',
        ),
        (challenge.claim_refused("type"), "claim_refused", 'Bearer realm="api", error="insufficient_scope"'),
        (
            challenge.scope_missing(("read", "write"), {"write"}),
            "scope_missing",
            'Bearer realm="api", error="insufficient_scope", scope="read write"',
        ),
    ],
)
def test_the_challenge(refusal: Refusal, slug: str, sent: str) -> None:
    assert refusal.reason.slug == slug
    assert refusal.headers == ((b"www-authenticate", sent.encode()),)


def test_the_cause_is_for_the_log() -> None:
    assert challenge.expired(12.4).detail == "12 s ago"
    assert challenge.scope_missing(("c", "a", "b"), {"b", "a"}).detail == "a b"


def test_a_flood_of_bad_tokens_makes_one_refusal() -> None:
    assert challenge.invalid("InvalidSignatureError") is challenge.invalid("InvalidSignatureError")
