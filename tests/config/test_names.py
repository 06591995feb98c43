"""Spellings that the files accept, and the one sentence about each that they do not."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from gateway.config import names
from gateway.core.secret import Secret


def parsed(kind: Any, value: object) -> object:
    """``value`` as the type ``kind``, or the sentence of its refusal."""
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        return str(error.errors()[0]["ctx"]["error"])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (names.Name, "access-token_2.x", "access-token_2.x"),
        (names.Procedure, "lessons.getAll", "lessons.getAll"),
        (names.Procedures, "lessons.*", "lessons.*"),
        (names.UrlPath, "/stt/transcribe/", "/stt/transcribe/"),
        (names.PathPattern, "/files/*", "/files/*"),
        (names.UrlPrefix, "/api/trpc", "/api/trpc"),
        (names.Method, "PATCH", "PATCH"),
        (names.FieldName, "X-Request-Id", "x-request-id"),
        (names.PassedField, "X-App-*", "x-app-*"),
        (names.PassedField, "X-Tenant", "x-tenant"),
        (names.EndpointUrl, "https://backend.example/", "https://backend.example"),
        (names.EndpointUrl, "http://[::1]:8787", "http://[::1]:8787"),
        (names.HostValue, "backend.example:80", "backend.example:80"),
        (names.LoopbackHost, "127.8.8.8", "127.8.8.8"),
        (names.EnvironmentName, "production", "production"),
    ],
)
def test_accepted(kind: Any, value: str, expected: str) -> None:
    assert parsed(kind, value) == expected


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        (names.Name, "a b", names.NOT_A_NAME),
        (names.Name, "a" * 65, names.NOT_A_NAME),
        (names.Name, "name\n", names.NOT_A_NAME),
        (names.Procedure, "lessons.*", "is not accepted: here it takes one procedure, such as lessons.getAll"),
        (names.UrlPath, "/files/*", "is not accepted: here it takes one path, without a *"),
        (names.UrlPrefix, "/api/", "must not end with a slash"),
        (names.FieldName, "a:b", "is not the name of a header"),
        (names.FieldName, "Transfer-Encoding", "is a header that the gateway itself writes: it is about one connection, or frames the content; leave it out"),
        (names.FieldName, "HOST", "is a header that the gateway itself writes: name that host in the url of the endpoint"),
        (names.PassedField, "x-*", "stands for x-accel too, by which backends know who is asking: name headers one by one"),
        (names.PassedField, "*", "stands for akamai too, by which backends know who is asking: name headers one by one"),
        (names.PassedField, "X-User-*", "stands for x-user too, by which backends know who is asking: name headers one by one"),
        (names.PassedField, "x-acme-role-*", "reads like the headers by which backends know who is asking; from a client it is forged: set it here with set, or leave it out"),
        (names.PassedField, "Fly-Client-IP", "is a header by which backends know who is asking; from a client it is forged: set it here with set, or leave it out"),
        (names.PassedField, "x_app", "is not a header name of letters, digits and hyphens, with a * at its end or none"),
        (names.PassedField, "x-*-y", "is not a header name of letters, digits and hyphens, with a * at its end or none"),
        (names.PassedField, "", "is not a header name of letters, digits and hyphens, with a * at its end or none"),
        (names.PassedField, "TE", "is a header of one connection: the gateway itself writes it, or does without"),
        (names.PassedField, "Host", "is a header of one connection: the gateway itself writes it, or does without"),
        (names.EnvironmentName, "Production", "must be one word in lower case, such as development or production"),
        (names.LoopbackHost, "0.0.0.0", "must be a loopback address, such as 127.0.0.1: whoever reaches it needs no token"),
        (names.FilePath, "", "must name a file"),
    ],
)  # fmt: skip
def test_refused(kind: Any, value: str, sentence: str) -> None:
    assert parsed(kind, value) == sentence


@pytest.mark.parametrize("value", ["CONNECT", "TRACE", "get", ""])
def test_methods_that_cannot_be_routed(value: str) -> None:
    assert parsed(names.Method, value) == (
        "is not a method that can be routed: use GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
    )


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("ftp://a", "is not the address of a server"),
        ("http://", "is not the address of a server"),
        ("http://a:0", "is not the address of a server"),
        ("http://a:99999", "is not the address of a server"),
        ("http://a b", "is not the address of a server"),
        ("http://user:pw@a", "holds credentials"),
        ("http://a/path", "has more than scheme, host and port"),
        ("http://a?x", "has more than scheme, host and port"),
        ("http://a#x", "has more than scheme, host and port"),
    ],
)
def test_addresses_that_are_no_endpoint(value: str, sentence: str) -> None:
    assert str(parsed(names.EndpointUrl, value)).startswith(sentence)


@pytest.mark.parametrize("value", ["", " x", "x ", "a\r\nx: y", "\u00fc", "a\x00b"])
def test_field_values_cannot_break_out_of_their_line(value: str) -> None:
    # RFC 9110 section 5.5: a line break in a value would end the field and begin another.
    sentence = str(parsed(names.FieldValue, Secret(value)))
    assert sentence.startswith("is not a header value") and (not value.strip() or value not in sentence)


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ("redis://cache:6379/0", True),
        ("rediss://user:pw@cache", True),
        ("redis+sentinel://a:26379,b:26379/main", True),
        ("redis+cluster://a:7000", True),
        ("redis:///0", False),
        ("http://cache", False),
    ],
)
def test_addresses_of_redis(value: str, accepted: bool) -> None:
    result = parsed(names.RedisUrl, Secret(value))
    assert isinstance(result, Secret) is accepted
    assert accepted or value not in str(result)


def test_no_duration_is_unlimited() -> None:
    assert parsed(names.Positive, 0.0) == "must be more than zero: there is no way to say unlimited"


def test_an_empty_text_is_like_nothing_written() -> None:
    assert names.none_if_empty("") is None
    assert names.none_if_empty("x") == "x"
