"""The files that the address of a Redis names are opened before a run relies on them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.certificate_files import issue
from tests.config.problems import Problems

KEY = "9f2c71d4e8ab5036cd17e49a02b6f85d"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    issue(tmp_path, "redis")
    key = serialization.load_pem_private_key((tmp_path / "key.pem").read_bytes(), None)
    encryption = serialization.BestAvailableEncryption(b"open sesame")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    (tmp_path / "locked.pem").write_bytes(key.private_bytes(*form, encryption))
    (tmp_path / "text").write_text("no certificate")
    return tmp_path


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("ssl_ca_certs=F/cert.pem", ""),
        ("ssl_ca_certs=F/none.pem", "names a file after ssl_ca_certs that cannot be read"),
        ("ssl_ca_certs=F", "names a file after ssl_ca_certs that cannot be read"),
        ("ssl_ca_certs=F/text", "names a file after ssl_ca_certs that holds no certificate in PEM"),
        ("ssl_certfile=F/cert.pem&ssl_keyfile=F/key.pem", ""),
        ("ssl_certfile=F/cert.pem", "names one of ssl_certfile and ssl_keyfile"),
        (
            "ssl_certfile=F/key.pem&ssl_keyfile=F/cert.pem",
            "names a certificate and a key that are no pair of PEM files",
        ),
        ("ssl_certfile=F/cert.pem&ssl_keyfile=F/locked.pem", "names a key that its passphrase does not open"),
        ("ssl_certfile=F/cert.pem&ssl_keyfile=F/locked.pem&ssl_password=open%20sesame", ""),
    ],
)
def test_files_of_the_address(files: Path, problems_of: Problems, query: str, problem: str) -> None:
    text = f"state: {{redis: 'rediss://cache?{query.replace('F', str(files), 2)}', key: '{KEY}'}}\nroutes: []\n"
    assert problems_of(text) == ([f"state.redis {problem}"] if problem else [])
