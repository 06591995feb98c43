"""Certificates as bytes: read once, checked as a pair, and used without any file."""

from __future__ import annotations

import os
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.config.model import Tls
from gateway.process.certificates import MOST_BYTES, Certificates, read_certificates, tls_context, use
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
    with pytest.raises(FileNotFoundError):
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


def test_bytes_stand_for_themselves(tls: Tls) -> None:
    comment = b"# caf\xe9 \xff\n"
    tls.key.write_bytes(comment + tls.key.read_bytes())
    read = read_certificates(tls)
    assert isinstance(read, Certificates) and read.key.reveal().encode("latin-1").startswith(comment)


@pytest.mark.parametrize("name", ["cert", "key"])
def test_a_path_that_leads_to_a_device_does_not_fill_the_memory(name: str) -> None:
    files = {"cert": Path("/dev/null"), "key": Path("/dev/null"), name: Path("/dev/zero")}
    with pytest.raises(OSError, match="/dev/zero is larger than 1024 KiB"):
        read_certificates(Tls(**files))
