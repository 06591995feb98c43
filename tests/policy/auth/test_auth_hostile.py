"""Bearer tokens: whatever is sent, the verifier keeps its feet."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy.auth.tokens import STAGE, claims, signed, slug


@settings(deadline=None)
@given(st.binary(max_size=80))
def test_no_noise_is_a_token(noise: bytes) -> None:
    assert slug(STAGE, noise, b"") == "token_invalid"
    assert slug(STAGE, noise) == "token_invalid"


@settings(deadline=None)
@given(st.sampled_from([b"Bearer ", b""]), st.binary(max_size=8), st.binary(max_size=8), st.integers(0, 400))
def test_a_token_with_anything_put_in_is_invalid(scheme: bytes, before: bytes, inside: bytes, place: int) -> None:
    token = signed()
    changed = before + token[:place] + inside + token[place:]
    genuine = (scheme + changed).lower().startswith(b"bearer ") and (scheme + changed)[len(b"bearer ") :] == token
    assert slug(STAGE, changed, scheme) == ("" if genuine else "token_invalid")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


NAMES = st.sampled_from(["sub", "exp", "nbf", "iat", "iss", "aud", "type", "scope", "jti"])


@settings(deadline=None)
@given(
    st.dictionaries(NAMES, json_values),
    st.dictionaries(st.sampled_from(["alg", "kid", "crit", "b64", "typ"]), json_values),
)
def test_no_signed_content_makes_it_stumble(payload: dict[str, Any], header: dict[str, Any]) -> None:
    for head in ({"alg": "HS256"}, {"alg": "HS256", **header}):
        for body in ({**payload}, {**claims(), **payload}):
            assert slug(STAGE, signed(body or {"sub": ""}, head)) in (
                "",
                "token_invalid",
                "token_expired",
                "claim_refused",
            )
