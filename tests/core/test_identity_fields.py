"""Which names tell a backend who is asking, and which patterns would let one through."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.identity_fields import identity_below, is_identity, seems_identity
from tests.processor_time import takes_at_most


@pytest.mark.parametrize(
    "name",
    [
        "x-user",
        "x-user-id",
        "fly-client-ip",
        "x-hasura-role",
        "tailscale-user-login",
        "cf-access-jwt-assertion",
        "client-cert",
        "remote-user",
        "x-ms-token-aad-id-token",
        "impersonate-user",
        "from",
        "proxy",
        "user-id",
        "userid",
        "x-forwarded-for",
        "forwarded",
        "x-forwarded",
    ],
)
def test_an_identity(name: str) -> None:
    assert is_identity(name.encode()) and seems_identity(name.encode())


@pytest.mark.parametrize(
    "name",
    [
        "user-agent",
        "authorization",
        "proxyx",
        "flyer-id",
        "x-app-version",
        "x-api-key",
        "x-users-guide",
        "x-session-id",
        "x-ms-version",
        "accept",
        "cfx",
        "x-client-version",
        "x-realm",
        "x-amzn-trace-id",
        "x-request-id",
        "origin",
        "referer",
        "-",
        "--",
        "a",
    ],
)
def test_none(name: str) -> None:
    assert not is_identity(name.encode())


@pytest.mark.parametrize(
    "name", ["x-acme-user-id", "x-app-email", "acme-admin", "x-app-client-ip", "app-role-name", "x-tenant"]
)
def test_a_name_that_reads_like_one(name: str) -> None:
    assert seems_identity(name.encode()) and not is_identity(name.encode())


@pytest.mark.parametrize(
    "prefix", ["", "x-", "x", "x-us", "x-user", "x-user-", "x-user-pref-", "cf-", "c", "x-client-"]
)
def test_a_beginning_of_identities(prefix: str) -> None:
    assert identity_below(prefix.encode()) is not None


@pytest.mark.parametrize("prefix", ["x-app-", "x-linguamate-", "b", "x-correlation-"])
def test_a_beginning_of_none_that_is_known(prefix: str) -> None:
    assert identity_below(prefix.encode()) is None


@given(
    st.sampled_from([b"x-user-id", b"fly-client-ip", b"x-hasura-role", b"proxy", b"x-amzn-mtls-clientcert"]), st.data()
)
def test_every_beginning_of_an_identity_is_known_as_one(name: bytes, data: st.DataObject) -> None:
    end = data.draw(st.integers(0, len(name)))
    assert identity_below(name[:end]) is not None


@pytest.mark.parametrize("name", [b"x" + b"-" * 16_000, b"user" * 4_000, b"x-use" * 3_000, b"ip-" * 5_000 + b"user_"])
def test_the_longest_names_are_read_in_linear_time(name: bytes) -> None:
    assert takes_at_most(0.002, lambda: seems_identity(name), 5)
