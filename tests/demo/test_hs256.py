"""HS256 by hand, held to what pyjwt makes and takes."""

import base64
import json
from typing import Any

import jwt
import pytest

from gateway.demo.hs256 import sign, verify

SECRET = "a-demo-secret-of-seventy-characters-or-so-since-hs512-asks-for-64-bytes"
CLAIMS = {"sub": "ada", "exp": 2_000}


def packed(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_pyjwt_takes_what_is_signed_here_and_the_other_way_round() -> None:
    options = {"verify_exp": False}
    assert jwt.decode(sign(CLAIMS, SECRET), SECRET, algorithms=["HS256"], options=options) == CLAIMS  # type: ignore[arg-type]  # a dict of options
    assert verify(jwt.encode(CLAIMS, SECRET, algorithm="HS256"), SECRET, 1_000) == CLAIMS


def test_a_token_ends_by_the_clock() -> None:
    token = sign(CLAIMS, SECRET)
    assert verify(token, SECRET, 1_999.9) == CLAIMS
    assert verify(token, SECRET, 2_000) is None


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b.c",
        "é.é.é",
        sign(CLAIMS, "another-secret-of-forty-characters-or-so"),
        sign(CLAIMS, SECRET)[:-1],
        sign({"sub": "ada"}, SECRET),
        sign({"sub": "ada", "exp": "late"}, SECRET),
        f"{packed({'alg': 'none', 'typ': 'JWT'})}.{packed(CLAIMS)}.",
        jwt.encode(CLAIMS, SECRET, algorithm="HS512"),
        jwt.encode(CLAIMS, SECRET, algorithm="HS256", headers={"kid": "x"}),
    ],
)
def test_every_other_token_is_refused(token: str) -> None:
    assert verify(token, SECRET, 1_000) is None
