"""Tokens of a dry run."""

import json

from gateway.core.secret import Secret
from gateway.core.verdict import Refusal
from gateway.policy.auth import challenge
from gateway.policy.auth.auth import Settings, verifier
from gateway.review.dry_run.claims import DryTokens, completed, token_of

SETTINGS = Settings(
    kind="jwt",
    algorithms=("HS256",),
    secret=Secret("a-signing-secret-of-more-than-32-bytes"),
    require={"type": "access"},
    issuer="me",
    audience="app",
    scopes=("read", "write"),
)


def test_only_tokens_of_the_same_run_are_taken() -> None:
    tokens = DryTokens(verifier(SETTINGS), b"one")
    payload = tokens.verify(token_of({"sub": "u"}, b"one"))
    assert isinstance(payload, bytes)
    assert json.loads(payload) == {"sub": "u"}
    assert tokens.verify(token_of({"sub": "u"}, b"two")) is challenge.FORGED
    changed = token_of({"sub": "u"}, b"one").replace(b".", b".e", 1)
    assert isinstance(tokens.verify(changed), Refusal)


def test_what_the_policy_asks_for_is_filled_in_and_never_overwritten() -> None:
    filled = completed({}, SETTINGS, 1000.5)
    assert filled == {
        "sub": "dry-run", "iat": 1000, "exp": 1300, "type": "access", "iss": "me", "aud": "app", "scope": "read write",
    }  # fmt: skip
    given = {"sub": None, "iat": 1, "exp": 2, "type": 3, "iss": 4, "aud": 5, "scope": "", "more": True}
    assert completed(given, SETTINGS, 1000.5) == given
