"""What production refuses, one rule at a time; the whole of it stands in the cases."""

from pathlib import Path

import pytest

from gateway.config.checks.production import cannot_open, is_private
from gateway.config.checks.weakness import origin_weakness, secret_weakness
from gateway.config.upstream_settings import EndpointSettings


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8787",
        "http://127.9.9.9",
        "http://[::1]:1",
        "http://localhost",
        "http://LOCALHOST.",
        "http://tutor",
        "http://10.255.0.1",
        "http://172.31.0.1",
        "http://192.168.1.1",
        "http://[fd12::1]",
        "http://tutor.default.svc.cluster.local",
        "http://tutor.default.svc",
        "http://host.docker.internal",
    ],
)
def test_private_upstreams(url: str) -> None:
    assert is_private(EndpointSettings(url=url))


@pytest.mark.parametrize(
    "url",
    [
        "http://172.32.0.1",
        "http://11.0.0.1",
        "http://8.8.8.8",
        "http://100.64.0.1",
        "http://[2001:db8::1]",
        "http://[::ffff:8.8.8.8]",
        "http://linguamate.app",
        "http://internal.linguamate.app",
        "http://10.0.0.1.nip.io",
        "http://notlocal",
        "http://mylocalhost.com",
    ],
)
def test_upstreams_that_others_can_listen_to(url: str) -> None:
    assert is_private(EndpointSettings(url=url)) is (
        url == "http://notlocal"
    )  # a name without a dot never leaves the network


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "NULL",
        "http://linguamate.app",
        "HTTP://linguamate.app",
        "http://localhost:8081",
        "https://*linguamate.app",
        "https://linguamate.app*",
        "https://linguamate.*",
        "https://*.app",
        "https://*.*.app",
        "https://a.*.linguamate.app",
        "https://*.vercel.app",
        "https://*.co.uk",
        "*.linguamate.app",
        "https://*",
    ],
)
def test_origins_that_admit_others(origin: str) -> None:
    assert origin_weakness(origin)


@pytest.mark.parametrize(
    "origin",
    ["https://linguamate.app", "https://*.linguamate.app", "https://*.linguamate.app:8443", "https://a.vercel.app"],
)
def test_origins_that_admit_nobody_else(origin: str) -> None:
    assert origin_weakness(origin) is None


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "tiny",
        "x" * 31,
        "x" * 64,
        "0123456789" * 4,
        "your-256-bit-secret-your-256-bit-secret",
        "a-string-secret-at-least-256-bits-long",
        "super-secret-jwt-token-with-at-least-32-characters-long",
        "CHANGE_ME_CHANGE_ME_CHANGE_ME_42_zq",
        "uG7qZ1xV0pTnB4cYuG7qZ1xV0pTnB4cY",
    ],
)
def test_secrets_that_protect_nothing(secret: str) -> None:
    weakness = secret_weakness(secret)
    assert weakness
    assert not secret or secret not in weakness


@pytest.mark.parametrize(
    "secret",
    ["uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a", "9f2c71d4e8ab5036cd17e49a02b6f85d", "gx\u00fc" * 3 + "mZ2pQ7vN4kT9wR1sL6hY"],
)
def test_secrets_that_may_do(secret: str) -> None:
    assert secret_weakness(secret) is None


def test_a_store_that_can_be_opened_is_not_made_by_checking(tmp_path: Path) -> None:
    assert cannot_open(tmp_path / "var" / "state") is None
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert cannot_open(tmp_path / "file") == "is not a folder"
    assert "may not be written to" in (cannot_open(tmp_path / "file" / "state") or "")
