"""PEM in the shapes in which variables and files hold it has one reading."""

from __future__ import annotations

import time

import pytest

from gateway.core.pem import blocks

KEY = "-----BEGIN PUBLIC KEY-----\n" + "TUFC" * 16 + "\n" + "TUFD" * 4 + "\n-----END PUBLIC KEY-----\n"


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        KEY.rstrip(),
        KEY.replace("\n", "\r\n"),
        KEY.replace("\n", "\r"),
        KEY.replace("\n", "\\n"),
        KEY.replace("\n", "\\r\\n"),
        KEY.replace("\n", " "),
        KEY.replace("\n", ""),
        "\ufeff" + KEY,
        "subject=/CN=me\n\n" + KEY + "\nfollowed by text",
        "  " + KEY.replace("\n", "\n  "),
    ],
)
def test_one_reading(text: str) -> None:
    (found,) = blocks(text)
    assert found.text == KEY
    assert (found.label, found.der[:3], found.is_private) == ("PUBLIC KEY", b"MAB", False)


def test_several_blocks_and_those_that_are_none() -> None:
    private = KEY.replace("PUBLIC", "EC PRIVATE")
    assert [(one.label, one.is_private) for one in blocks(KEY + private)] == [
        ("PUBLIC KEY", False),
        ("EC PRIVATE KEY", True),
    ]
    assert (
        blocks("") == blocks("ssh-rsa AAAA") == blocks(KEY[:-20]) == blocks(KEY.replace("END PUBLIC", "END EC")) == []
    )
    assert blocks(KEY.replace("TUFC", "!!!!"))[0].der == b""


def test_fields_of_an_encrypted_key_stay() -> None:
    text = KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n", 1)
    (found,) = blocks(text)
    assert found.text == text and found.der == b""


def test_it_takes_linear_time() -> None:
    began = time.process_time()
    assert blocks("-----BEGIN A-----" * 50_000) == []
    assert time.process_time() - began < 1.0
