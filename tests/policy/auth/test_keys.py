"""Keys as they are written: one, or a few that differ."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from pydantic import ValidationError

from gateway.core.secret import Secret
from gateway.policy.auth.auth import Settings
from gateway.policy.auth.keys import MOST_KEYS
from tests.policy.auth.tokens import SECRET, settings

NEW, OLD = SECRET, "the secret before, of 32 characters"


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


RSA_KEYS = [pem(rsa.generate_private_key(65537, 2048)) for _ in range(2)]
EC_KEY = pem(ec.generate_private_key(ec.SECP256R1()))


def public(*keys: str, algorithms: tuple[str, ...] = ("RS256",)) -> Settings:
    return settings(algorithms=list(algorithms), secret=None, public_key=list(keys))


def test_one_key_and_a_list_of_one_are_the_same() -> None:
    assert settings(secret=[NEW]) == settings(secret=NEW)
    assert settings(secret=NEW).keys == (NEW.encode(),)
    assert public(RSA_KEYS[0]).public_key == RSA_KEYS[0]


def test_a_few_keep_their_order() -> None:
    assert settings(secret=[NEW, OLD]).keys == (NEW.encode(), OLD.encode())
    assert settings(secret=[OLD, NEW]).keys == (OLD.encode(), NEW.encode())
    assert public(*RSA_KEYS).keys == tuple(key.encode() for key in RSA_KEYS)
    assert len(settings(secret=[f"{number}{NEW}" for number in range(MOST_KEYS)]).keys) == MOST_KEYS


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ([], "is an empty list"),
        ([NEW, NEW], "the same key twice"),
        ([NEW, OLD, NEW], "the same key twice"),
        ([NEW, ""], "has an empty entry"),
        ([NEW, None], "must be a text"),
        ([NEW, [OLD]], "must be a text"),
        ([NEW, {"kid": "a"}], "must be a text"),
        ({"new": NEW}, "must be a text"),
        ([f"{number}{NEW}" for number in range(MOST_KEYS + 1)], "keep at most 3"),
        ([NEW, RSA_KEYS[0]], r"secret\[1\] looks like a public key"),
    ],
)
def test_other_lists_of_secrets_are_refused_and_not_repeated(written: object, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence) as refused:
        settings(secret=written)
    assert NEW not in str(refused.value) and OLD not in str(refused.value)


def pkcs1(key: str) -> str:
    """The same key in the form that is RSA's own."""
    return load_pem_public_key(key.encode()).public_bytes(Encoding.PEM, PublicFormat.PKCS1).decode()


@pytest.mark.parametrize(
    ("written", "algorithms", "sentence"),
    [
        ([], ["RS256"], "is an empty list"),
        ([RSA_KEYS[0], EC_KEY], ["RS256"], r"public_key\[1\] is no key for RS256"),
        ([RSA_KEYS[0], EC_KEY], ["RS256", "ES256"], r"public_key\[0\] is no key for ES256"),
        ([RSA_KEYS[0], RSA_KEYS[1], RSA_KEYS[0]], ["RS256"], "the same key twice"),
        ([RSA_KEYS[0], RSA_KEYS[0].replace("\n", "\r\n")], ["RS256"], "the same key twice"),
        ([RSA_KEYS[0], "text " + RSA_KEYS[0]], ["RS256"], "the same key twice"),
        ([RSA_KEYS[0], pkcs1(RSA_KEYS[0])], ["RS256"], r"public_key\[1\] is the same key as one before"),
        ([RSA_KEYS[0], ""], ["RS256"], "has an empty entry"),
    ],
)
def test_other_lists_of_public_keys_are_refused(written: list[str], algorithms: list[str], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        public(*written, algorithms=tuple(algorithms))


def test_secrets_and_public_keys_do_not_mix() -> None:
    with pytest.raises(ValidationError, match="does not go with HS"):
        settings(public_key=RSA_KEYS)
    with pytest.raises(ValidationError, match="secret does not go with public-key"):
        settings(algorithms=["RS256"], secret=[NEW, OLD], public_key=RSA_KEYS)


def test_they_print_nothing() -> None:
    made = settings(secret=[NEW, OLD])
    assert isinstance(made.secret, tuple) and all(isinstance(key, Secret) for key in made.secret)
    shown = repr(made) + json.dumps(made.model_dump(mode="json"))
    assert NEW not in shown and OLD not in shown
