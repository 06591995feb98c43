"""What trusted proxies say in X-Forwarded-* and in Forwarded: read from the right, and never half."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.policy.base.proxies import TrustedProxies
from gateway.policy.base.trusted_fields import (
    ANY_FIELDS,
    MAX_HOPS,
    Forwarding,
    TrustedFields,
    agreed,
    entry,
    read_forwarded,
    read_x_forwarded,
)

PROXIES = TrustedProxies([ip_network("10.0.0.0/8"), ip_network("fd00::/8")])

X_FORWARDED = {
    "nothing": (("", "", "", ""), Forwarding()),
    "the address only": (("203.0.113.9", "", "", ""), Forwarding("203.0.113.9")),
    "all": (
        ("203.0.113.9", "HTTPS", "App.example:8443", "8443"),
        Forwarding("203.0.113.9", "https", "App.example:8443", "8443"),
    ),
    "one scheme for several hops": (("203.0.113.9, 10.1.1.1", "https", "", ""), Forwarding("203.0.113.9", "https")),
    "a scheme for each hop": (("203.0.113.9, 10.1.1.1", "https, http", "", ""), Forwarding("203.0.113.9", "https")),
    "a forged one in front": (("6.6.6.6, 203.0.113.9", "https, http", "", ""), Forwarding("203.0.113.9", "http")),
    "forged ones in front of several hops": (
        ("6.6.6.6, 203.0.113.9, 10.1.1.1", "https, http, https", "evil.example, app.example, inner", "443, 80, 8080"),
        Forwarding("203.0.113.9", "http", "app.example", "80"),
    ),
    "rubbish in front": (
        ("<x>, 203.0.113.9", '"\\<, https', "a b, app.example", "x, 443"),
        Forwarding("203.0.113.9", "https", "app.example", "443"),
    ),
    "all are proxies": (("10.2.2.2, 10.1.1.1", "https, http", "", ""), Forwarding("10.2.2.2", "https")),
    "a scheme without an address": (("", "https, http", "", ""), Forwarding("", "http")),
    "a WebSocket": (("", "wss", "[2001:db8::1]:443", "443"), Forwarding("", "wss", "[2001:db8::1]:443", "443")),
    "blanks only": ((" ", "\t", " ", " "), None),
}


@pytest.mark.parametrize(("values", "said"), X_FORWARDED.values(), ids=X_FORWARDED)
def test_x_forwarded_at_the_place_of_the_client(values: tuple[str, str, str, str], said: Forwarding | None) -> None:
    if said is None:
        with pytest.raises(ValueError, match="not an address"):
            read_x_forwarded(PROXIES, *values)
    else:
        assert read_x_forwarded(PROXIES, *values) == said


@pytest.mark.parametrize(
    "values",
    [
        ("203.0.113.9", "ftp", "", ""),
        ("203.0.113.9", "https, ", "", ""),
        ("203.0.113.9", "http\tx", "", ""),
        ("203.0.113.9", "", "a b", ""),
        ("203.0.113.9", "", "a/b", ""),
        ("203.0.113.9", "", "user@a", ""),
        ("203.0.113.9", "", "a:", ""),
        ("203.0.113.9", "", "a:123456", ""),
        ("203.0.113.9", "", "a,", ""),
        ("203.0.113.9", "", "", "0"),
        ("203.0.113.9", "", "", "65536"),
        ("203.0.113.9", "", "", "-1"),
        ("203.0.113.9", "", "", "\xb2"),
        ("203.0.113.9", "", "", "443,"),
    ],
)
def test_what_no_proxy_writes_there_is_malformed(values: tuple[str, str, str, str]) -> None:
    with pytest.raises(ValueError):
        read_x_forwarded(PROXIES, *values)


FORWARDED = {
    "an address": ("for=203.0.113.9", Forwarding("203.0.113.9")),
    "an address and a port": ('for="203.0.113.9:55"', Forwarding("203.0.113.9")),
    "IPv6": ('for="[2001:DB8::1]"', Forwarding("2001:db8::1")),
    "IPv6 and a port": ('for="[2001:db8::1]:4711"', Forwarding("2001:db8::1")),
    "an obfuscated port": ('for="[2001:db8::1]:_p1"', Forwarding("2001:db8::1")),
    "mapped": ('for="[::ffff:203.0.113.9]"', Forwarding("203.0.113.9")),
    "all": (
        "for=203.0.113.9;proto=HTTPS;host=app.example;by=10.0.0.1",
        Forwarding("203.0.113.9", "https", "app.example"),
    ),
    "a host with a port": (
        'for=203.0.113.9;host="app.example:8443"',
        Forwarding("203.0.113.9", "", "app.example:8443"),
    ),
    "several hops": (
        'for=203.0.113.9;proto=https;host=app.example, for=10.1.1.1;proto=http;host=inner, for="[fd00::1]"',
        Forwarding("203.0.113.9", "https", "app.example"),
    ),
    "forged in front": (
        "for=6.6.6.6;proto=https, for=203.0.113.9;proto=http",
        Forwarding("203.0.113.9", "http"),
    ),
    "what the inner hop used is not what the client used": (
        "for=203.0.113.9, for=10.1.1.1;proto=http",
        Forwarding("203.0.113.9"),
    ),
    "hidden": ("for=_SEVKISEK;proto=https", Forwarding("unknown", "https")),
    "hidden with a port": ('for="_a.b-c:_1"', Forwarding("unknown")),
    "unknown": ("for=unknown", Forwarding("unknown")),
    "unknown behind a proxy": ("for=6.6.6.6, for=Unknown, for=10.1.1.1", Forwarding("unknown")),
    "nobody": ("proto=https;host=app.example", Forwarding("", "https", "app.example")),
    "nobody behind a proxy": ("for=6.6.6.6, proto=https, for=10.1.1.1;proto=http", Forwarding("10.1.1.1", "https")),
    "all are proxies": ("for=10.2.2.2;proto=https, for=10.1.1.1", Forwarding("10.2.2.2", "https")),
    "an extension": ("for=203.0.113.9;secret=x", Forwarding("203.0.113.9")),
    "nothing": (" , ", Forwarding()),
}


@pytest.mark.parametrize(("value", "said"), FORWARDED.values(), ids=FORWARDED)
def test_forwarded_by_the_same_rules(value: str, said: Forwarding) -> None:
    assert read_forwarded(PROXIES, value) == said


@pytest.mark.parametrize(
    "value",
    [
        "for=localhost",
        "for=1.2.3",
        'for="2001:db8::1"',
        'for="[1.2.3.4]"',
        'for="[2001:db8::1"',
        'for="1.2.3.4:65536"',
        'for="1.2.3.4:"',
        'for="fe80::1%eth0"',
        'for=""',
        "for=_",
        'for="_a b"',
        'for="unknown:x"',
        "for=203.0.113.9;proto=ftp",
        'for=203.0.113.9;host="a b"',
        'for=203.0.113.9;host=""',
        "for=203.0.113.9, for=localhost",
    ],
)
def test_no_node_is_malformed(value: str) -> None:
    with pytest.raises(ValueError):
        read_forwarded(PROXIES, value)


def test_the_walks_are_bounded() -> None:
    for hops in (MAX_HOPS, MAX_HOPS + 1):
        names = ["203.0.113.9"] + ["10.0.0.2"] * (hops - 1)
        reads = [
            lambda names=names: read_x_forwarded(PROXIES, ", ".join(names), "", "", ""),
            lambda names=names: read_forwarded(PROXIES, ",".join(f"for={name}" for name in names)),
        ]
        for read in reads:
            if hops > MAX_HOPS:
                with pytest.raises(ValueError, match="more than 32"):
                    read()
            else:
                assert read().client == "203.0.113.9"


def test_two_kinds_of_fields_complete_each_other_and_never_contradict() -> None:
    assert agreed(Forwarding("1.2.3.4", "https"), Forwarding("1.2.3.4", "", "A.example")) == Forwarding(
        "1.2.3.4", "https", "A.example"
    )
    assert agreed(Forwarding("", "", "a.example", "443"), Forwarding("unknown")) == Forwarding(
        "unknown", "", "a.example", "443"
    )
    for other in (
        Forwarding("6.6.6.6"),
        Forwarding("unknown"),
        Forwarding("", "http"),
        Forwarding("", "", "b.example"),
    ):
        with pytest.raises(ValueError, match="contradict"):
            agreed(Forwarding("1.2.3.4", "https", "a.example"), other)
    assert agreed(Forwarding(host="A.example"), Forwarding(host="a.EXAMPLE")).host == "A.example"


addresses = st.ip_addresses().map(str)


@given(st.lists(addresses, min_size=1, max_size=8), st.sampled_from(["http", "https"]))
def test_both_fields_of_one_chain_name_one_client(chain: list[str], proto: str) -> None:
    nodes = [f'"[{one}]"' if ":" in one else one for one in chain]
    value = ", ".join(f"for={node};proto={proto}" for node in nodes)
    by_forwarded = read_forwarded(PROXIES, value)
    by_x = read_x_forwarded(PROXIES, ", ".join(chain), ", ".join([proto] * len(chain)), "", "")
    assert agreed(by_x, by_forwarded) == by_x == by_forwarded


@given(st.text(max_size=40), st.text(max_size=20))
def test_anything_is_read_or_malformed(value: str, other: str) -> None:
    for read in (
        lambda: read_forwarded(PROXIES, value),
        lambda: read_x_forwarded(PROXIES, value, other, value, other),
    ):
        try:
            stated = read()
        except ValueError:
            continue
        assert stated.client in ("", "unknown") or entry(stated.client) is not None or ":" in stated.client
        assert all(one.isascii() and one.isprintable() for one in stated)


@pytest.mark.parametrize(
    ("written", "fields"),
    [
        ("any", ANY_FIELDS),
        ("x-forwarded", ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port")),
        ("forwarded", ("forwarded",)),
        ("X-Forwarded-For", ("x-forwarded-for",)),
        (["X-Forwarded-For", "x-forwarded-proto"], ("x-forwarded-for", "x-forwarded-proto")),
    ],
)
def test_a_kind_or_names_of_fields_are_written(written: object, fields: tuple[str, ...]) -> None:
    assert TypeAdapter(TrustedFields).validate_python(written) == fields


@pytest.mark.parametrize("written", ["none", "", [], ["any"], ["x-real-ip"], [1], 1, None, {}])
def test_anything_else_is_refused_in_one_sentence(written: object) -> None:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(TrustedFields).validate_python(written)
    assert refused.value.error_count() == 1
