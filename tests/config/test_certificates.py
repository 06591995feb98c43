"""Certificates as bytes: read once, checked as a pair, and used without any file."""

from __future__ import annotations

import os
import ssl
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from gateway.config.certificates import (
    MOST_BYTES,
    CertificateError,
    Certificates,
    read_certificates,
    remarks,
    tls_context,
    use,
)
from gateway.config.listen_settings import Tls
from tests.certificate_files import issue


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    issue(tmp_path, "first")
    return Tls(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def test_without_tls_there_are_none() -> None:
    assert read_certificates(None) is None
    assert tls_context(None) is None


def test_they_are_used_when_the_files_are_gone_and_nothing_is_left_open(tls: Tls) -> None:
    read = read_certificates(tls)
    tls.cert.unlink()
    tls.key.unlink()
    before = descriptors()
    context = tls_context(read)
    assert context is not None and context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert read is not None
    use(context, read)
    assert descriptors() == before


def test_the_key_does_not_print_itself(tls: Tls) -> None:
    read = read_certificates(tls)
    assert read is not None and read.key.reveal().startswith("-----BEGIN PRIVATE KEY")
    assert "PRIVATE" not in repr(read)


@pytest.mark.parametrize("file", ["cert", "key"])
@pytest.mark.parametrize("content", ["", "no PEM", "x" * (MOST_BYTES + 1)], ids=["empty", "no PEM", "too large"])
def test_files_that_are_none_are_refused(tls: Tls, file: str, content: str) -> None:
    path: Path = getattr(tls, file)
    path.write_text(content)
    with pytest.raises(ssl.SSLError):
        read_certificates(tls)


def test_a_key_of_another_certificate_is_refused(tls: Tls, tmp_path: Path) -> None:
    chain = tls.cert.read_bytes()
    issue(tmp_path, "second")
    tls.cert.write_bytes(chain)
    with pytest.raises(ssl.SSLError):
        read_certificates(tls)


def test_a_missing_file_is_refused(tls: Tls) -> None:
    tls.key.unlink()
    with pytest.raises(CertificateError, match=r"^listen.tls.key names a file that cannot be read$"):
        read_certificates(tls)


def test_a_key_with_a_passphrase_is_refused_and_asks_nobody(tls: Tls) -> None:
    key = serialization.load_pem_private_key(tls.key.read_bytes(), None)
    tls.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(ssl.SSLError, match="has a passphrase"):
        read_certificates(tls)


def test_what_is_around_a_key_is_left_out_whatever_its_bytes(tls: Tls) -> None:
    key = tls.key.read_bytes()
    tls.key.write_bytes(b"# caf\xe9 \xff\n" + key)
    read = read_certificates(tls)
    assert isinstance(read, Certificates) and read.key.reveal().encode() == key


@pytest.mark.parametrize("name", ["cert", "key"])
@pytest.mark.parametrize("what", ["device", "pipe", "folder"])
def test_a_path_that_leads_to_no_file_neither_fills_the_memory_nor_waits(tls: Tls, name: str, what: str) -> None:
    path = tls.cert.parent / "odd"
    if what == "pipe":
        os.mkfifo(path)
    odd = {"device": Path("/dev/zero"), "pipe": path, "folder": tls.cert.parent}[what]
    with pytest.raises(CertificateError, match=rf"^listen.tls.{name} names (no file|a file that cannot be read)$"):
        read_certificates(tls.model_copy(update={name: odd}))


def pem(key: object, form: str = "PKCS8", password: bytes = b"") -> bytes:
    encryption = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(  # type: ignore[attr-defined,no-any-return]  # any private key
        serialization.Encoding.PEM, getattr(serialization.PrivateFormat, form), encryption
    )


def broken(tls: Tls, how: str) -> None:
    """Break the pair in a way that deployers have."""
    cert, key = tls.cert.read_bytes(), tls.key.read_bytes()
    loaded = serialization.load_pem_private_key(key, None)
    public = loaded.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    der = ssl.PEM_cert_to_DER_cert(cert.decode())
    der_key = loaded.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    other = ec.generate_private_key(ec.SECP256R1())
    changes: dict[str, tuple[bytes, bytes]] = {
        "swapped": (key, cert),
        "two certificates": (cert, cert),
        "two keys": (key, key),
        "another key": (cert, pem(other)),
        "a key of another type": (cert, pem(rsa.generate_private_key(65537, 2048))),
        "certificate in DER": (der, key),
        "key in DER": (cert, der_key),
        "certificate in UTF-16": (cert.decode().encode("utf-16"), key),
        "passphrase": (cert, pem(loaded, password=b"x")),
        "old passphrase": (cert, pem(loaded, "TraditionalOpenSSL", b"x")),
        "public key": (cert, public),
        "certificate cut off": (cert[:-40], key),
        "key cut off": (cert, key[:-40]),
        "certificate with a letter less": (cert.replace(b"MII", b"MI", 1), key),
        "key with a letter less": (cert, key.replace(b"MIG", b"MI", 1)),
        "empty certificate": (b"\n", key),
        "empty key": (cert, b""),
        "no PEM": (b"letsencrypt", key),
        "request": (cert.replace(b"CERTIFICATE", b"CERTIFICATE REQUEST"), key),
        # taken
        "as it is": (cert, key),
        "CRLF": (cert.replace(b"\n", b"\r\n"), key.replace(b"\n", b"\r\n")),
        "CR": (cert.replace(b"\n", b"\r"), key),
        "leading text": (b"subject=/CN=a\n" + cert, b"Bag Attributes\n" + key),
        "byte order mark": (b"\xef\xbb\xbf" + cert, b"\xef\xbb\xbf" + key),
        "written line ends": (cert.replace(b"\n", b"\\n"), key.replace(b"\n", b"\\n")),
        "blanks for line ends": (cert.replace(b"\n", b" "), key.replace(b"\n", b" ")),
        "both in one": (cert + key, cert + key),
        "old form of the key": (cert, pem(loaded, "TraditionalOpenSSL")),
    }
    chain, private = changes[how]
    tls.cert.write_bytes(chain)
    tls.key.write_bytes(private)


REFUSED = {
    "swapped": "cert holds a key, and listen.tls.key a certificate",
    "two certificates": "key holds a certificate and no private key",
    "two keys": "cert holds a private key and no certificate",
    "another key": "key does not fit the certificate",
    "a key of another type": "key does not fit the certificate",
    "certificate in DER": "cert is DER and not PEM",
    "key in DER": "key is DER and not PEM",
    "certificate in UTF-16": "cert is UTF-16 and not PEM",
    "passphrase": "key has a passphrase, which nobody can type when a worker is replaced",
    "old passphrase": "key has a passphrase, which nobody can type when a worker is replaced",
    "public key": "key holds a public key and no private key",
    "certificate cut off": "cert is cut off",
    "key cut off": "key is cut off",
    "certificate with a letter less": "cert holds a certificate that cannot be read, as number 1",
    "key with a letter less": "key holds a key that cannot be read",
    "empty certificate": "cert is empty",
    "empty key": "key is empty",
    "no PEM": "cert holds no certificate",
    "request": "cert holds a certificate request and no certificate",
}
TAKEN = (
    "as it is",
    "CRLF",
    "CR",
    "leading text",
    "byte order mark",
    "written line ends",
    "blanks for line ends",
    "both in one",
    "old form of the key",
)


@pytest.mark.parametrize("how", REFUSED)
def test_a_broken_pair_is_refused_by_name(tls: Tls, how: str) -> None:
    broken(tls, how)
    with pytest.raises(CertificateError) as refused:
        read_certificates(tls)
    assert str(refused.value) == f"listen.tls.{REFUSED[how]}"
    assert refused.value.hint


@pytest.mark.parametrize("how", TAKEN)
def test_what_has_one_reading_is_taken(tls: Tls, how: str) -> None:
    right = read_certificates(tls)
    broken(tls, how)
    read = read_certificates(tls)
    assert read is not None and right is not None and read.chain == right.chain
    assert how == "old form of the key" or read.key == right.key


def test_a_chain_in_another_order(tls: Tls, tmp_path: Path) -> None:
    leaf = tls.cert.read_bytes()
    (tmp_path / "other").mkdir()
    issue(tmp_path / "other", "authority")
    authority = (tmp_path / "other" / "cert.pem").read_bytes()
    tls.cert.write_bytes(authority + leaf)
    with pytest.raises(CertificateError, match="is in another order: the key fits certificate 2 in it"):
        read_certificates(tls)
    tls.cert.write_bytes(leaf + authority)
    read = read_certificates(tls)
    assert read is not None
    found = [sentence for sentence, _ in remarks(read, time.time())]
    assert found[-1] == "certificate 2 of the chain has not issued the one before it, so clients may not verify it"


@pytest.mark.parametrize(
    ("days", "remark"),
    [
        (-3, "the certificate is not valid yet, for 2 days"),
        (0, "the certificate expires in less than a day"),
        (2, "the certificate expired 1 day ago"),
        (40, "the certificate expired 39 days ago"),
    ],
)
def test_how_long_a_certificate_is_good(tls: Tls, days: int, remark: str) -> None:
    read = read_certificates(tls)
    assert read is not None
    assert [sentence for sentence, _ in remarks(read, time.time() + days * 86400)] == [remark]
