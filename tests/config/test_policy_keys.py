"""Routes and ``defaults`` have a key for each kind of policy that the table of kinds gives one."""

from __future__ import annotations

import pickle

import pytest
from pydantic import BaseModel, ValidationError

from gateway.config.model import Defaults, WrittenRoute
from gateway.config.policy_keys import INHERITED, names_of, policies_of
from gateway.policy.kinds import ROUTE_KINDS, SECTIONS


def route(**written: object) -> BaseModel:
    return WrittenRoute.model_validate({"name": "a", **written})


def test_a_route_has_a_key_for_each_kind() -> None:
    assert {kind.route_key for kind in ROUTE_KINDS} <= WrittenRoute.model_fields.keys()


def test_defaults_have_those_that_routes_inherit_and_no_other() -> None:
    assert set(Defaults.model_fields) == {kind.route_key for kind in INHERITED}


def test_a_kind_of_which_a_route_has_several_takes_a_list() -> None:
    assert names_of(route(rate_limits=["a", "b"]), SECTIONS["rate_limits"]) == ("a", "b")
    with pytest.raises(ValidationError):
        route(rate_limits="a")


def test_a_kind_of_which_a_route_has_one_takes_a_name() -> None:
    assert names_of(route(body="json"), SECTIONS["bodies"]) == ("json",)
    with pytest.raises(ValidationError):
        route(body=["json"])


@pytest.mark.parametrize("written", [{}, {"body": None}, {"body": ""}], ids=["missing", "null", "empty"])
def test_no_name_is_none(written: dict[str, object]) -> None:
    assert names_of(route(**written), SECTIONS["bodies"]) is None


def test_an_empty_list_is_no_missing_one() -> None:
    assert names_of(route(rate_limits=[]), SECTIONS["rate_limits"]) == ()
    assert names_of(route(), SECTIONS["rate_limits"]) is None


def test_the_policies_of_defaults_by_section() -> None:
    defaults = Defaults.model_validate({"auth": "public", "body": "json", "rate_limits": ["a", "b"]})
    assert policies_of(defaults) == {
        "response_headers": (),
        "cors": (),
        "rate_limits": ("a", "b"),
        "auth": (),
        "bodies": ("json",),
        "schemas": (),
    }


def test_they_reach_a_worker() -> None:
    defaults = Defaults.model_validate({"auth": "tokens"})
    assert pickle.loads(pickle.dumps(defaults)) == defaults
    assert type(pickle.loads(pickle.dumps(defaults))) is Defaults
