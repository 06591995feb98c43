"""Signatures of HS*: each fits its own message, key and algorithm only. Against pyjwt they are held in test_auth_forged."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.verdict import Refusal
from gateway.policy.auth.jws import JwsVerifier
from gateway.policy.auth.mac import MacVerifier, is_plain_secret
from tests.policy.auth.tokens import SECRET, part, signed

DIGESTS = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


def token(algorithm: str, key: bytes, payload: bytes) -> bytes:
    body = part({"alg": algorithm}) + b"." + part(payload)
    return body + b"." + part(hmac.new(key, body, DIGESTS[algorithm]).digest())


def detail(verifier: MacVerifier, presented: bytes) -> str:
    """The cause for the log with which a token is refused."""
    refusal = verifier.verify(presented)
    assert isinstance(refusal, Refusal)
    assert refusal.reason.slug == "token_invalid"
    return refusal.detail


@given(st.binary(min_size=1, max_size=200), st.binary(min_size=1, max_size=300), st.sampled_from(sorted(DIGESTS)))
def test_a_signature_fits_its_own_message_and_key_only(key: bytes, payload: bytes, algorithm: str) -> None:
    verifier = MacVerifier([algorithm], key)
    good = token(algorithm, key, payload)
    assert verifier.verify(good) == payload
    signed_part, _, signature = good.rpartition(b".")
    other = part({"alg": algorithm}) + b"." + part(payload + b"x")
    assert detail(verifier, other + b"." + signature) == "InvalidSignatureError"
    assert detail(verifier, token(algorithm, key + b"x", payload)) == "InvalidSignatureError"
    for length in (signature + b"A", signature[:-1]):
        assert detail(verifier, signed_part + b"." + length) == "a signature of no allowed algorithm"


@pytest.mark.parametrize("algorithm", DIGESTS)
def test_the_length_of_a_signature_selects_the_algorithm_and_the_header_must_agree(algorithm: str) -> None:
    verifier = MacVerifier(DIGESTS, SECRET.encode())
    assert verifier.verify(token(algorithm, SECRET.encode(), b"{}")) == b"{}"
    if algorithm != "HS256":
        lying = signed(header={"alg": algorithm})
        assert detail(verifier, lying) == "a signature of another algorithm than its header says"


def test_a_key_may_be_longer_than_a_block_of_the_hash() -> None:
    key = b"k" * 300  # RFC 2104 section 2: it is hashed first
    assert MacVerifier(["HS256"], key).verify(token("HS256", key, b"{}")) == b"{}"


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ([], "a header that is none"),
        ({"alg": "HS256", "kid": 7}, "a header that is none"),
        ({"typ": "JWT"}, "a signature of another algorithm than its header says"),
        ({"alg": "HS256", "crit": ["exp"]}, "an extension"),
        ({"alg": "HS256", "b64": True}, "an extension"),
    ],
)
def test_a_signed_header_that_means_something_else_is_refused(header: object, why: str) -> None:
    assert detail(MacVerifier(["HS256"], SECRET.encode()), signed(header=header)) == why


@pytest.mark.parametrize("header", [b"not json", b"", b"\xff\xfe"])
def test_a_signed_header_that_is_no_json_raises_what_the_parser_raises(header: bytes) -> None:
    with pytest.raises(ValueError):  # the caller looks at the class only
        MacVerifier(["HS256"], SECRET.encode()).verify(signed(header=header))


def test_a_payload_in_another_spelling_is_refused_although_it_is_signed() -> None:
    body = part({"alg": "HS256"}) + b".e31"  # the same octets as e30, with other last bits
    presented = body + b"." + part(hmac.new(SECRET.encode(), body, hashlib.sha256).digest())
    assert detail(MacVerifier(["HS256"], SECRET.encode()), presented) == "base64url in another spelling"


PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_.~-"


@given(st.text(PLAIN, min_size=1, max_size=120))
def test_what_is_plain_is_a_secret_to_pyjwt_too(secret: str) -> None:
    if is_plain_secret(secret.encode()):
        JwsVerifier(("HS256",), secret.encode(), secret=True)
    else:
        assert secret.startswith(("ssh-", "ecdsa-"))


@pytest.mark.parametrize(
    "mistaken",
    [
        b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", b'{"kty":"oct","k":"x"}', b"[1]", b"ssh-rsa",
        b"ecdsa-sha2-nistp256", b"0\x82\x01\n", b"", b"a b",
    ],
)  # fmt: skip
def test_what_may_be_something_else_is_left_to_pyjwt(mistaken: bytes) -> None:
    assert not is_plain_secret(mistaken)
