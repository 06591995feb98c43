"""What to write instead, for keys, names and values that are not accepted."""

import pytest

from gateway.config.hints import nearest_key, unknown_key, unknown_name, value_hint
from gateway.config.tree import Mapping, Node, Position, Scalar, Sequence

AT = Position("a.yaml", 1, 1)
ROUTE = ("name", "paths", "procedures", "upstream", "auth", "rate_limits")


@pytest.mark.parametrize(
    ("key", "found"),
    [
        ("path", "paths"),
        ("rate-limits", "rate_limits"),
        ("rateLimits", "rate_limits"),
        ("Backend", "upstream"),
        ("service", "upstream"),
        ("url", None),  # another gateway's word for what no route has
        ("zzz", None),
    ],
)
def test_the_key_that_is_meant(key: str, found: str | None) -> None:
    assert nearest_key(key, ROUTE) == found


def test_a_key_that_belongs_elsewhere() -> None:
    assert unknown_key("max_batch", ROUTE, ("routes", 3)).startswith(
        "max_batch belongs below upstreams.NAME.trpc: look"
    )
    assert "belongs below listen or below listen.egress or below ops:" in unknown_key("host", ROUTE, ("routes", 3))
    assert unknown_key("upstrem", ROUTE, ("routes", 3)).startswith("did you mean upstream? known: auth, name")


def test_a_name_of_another_kind() -> None:
    known = {"auth": ["access-token"], "rate_limits": ["slow"], "breakers": ["external"]}
    assert unknown_name("acess-token", "auth", known, ["public"]) == "did you mean access-token?"
    assert unknown_name("slow", "auth", known) == "slow is one of rate_limits: name it after rate_limits"
    assert unknown_name("external", "auth", known) == "external is one of breakers"
    assert unknown_name("zzz", "auth", known, ["public"]) == "known: access-token, public"
    assert unknown_name("zzz", "cors", known) == "define it under cors"


@pytest.mark.parametrize(
    ("kind", "written", "path", "hint"),
    [
        ("missing", Mapping({}, {}, AT), ("listen", "tls", "key"), "write key: "),
        ("missing", Mapping({}, {}, AT), ("rate_limits", "a", "key"), "write key: [address]"),
        ("missing", Mapping({}, {}, AT), ("fallbacks", "a", "other"), ""),
        ("tuple_type", Scalar("GET", AT), ("methods",), "put it in brackets"),
        ("tuple_type", Mapping({}, {}, AT), ("methods",), "begin each item with a dash"),
        ("model_type", Scalar(None, AT), ("listen",), "indent what belongs to it"),
        ("model_type", Sequence((), AT), ("listen",), "leave the dashes"),
        ("string_type", Sequence((), AT), ("auth",), "without brackets"),
        ("string_type", Mapping({}, {}, AT), ("auth",), "write its name alone"),
        ("bool_parsing", Scalar("ON", AT), ("credentials",), "write true: ON is a text"),
        ("bool_parsing", Scalar("hunter2", AT), ("credentials",), ""),
        ("int_parsing", Scalar("8 080", AT), ("port",), "digits only"),
        ("int_parsing", Scalar("hunter2", AT, expanded=True), ("port",), ""),
        ("literal_error", Scalar("Deny", AT), ("batch",), "did you mean deny?"),
        ("literal_error", Scalar("deny", AT, quoted=True), ("batch",), "without quotes"),
    ],
)
def test_values(kind: str, written: Node, path: tuple[str, ...], hint: str) -> None:
    found = value_hint(kind, written, path, ["allow", "deny"])
    assert hint in found and bool(found) is bool(hint)
