"""Stand-ins for public keys."""

import pytest
from pydantic import ValidationError

from gateway.policy.auth import challenge
from gateway.policy.auth.auth import Settings, verifier
from gateway.policy.auth.stand_in import is_stand_in, stand_in_key


def settings(*keys: str) -> Settings:
    return Settings.model_validate({"kind": "jwt", "algorithms": ["RS256"], "public_key": list(keys)})


def test_a_policy_with_one_is_a_policy_that_takes_no_token() -> None:
    made = settings(stand_in_key("a"), stand_in_key("b"))
    assert all(map(is_stand_in, made.keys))
    assert verifier(made).verify(b"a.b.c") is challenge.FORGED


def test_nobody_can_write_one() -> None:
    for text in ("stand-in a", f"stand-in {'0' * 32} a", "a"):
        assert not is_stand_in(text.encode())
        with pytest.raises(ValidationError, match="no key for RS256"):
            settings(text)


def test_one_beside_a_key_that_is_none_hides_nothing() -> None:
    with pytest.raises(ValidationError, match="no key for RS256"):
        settings(stand_in_key("a"), "nothing")
