"""Fields on the way back."""

import pytest
from pydantic import ValidationError

from gateway.core.exchange import Call, Exchange
from gateway.policy import response_headers
from gateway.policy.response_headers import DEFAULTS, ResponseHeaders, Settings
from tests.policy.added_fields import added_fields


def rule(**settings: object) -> ResponseHeaders:
    return response_headers.build("secure", Settings.model_validate(settings), None)  # type: ignore[arg-type]  # no tools


def answer(stage: ResponseHeaders, principal: str = "") -> dict[bytes, bytes]:
    exchange = Exchange("GET", "/", {}, "192.0.2.1", 0.0)
    exchange.principal = principal
    stage.on_response(exchange)
    assert len(dict(added_fields(exchange))) == len(added_fields(exchange))
    return dict(added_fields(exchange))


def test_the_defaults_are_there_without_a_word() -> None:
    assert answer(rule()) == {name.encode(): value.encode() for name, value in DEFAULTS.items()}


def test_an_answer_to_a_signed_in_user_is_not_stored() -> None:
    assert answer(rule(), "ada")[b"cache-control"] == b"no-store"
    assert answer(rule(set={"Cache-Control": "private, max-age=5"}), "ada")[b"cache-control"] == b"private, max-age=5"
    assert b"cache-control" not in answer(rule(remove=["cache-control"]), "ada")


def test_set_adds_and_replaces_and_remove_takes_a_default_away() -> None:
    stage = rule(
        set={"X-Frame-Options": "SAMEORIGIN", "permissions-policy": "camera=()"}, remove=["Referrer-Policy", "etag"]
    )
    fields = answer(stage)
    assert fields[b"x-frame-options"] == b"SAMEORIGIN"
    assert fields[b"permissions-policy"] == b"camera=()"
    assert b"referrer-policy" not in fields
    assert {b"referrer-policy", b"etag", b"server", b"x-powered-by"} <= stage.removed


def test_server_is_hidden_unless_it_is_set_on_purpose() -> None:
    assert b"server" in rule().removed
    named = rule(set={"server": "tutor"})
    assert b"server" not in named.removed and answer(named)[b"server"] == b"tutor"


def test_two_policies_over_one_batch_do_not_say_the_same_field_twice() -> None:
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.calls = [Call("a"), Call("b")]
    rule(set={"x-frame-options": "SAMEORIGIN"}).on_response(exchange)
    rule(set={"permissions-policy": "camera=()"}).on_response(exchange)
    names = [name for name, _ in added_fields(exchange)]
    assert len(names) == len(set(names)) == len(DEFAULTS) + 1


@pytest.mark.parametrize(
    "value", ["", " a", "a ", "a\r\nset-cookie: x=1", "a\nb", "a\x00b", "ä", "a\x7f", "\ta", "a\x0bb"]
)
def test_values_that_could_break_an_answer_are_refused_at_load(value: str) -> None:
    with pytest.raises(ValidationError, match="is not a header value"):
        Settings.model_validate({"set": {"x-a": value}})


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\n", "ä", "(a)", "x-a\x00"])
def test_names_that_are_no_token_are_refused_at_load(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a header name"):
        Settings.model_validate({"set": {name: "x"}})
    with pytest.raises(ValidationError, match="is not a header name"):
        Settings.model_validate({"remove": [name]})


@pytest.mark.parametrize(
    "name",
    ["Content-Length", "transfer-encoding", "Connection", "Vary", "Access-Control-Allow-Origin", "x-request-id", "TE"],
)
def test_fields_that_belong_to_the_gateway_are_refused_at_load(name: str) -> None:
    for settings in ({"set": {name: "x"}}, {"remove": [name]}):
        with pytest.raises(ValidationError, match="belongs to the gateway"):
            Settings.model_validate(settings)


def test_contradictions_are_refused_at_load() -> None:
    with pytest.raises(ValidationError, match="both set and removed"):
        Settings.model_validate({"set": {"X-A": "1"}, "remove": ["x-a"]})
    with pytest.raises(ValidationError, match="written twice"):
        Settings.model_validate({"set": {"X-A": "1", "x-a": "2"}})
    with pytest.raises(ValidationError):
        Settings.model_validate({"set": ["x-a"]})
