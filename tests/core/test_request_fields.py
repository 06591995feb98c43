"""What a request brings, and what of it goes upstream."""

import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.fields import HOP_BY_HOP, Malformed
from gateway.core.request_fields import ORDINARY_FIELDS, PassedFields, collect, forwardable, hop_by_hop, is_identity


def pairs(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in (line.split(": ", 1) for line in lines)]


def test_names_are_lower_case_and_repeated_fields_joined() -> None:
    raw = pairs("Host: h", "ACCEPT: a", "accept: b", "X-Custom: 1", "Cookie: a=1", "cookie: b=2", "x-CUSTOM: 2")
    assert collect(raw) == {b"host": b"h", b"accept": b"a, b", b"x-custom": b"1, 2", b"cookie": b"a=1; b=2"}


def test_two_authorizations_never_look_like_one() -> None:
    assert (
        collect(pairs("Authorization: Bearer a", "authorization: Bearer b"))[b"authorization"] == b"Bearer a, Bearer b"
    )


@pytest.mark.parametrize(
    "name", ["X_User_Id", "X.User.Id", "x_forwarded_for", "Content_Length", "x!y", "a~", "a`b", "a|b"]
)
def test_a_name_that_folds_into_another_is_left_out(name: str) -> None:
    assert collect(pairs("Host: h", f"{name}: 1")) == {b"host": b"h"}
    assert collect(pairs(f"{name}: 1", f"{name}: 2")) == {}


@pytest.mark.parametrize(
    "name", [b"", b"a b", b"content-length ", b" a", b"a:b", b"a\r\nb", b"a\x00", b"caf\xe9", b'"a"', b"a\n"]
)
def test_a_name_that_is_no_token_is_malformed(name: bytes) -> None:
    with pytest.raises(Malformed):
        collect([(b"host", b"h"), (name, b"1")])


@given(st.integers(0, 255))
def test_control_bytes_in_values_are_malformed(byte: int) -> None:
    value = b"a" + bytes([byte]) + b"b"
    if byte in (*range(9), *range(10, 32), 127):
        for name in (b"X-Custom", b"accept", b"Connection"):
            with pytest.raises(Malformed):
                collect([(name, value)])
    else:
        assert collect([(b"accept", value)]) == {b"accept": value}


def test_a_folded_value_is_malformed() -> None:
    with pytest.raises(Malformed):
        collect([(b"accept", b"a\r\n b")])


HOPS = (
    "connection keep-alive proxy-connection proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade"
)


@pytest.mark.parametrize("name", HOPS.split())
def test_fixed_hop_by_hop_fields_stop_here(name: str) -> None:
    assert name.encode() in hop_by_hop({})
    assert forwardable({name.encode(): b"close", b"accept": b"a"}) == [(b"accept", b"a")]


@pytest.mark.parametrize(
    "value", [b"keep-alive", b"close", b"Keep-Alive", b"", b" , ", b"keep-alive, Upgrade", b"TE", b"close,,te"]
)
def test_usual_connection_values(value: bytes) -> None:
    assert hop_by_hop({b"connection": value}) - HOP_BY_HOP <= {b"close"}


def test_fields_that_connection_names_stop_here() -> None:
    fields = collect(pairs("Connection: close, X-Hop ,\tx-other", "X-Hop: 1", "X-Other: 2", "X-Kept: 3"))
    passes = PassedFields(["x-*"])
    assert hop_by_hop(fields) == HOP_BY_HOP | {b"close", b"x-hop", b"x-other"}
    assert forwardable(fields, passes=passes) == [(b"x-kept", b"3")]


PROTECTED = (
    "authorization Host content-length Content-Type transfer-encoding cookie origin x-forwarded-for X-Real-IP "
    "x-user-id x-request-id x-correlation-id expect connection sec-fetch-site forwarded"
)


@pytest.mark.parametrize("named", PROTECTED.split())
def test_connection_may_not_name_a_field_that_decides(named: str) -> None:
    with pytest.raises(Malformed, match="must not be removed"):
        hop_by_hop({b"connection": b"close, " + named.encode()})


@pytest.mark.parametrize("value", [b"a b", b'"x"', b"close; x", b"a:b", b"close, a b", b"\xff"])
def test_connection_is_a_list_of_tokens(value: bytes) -> None:
    with pytest.raises(Malformed, match="list of tokens"):
        forwardable({b"connection": value})


IDENTITY = """x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-prefix x-forwarded-user
x-forwarded forwarded forwarded-for x-real-ip cf-connecting-ip cf-connecting-ipv6 cf-ipcountry true-client-ip x-client-ip
x-cluster-client-ip fastly-client-ip x-originating-ip client-ip x-original-url x-original-host x-rewrite-url
x-http-method-override x-http-method x-method-override x-user-id x-user x-user-email x-user-roles x-auth-user
x-auth-request-email x-authenticated-user x-authenticated-userid x-remote-user remote-user x-principal x-principal-id
x-gateway-user x-gateway x-envoy-original-path x-client-cert ssl-client-verify x-ssl-client-dn x-middleware-subrequest
proxy x-amzn-oidc-identity x-goog-iap-jwt-assertion x-ms-client-principal-name x-consumer-username auth-user x-role
x-username x-jwt-assertion"""


@pytest.mark.parametrize("name", IDENTITY.split())
def test_identity_fields_do_not_go_upstream(name: str) -> None:
    assert is_identity(name.encode())
    assert forwardable(collect(pairs(f"{name.title()}: 1", "Accept: a"))) == [(b"accept", b"a")]


REAL = (
    "authorization accept content-type cookie origin user-agent x-session-id x-correlation-id range trpc-accept "
    "x-request-id x-trpc-source x-app-version x-requested-with traceparent x-api-key"
)


@pytest.mark.parametrize("name", REAL.split())
def test_fields_that_clients_really_send_go_upstream(name: str) -> None:
    assert not is_identity(name.encode())
    assert forwardable({name.encode(): b"1"}) == [(name.encode(), b"1")]


@pytest.mark.parametrize("name", ["x-made-up", "x-acme-user", "via2", "x", "from", "client-cert", "x-b3-traceid"])
def test_what_nothing_says_to_pass_stays_behind(name: str) -> None:
    assert forwardable({name.encode(): b"1", b"accept": b"a"}) == [(b"accept", b"a")]


def test_names_and_beginnings_that_an_upstream_gets_besides() -> None:
    passes = PassedFields(["x-app-*", "x-tenant", "x-user-id", "x-acme-account"])
    sent = "x-app-build x-app- x-application x-tenant x-tenant-id x-user-id x-app-user-id x-app-client-ip x-acme-account accept"
    fields = {name.encode(): b"1" for name in sent.split()}
    kept = [name.decode() for name, _ in forwardable(fields, passes=passes)]
    assert kept == ["x-app-build", "x-app-", "x-tenant", "x-acme-account", "accept"]


def test_hop_by_hop_and_own_fields_pass_by_no_pattern() -> None:
    passes = PassedFields(["te", "host", "expect", "content-*", "tr*", "k*", "u*"])
    names = (*HOP_BY_HOP, b"host", b"expect", b"content-length")
    assert not any(passes[name] for name in names)


def test_what_stays_behind_without_a_reason_is_reported_and_an_identity_is_not() -> None:
    seen: list[bytes] = []
    passes = PassedFields(["x-app-*"], seen.append)
    fields = {name.encode(): b"1" for name in ["x-odd", "x-user-id", "accept", "te", "x-app-email", "sec-ch-ua-model"]}
    assert forwardable(fields, passes=passes) == [(b"accept", b"1"), (b"sec-ch-ua-model", b"1")]
    assert seen == [b"x-odd", b"x-app-email"]


def test_the_fields_that_always_pass_are_those_of_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs/upstreams.md").read_text()
    listed = page.partition("These always pass:\n\n```\n")[2].partition("```")[0].split()
    assert sorted(listed) == sorted(name.decode() for name, passed in ORDINARY_FIELDS.items() if passed)


def test_host_length_expect_and_the_fields_named_by_the_caller_stay_behind() -> None:
    fields = collect(pairs("Host: h", "Content-Length: 3", "Expect: 100-continue", "X-Request-Id: 1", "Accept: a"))
    assert forwardable(fields) == [(b"x-request-id", b"1"), (b"accept", b"a")]
    assert forwardable(fields, frozenset({b"x-request-id"})) == [(b"accept", b"a")]


def test_nothing_a_client_makes_up_is_remembered() -> None:
    """A thousand invented names leave less memory behind than one byte each."""

    def invented(start: int) -> None:
        for number in range(start, start + 1000):
            forwardable(collect([(f"X-Made-Up-{number}".encode(), b"1")]))

    invented(0)
    tracemalloc.start()
    try:
        invented(1000)
        assert tracemalloc.get_traced_memory()[0] < 1000
    finally:
        tracemalloc.stop()


names = st.sampled_from([b"Host", b"Accept", b"X_A", b"x-a", b"X-A", b"Cookie", b"connection", b"X-Real-Ip", b"TE"])


@given(st.lists(st.tuples(names, st.sampled_from([b"", b"a", b"close"])), max_size=8))
def test_forwarded_fields_were_sent_and_are_neither_hop_by_hop_nor_identity(raw: list[tuple[bytes, bytes]]) -> None:
    fields = collect(raw)
    assert fields.keys() <= {name.lower() for name, _ in raw}
    assert all(b"_" not in name for name in fields)
    if b"a" in fields.get(b"connection", b""):
        return
    for name, value in forwardable(fields):
        assert fields[name] == value and name in (b"accept", b"x-a", b"cookie")
