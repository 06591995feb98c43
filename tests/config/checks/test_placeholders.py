"""What stands in the place of a secret is no secret, and one that serves two purposes is none of its own."""

from __future__ import annotations

import base64
import secrets

import pytest

from gateway.config.checks.placeholders import is_placeholder, placeholders, secret_in, used_twice
from gateway.config.tree import NodePath, Position, Scalar

REAL = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"


def at(*path: str | int, value: str, expanded: bool = True) -> tuple[NodePath, Scalar]:
    return path, Scalar(value, Position("a.yaml", 1, 1), expanded=expanded)


@pytest.mark.parametrize(
    "text",
    [
        "...",
        "…",
        "changeme",
        "CHANGE_ME",
        "change-me-please-change-me-please-now",
        "example",
        "example-secret-of-more-than-32-bytes",
        "<secret>",
        "<your key here>",
        "{{ jwt_secret }}",
        "${JWT_SECRET}",
        "$JWT_SECRET",
        "[secret]",
        "%SECRET%",
        "__SECRET__",
        "xxx",
        "XXXXXXXX",
        "xxxx-xxxx-xxxx",
        "TODO",
        "TODO: set this",
        "fixme",
        "null",
        "none",
        "undefined",
        "your-api-key",
        "your_jwt_secret_here",
        "insert-token-here",
        "my super secret key",
        "secret123",
        "test",
        "password1",
        "000000000000",
        "1234567890",
        "-----",
        "Bearer ...",
        "Bearer <token>",
        "Basic changeme",
        "sk-...",
        "Bearer sk-…",
        "sk-live-xxxxxxxxxxxxxxxx",
        "tk_***",
        "insert-your-token-here-please-123",
        "op://vault/item/field",
        "vault:secret/data/gateway#token",
        "ref+awssecrets://gateway/token",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gateway-AbCdEf",
        "projects/tutor/secrets/token/versions/1",
        "@Microsoft.KeyVault(SecretUri=https://tutor.vault.azure.net/secrets/token)",
        "a-signing-secret-of-more-than-32-bytes",
    ],
)
def test_placeholders(text: str) -> None:
    assert is_placeholder(text)


def test_no_secret_that_a_program_makes_is_one() -> None:
    assert not is_placeholder(REAL) and not is_placeholder("sk-41f09c22ab")
    for _ in range(300):
        made = secrets.token_bytes(24)
        for text in (made.hex(), base64.b64encode(made).decode(), secrets.token_urlsafe(), str(secrets.randbits(128))):
            assert not is_placeholder(text), text


def test_a_phrase_of_ordinary_words_is_a_secret() -> None:
    assert not is_placeholder("correct horse battery staple")


def test_where_the_secret_is() -> None:
    def found(*path: str, value: str, expanded: bool = True) -> str | None:
        return secret_in(*at(*path, value=value, expanded=expanded))

    headers = ("upstreams", "a", "request_headers", "set")
    assert found("state", "redis", value="redis://:pw@cache:6379") == "pw"
    assert found("state", "redis", value="redis://user:p:w@cache") == "p:w"
    assert found("state", "redis", value="redis://cache:6379") is None
    assert found(*headers, "authorization", value=f"Bearer {REAL}") == REAL
    assert found(*headers, "x-from", value="gateway", expanded=False) is None
    assert found(*headers, "x-api-key", value="gateway", expanded=False) == "gateway"
    assert found("ops", "token", value="") is None


def test_a_placeholder_is_found_wherever_a_secret_belongs() -> None:
    headers = ("upstreams", "a", "request_headers", "set")
    written = [
        at("ops", "token", value="changeme"),
        at("state", "redis", value="redis://:changeme@cache"),
        at(*headers, "authorization", value="Bearer ...", expanded=False),
        at(*headers, "x-from", value="example", expanded=False),
        at("auth", "a", "secret", 1, value="<secret>"),
        at("state", "key", value=REAL),
    ]
    assert [path[-1] for path, *_ in placeholders(written)] == ["token", "redis", "authorization", 1]


def test_a_secret_has_one_purpose() -> None:
    headers = ("request_headers", "set", "authorization")
    one = [
        at("auth", "access", "secret", value=REAL),
        at("auth", "refresh", "secret", value=REAL),
        at("upstreams", "a", *headers, value="Bearer 41f09c22ab"),
        at("upstreams", "b", *headers, value="Bearer 41f09c22ab"),
        at("ops", "token", value="2c71d4e8ab5036cd"),
    ]
    assert list(used_twice(one)) == []
    for more in (
        at("state", "key", value=REAL),
        at("ops", "token", value=REAL),
        at("upstreams", "a", *headers, value=f"Bearer {REAL}"),
        at("state", "redis", value=f"redis://:{REAL}@cache"),
    ):
        ((path, _, sentence, _),) = used_twice([*one, more])
        assert path == more[0] and sentence.startswith("is the secret of auth too") and REAL not in sentence
