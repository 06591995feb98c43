"""pyjwt as the gateway uses it: few algorithms, one key, nothing but verification."""

from __future__ import annotations

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.core.verdict import Refusal
from gateway.policy.auth.jws import JwsVerifier
from tests.policy.auth.tokens import SECRET, signed

PRIVATE = ed25519.Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_the_payload_of_a_genuine_token() -> None:
    token = pyjwt.encode({"sub": "ada"}, PRIVATE, algorithm="EdDSA").encode()
    assert JwsVerifier(["EdDSA"], PUBLIC, secret=False).verify(token) == b'{"sub":"ada"}'


@pytest.mark.parametrize(
    ("token", "detail"),
    [
        (signed(secret="y" * 40), "InvalidSignatureError"),
        (signed(header={"alg": "none"}), "InvalidAlgorithmError"),
        (signed(header=b"not json"), "DecodeError"),
        (signed(header={"alg": "HS256", "b64": True}), "an extension"),
    ],
)
def test_a_refusal_names_its_cause_and_quotes_nothing(token: bytes, detail: str) -> None:
    refusal = JwsVerifier(["HS256"], SECRET.encode(), secret=True).verify(token)
    assert isinstance(refusal, Refusal)
    assert (refusal.reason.slug, refusal.detail) == ("token_invalid", detail)


def test_the_public_key_is_no_secret() -> None:
    with pytest.raises(ValueError, match="looks like a public key"):
        JwsVerifier(["HS256"], PUBLIC, secret=True)


def test_an_error_repeats_no_key() -> None:
    for key in (b"garbage", PUBLIC.replace(b"M", b"N")):
        with pytest.raises(ValueError, match=r"^public_key is no key for EdDSA$"):
            JwsVerifier(["EdDSA"], key, secret=False)


def test_the_verifier_signs_nothing_and_gives_no_key_away() -> None:
    library = JwsVerifier(["HS256"], SECRET.encode(), secret=True).library
    algorithm = library.get_algorithm_by_name("HS256")
    assert library.get_algorithms() == ["HS256"]
    for misuse in (lambda: algorithm.sign(b"", b""), lambda: algorithm.to_jwk(b""), lambda: algorithm.from_jwk("{}")):
        with pytest.raises(NotImplementedError):
            misuse()
