"""Settings that are the same, and those that Python takes for equal."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import permutations

import pytest

from gateway.core.secret import Secret
from gateway.core.units import Rate
from gateway.policy.auth.auth import Settings as Jwt
from gateway.policy.base.same import same
from gateway.policy.concurrency import Settings as Permits


@dataclass(frozen=True)
class Part:
    value: object
    line: int = field(default=0, compare=False)


def jwt(claim: str | int | bool) -> Jwt:
    return Jwt(kind="jwt", algorithms=("HS256",), secret=Secret("s" * 40), require={"admin": claim})


def permits(per_client: int | str) -> Permits:
    return Permits.model_validate({"limit": 9, "per_client": per_client})


@pytest.mark.parametrize(
    "values",
    [
        (True, 1, 1.0),
        (False, 0, 0.0),
        ([1], [True]),
        ((1, "a"), (1.0, "a")),
        ({"a": [1]}, {"a": [True]}),
        (Part(1), Part(True)),
        (Part((0,)), Part((False,))),
        (jwt(True), jwt(1)),
        (permits(1), permits("100%")),
        ([("tokens", jwt(False))], [("tokens", jwt(0))]),
    ],
    ids=repr,
)
def test_what_is_equal_to_python_alone_is_not_the_same(values: tuple[object, ...]) -> None:
    for one, other in permutations(values, 2):
        assert one == other
        assert not same(one, other)
    for one in values:
        assert same(one, one)


def test_the_same_written_twice_is_the_same() -> None:
    assert same(jwt(1), jwt(1))
    assert same(Part({"a": Secret("x")}, line=1), Part({"a": Secret("x")}, line=2))
    assert same(Rate(5, 60.0), Rate(5, 60.0))
    assert not same(jwt(1), jwt(2))
    assert not same([jwt(1)], [jwt(1), jwt(1)])
    assert not same({"a": Secret("x")}, {"a": Secret("y")})
