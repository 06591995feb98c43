"""Certificates are read as the library that made them reads them."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509

from gateway.core.x509 import certificate
from tests.certificate_files import issue


def der(folder: Path, name: str = "first") -> bytes:
    issue(folder, name)
    return ssl.PEM_cert_to_DER_cert((folder / "cert.pem").read_text())


def test_names_and_times(tmp_path: Path) -> None:
    encoded = der(tmp_path)
    other, read = x509.load_der_x509_certificate(encoded), certificate(encoded)
    assert read.subject == read.issuer  # it has signed itself
    assert read.not_before == other.not_valid_before_utc.timestamp()
    assert read.not_after == other.not_valid_after_utc.timestamp()
    assert certificate(der(tmp_path, "second")).subject != read.subject


@pytest.mark.parametrize("year", [1999, 2049, 2050, 2099])
def test_a_year_of_two_digits_and_of_four(tmp_path: Path, year: int) -> None:
    end = datetime.datetime(year, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
    issue(tmp_path, "first", end)
    assert certificate(ssl.PEM_cert_to_DER_cert((tmp_path / "cert.pem").read_text())).not_after == end.timestamp()


def test_what_is_no_certificate_is_refused_wherever_it_is_cut(tmp_path: Path) -> None:
    encoded = der(tmp_path)
    for end in range(0, len(encoded), 7):
        with pytest.raises(ValueError, match=r"^is "):
            certificate(encoded[:end])
    with pytest.raises(ValueError, match="is no certificate"):
        certificate(b"\x04" + encoded[1:])
