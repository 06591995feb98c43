"""Tokens as the demo tutor makes them, for a developer's hand."""

import pytest

from gateway.demo import hs256
from gateway.demo.access_token import make_token
from tests.demo.talk import SECRET


def test_the_clock_is_handed_in() -> None:
    _, claims = make_token({"JWT_SECRET": SECRET}, "x", "30s", "access", 1_000.9)
    assert (claims["iat"], claims["exp"]) == (1000, 1030)


def test_the_token_holds_its_claims_and_each_has_a_session_of_its_own() -> None:
    token, claims = make_token({"JWT_SECRET": SECRET}, "x", "1h", "refresh", 1_000.0)
    assert hs256.verify(token, SECRET, 1_000.0) == claims
    assert claims["sid"] != make_token({"JWT_SECRET": SECRET}, "x", "1h", "refresh", 1_000.0)[1]["sid"]


@pytest.mark.parametrize(
    ("env", "sub", "expires", "kind", "sentence"),
    [
        ({"GATEWAY_ENV": " Production "}, "x", "1h", "access", "GATEWAY_ENV is production"),
        ({"JWT_SECRET": ""}, "x", "1h", "access", "JWT_SECRET is not set"),
        ({"JWT_SECRET": "short"}, "x", "1h", "access", "JWT_SECRET has 5 characters"),
        ({}, "x", "soon", "access", "--expires 'soon'"),
        ({}, "x", "367d", "access", "out of range"),
        ({}, "", "1h", "access", "must not be empty"),
        ({}, "x", "1h", "", "must not be empty"),
    ],
)
def test_what_is_no_good_is_a_sentence(env: dict[str, str], sub: str, expires: str, kind: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make_token({"JWT_SECRET": SECRET} | env, sub, expires, kind, 0.0)
