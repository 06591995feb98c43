"""Secrets that can be guessed and origins that admit others are recognized; good ones are not."""

import pytest

from gateway.config.checks.weakness import origin_weakness, secret_weakness


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
