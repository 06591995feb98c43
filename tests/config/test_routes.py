"""A written route becomes a whole one; ``cases/route_contradictions`` and others have what is wrong with routes."""

from __future__ import annotations

import pytest

from gateway.config.model import Defaults, Route, WrittenRoute
from gateway.config.routes import complete
from gateway.config.tree import Position

AT = Position("upstreams.yaml", 7, 3)
DEFAULTS = Defaults.model_validate({"auth": "tokens", "cors": "app", "rate_limits": ["per-client"], "body": "json"})
NOTHING: dict[str, tuple[str, ...]] = {
    section: () for section in ("response_headers", "cors", "rate_limits", "bodies", "uploads", "schemas", "lockouts")
}


def completed(**written: object) -> Route:
    return complete(WrittenRoute.model_validate({"name": "a", **written}), DEFAULTS, AT)


def test_what_a_route_does_not_say_is_in_the_defaults() -> None:
    assert completed().policies == {
        "response_headers": (),
        "cors": ("app",),
        "rate_limits": ("per-client",),
        "auth": ("tokens",),
        "bodies": ("json",),
        "schemas": (),
        "uploads": (),
        "lockouts": (),
    }


def test_what_a_route_says_replaces_the_defaults() -> None:
    policies = completed(cors="other", rate_limits=["a", "b"], body=None, lockout="guesses").policies
    assert (policies["cors"], policies["rate_limits"]) == (("other",), ("a", "b"))
    assert (policies["bodies"], policies["lockouts"]) == ((), ("guesses",))


def test_public_is_no_policy() -> None:
    assert completed(auth="public").policies["auth"] == ()


def test_nothing_after_auth_is_a_missing_decision() -> None:
    assert "auth" not in completed(auth=None).policies


def test_a_closed_route_needs_no_decision() -> None:
    assert completed(auth=None, deny="closed").policies["auth"] == ()
    assert completed(deny="closed").policies["auth"] == ("tokens",)


def test_the_egress_listener_has_nothing_of_the_defaults() -> None:
    assert completed(listener="egress").policies == NOTHING | {"auth": ()}
    assert completed(listener="egress", body="other").policies["bodies"] == ("other",)


@pytest.mark.parametrize(
    ("written", "methods"),
    [
        ({"procedures": ["a.b"]}, ("GET", "POST")),
        ({"paths": ["/a"]}, ("GET",)),
        ({"paths": ["/a"], "methods": ["PUT", "DELETE"]}, ("PUT", "DELETE")),
    ],
)
def test_methods(written: dict[str, object], methods: tuple[str, ...]) -> None:
    assert completed(**written).methods == methods


def test_a_route_knows_where_it_is_written() -> None:
    assert str(completed().position) == "upstreams.yaml:7:3"
