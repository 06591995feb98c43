"""The certificate and the key of the listener are judged with the configuration, in the words of the start."""

from pathlib import Path

from gateway.config.load import load
from gateway.config.model import Config
from tests.certificate_files import issue
from tests.config.problems import Problems

TLS = "listen: {tls: {cert: cert.pem, key: key.pem}}\nroutes: []\n"


def test_files_that_cannot_be_read(problems_of: Problems) -> None:
    assert problems_of(TLS.replace("cert.pem", "no.pem")) == ["listen.tls.cert names a file that cannot be read"]


def test_a_pair_that_does_not_fit_is_refused_at_the_key(problems_of: Problems, tmp_path: Path) -> None:
    issue(tmp_path, "first")
    key = (tmp_path / "key.pem").read_bytes()
    issue(tmp_path, "second")
    (tmp_path / "key.pem").write_bytes(key)
    assert problems_of(TLS) == ["listen.tls.key does not fit the certificate"]


def test_a_certificate_that_is_about_to_end_is_mentioned(tmp_path: Path) -> None:
    issue(tmp_path, "first")
    (tmp_path / "upstreams.yaml").write_text("version: 1\n" + TLS)
    loaded = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(loaded, Config), loaded
    assert [str(warning).removeprefix(f"{tmp_path}/") for warning in loaded.warnings] == [
        "upstreams.yaml:2:22  listen.tls.cert  the certificate expires in less than a day  have it renewed, and reload"
    ]
