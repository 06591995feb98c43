"""A public key is taken in the shapes in which variables and files hold it, and what is none is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from gateway.policy.auth.auth import Settings
from gateway.policy.auth.public_key import public_key
from gateway.policy.base.settings import Advice

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
OPENSSH = KEY.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def settings(text: str) -> Settings:
    given: dict[str, Any] = {"kind": "jwt", "algorithms": ["ES256"], "public_key": text}
    return Settings.model_validate(given)


@pytest.mark.parametrize(
    "text",
    [
        PUBLIC,
        PUBLIC.strip(),
        PUBLIC.replace("\n", "\\n"),
        PUBLIC.replace("\n", "\\r\\n"),
        PUBLIC.replace("\n", "\r\n"),
        PUBLIC.replace("\n", " "),
        f"\ufeff{PUBLIC}",
        f"# of the backend\n{PUBLIC}\n",
        f"'{PUBLIC}'",
    ],
    ids=range(9),  # not the keys, which each process makes anew
)
def test_every_shape_is_one_key(text: str) -> None:
    assert settings(text).public_key == PUBLIC


def test_the_form_of_openssh_is_left_as_it_is() -> None:
    assert public_key(OPENSSH + "\n") == OPENSSH


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (PRIVATE, "holds a private key"),
        (PRIVATE.replace("\n", "\\n"), "holds a private key"),
        (PUBLIC + PRIVATE, "holds a private key"),
        (PRIVATE[:60], "holds a private key"),
        (PUBLIC.replace("PUBLIC KEY", "CERTIFICATE"), "holds a certificate"),
        (PUBLIC[:90], "is cut off"),
        (PUBLIC + PUBLIC, "holds 2 keys"),
    ],
    ids=range(7),
)
def test_what_is_no_public_key(text: str, sentence: str) -> None:
    with pytest.raises(Advice, match=f"^{sentence}") as refused:
        public_key(text)
    assert refused.value.hint
    with pytest.raises(ValueError, match=sentence):
        settings(text)


@pytest.mark.parametrize("text", ["", " ", "no key", PUBLIC.replace("MFk", "MFf")], ids=range(4))
def test_what_is_no_key_at_all(text: str) -> None:
    with pytest.raises(ValueError, match=r"public_key is (missing or empty|no key for ES256)"):
        settings(text)
