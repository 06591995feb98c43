"""One strict reading of the address: what a password may do to it, and that no sentence repeats a part of it."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from redis.asyncio import Redis

from gateway.state.redis.address import address_problem, file_passphrase, files_of

PARTS = ("pAsw", "oRdd")


@pytest.mark.parametrize("character", [*"#/?@[]", "\u2100", " ", "\t", "://", "/0@", "@h:1/", "?db=1#", "#@"])
@pytest.mark.parametrize(
    "shape", ["redis://:{}@127.0.0.1:6379/0", "rediss://user:{}@cache", "redis+cluster://:{}@a:1,b:2"]
)
def test_a_password_that_is_not_encoded_is_refused_and_not_repeated(character: str, shape: str) -> None:
    password = character.join(PARTS)
    problem = address_problem(shape.format(password))
    assert problem is not None and "%23" in problem[1]
    assert not any(part in "".join(problem) for part in PARTS)
    assert address_problem(shape.format(quote(password, safe=""))) is None


@pytest.mark.parametrize("character", list("!$&'()*+,;=-._~^|{}%:\"<>`\\"))
def test_a_password_that_needs_no_encoding_is_read_as_redis_py_reads_it(character: str) -> None:
    password = f"pAsw{character}oRdd"
    url = f"redis://:{password}@cache:6379/1"
    assert address_problem(url) is None
    read = Redis.from_url(url).connection_pool.connection_kwargs
    assert (read["host"], read["port"], read["db"], read["password"]) == ("cache", 6379, 1, password)


@pytest.mark.parametrize(
    "url",
    [
        "redis://127.0.0.1",
        "redis://[::1]:6379/0",
        "rediss://cache?ssl_ca_certs=/run/a@b.pem&wait=200ms",
        "redis+sentinel://:p@a:26379,b:26379/tutor/1?sentinel_password=p@w&tls=true",
        "redis+cluster://a,b:7000?tls=true",
        "redis://cache?db=2&health_check_interval=30&socket_timeout=1.5&password=x",
    ],
)
def test_addresses(url: str) -> None:
    assert address_problem(url) is None


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "must start with"),
        ("redis://", "must start with"),
        ("redis:///0", "must start with"),
        ("REDIS://cache", "must start with"),
        ("http://cache", "must start with"),
        ("unix:///run/redis.sock", "must start with"),
        ("redis://:password", "has no host and port"),
        ("redis://user:p@", "has no host and port"),
        ("redis://cache:port", "has no host and port"),
        ("redis://cache:0", "has no host and port"),
        ("redis://cache:65536", "has no host and port"),
        ("redis://a:1,b:1", "has no host and port"),
        ("redis+cluster://a:1,,b:1", "has no host and port"),
        ("redis+sentinel://a:1", "names no master"),
        ("redis+sentinel://a:1/main/first", "names no master"),
        ("redis://cache?sslcacerts=x", "has an option that is not known"),
        ("redis://cache?db=one", "has a value of db that is not accepted"),
        ("redis://cache?wait=long", "has a value of wait that is not a duration"),
        ("redis://cache#x", "holds a character that ends the password"),
    ],
)
def test_what_is_none(url: str, sentence: str) -> None:
    problem = address_problem(url)
    assert problem is not None and problem[0].startswith(sentence)


@pytest.mark.parametrize(
    "option", ["client_name", "health_check_interval", "ssl_cert_reqs", "ssl_min_version", "timeout"]
)
def test_every_option_is_one_of_redis_py(option: str) -> None:
    value = {"ssl_cert_reqs": "none", "ssl_min_version": "771"}.get(option, "5")
    url = f"rediss://cache?{option}={value}"
    assert address_problem(url) is None
    if option != "timeout":  # of the pool, which makes no connection here
        Redis.from_url(url).connection_pool.make_connection()  # type: ignore[no-untyped-call]  # it has no types


def test_files_and_their_passphrase() -> None:
    url = "rediss://cache?ssl_certfile=c.pem&ssl_keyfile=k.pem&ssl_password=a%20b"
    assert files_of(url) == {"ssl_certfile": "c.pem", "ssl_keyfile": "k.pem"}
    assert file_passphrase(url) == "a b" and file_passphrase("redis://cache") == ""
