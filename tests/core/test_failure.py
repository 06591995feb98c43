"""The ways in which a call to an upstream fails, and what settings and clients call them."""

from __future__ import annotations

from gateway.config.upstream_settings import EjectionSettings, RetrySettings
from gateway.core.failure import WORDS, CallFailure, named
from gateway.core.reason import REASONS


def test_every_failure_has_a_reason_for_the_client() -> None:
    assert {failure.slug for failure in CallFailure} <= set(REASONS)


def test_a_connection_closed_before_a_response_is_one_kind_whoever_was_served_on_it_before() -> None:
    assert CallFailure.RESET.word == CallFailure.RESET_REUSED.word == "reset"
    assert CallFailure.CONNECT.word == CallFailure.CONNECT_TIMEOUT.word == "connect"


def test_settings_name_all_failures_but_the_gateways_own_limit() -> None:
    assert WORDS == ("connect", "reset", "timeout", "broken")
    assert named(WORDS) == frozenset(CallFailure) - {CallFailure.BUSY}
    assert named(["reset", 503]) == {CallFailure.RESET, CallFailure.RESET_REUSED, 503}


def test_every_word_is_taken_by_retries_and_by_outlier_ejection() -> None:
    retries = RetrySettings.model_validate({"on": WORDS, "attempt_timeout": 1.0})
    assert named(retries.on) == named(EjectionSettings.model_validate({"count": WORDS}).count)
