"""Held to the table of RFC 9110 section 9.2 and 9.3."""

from gateway.core.methods import IDEMPOTENT, KNOWN, METHODS, SAFE, WITH_CONTENT


def test_safe_methods_are_idempotent_and_idempotent_ones_known() -> None:
    assert SAFE < IDEMPOTENT < KNOWN
    assert set(METHODS) == KNOWN


def test_a_repeated_post_or_patch_may_act_twice() -> None:
    assert {"POST", "PATCH"} == KNOWN - IDEMPOTENT


def test_methods_that_anticipate_content_change_something() -> None:
    assert not WITH_CONTENT & SAFE
    assert {"POST", "PUT", "PATCH"} == WITH_CONTENT


def test_tunnels_and_echoes_do_not_pass() -> None:
    assert not {"CONNECT", "TRACE"} & KNOWN
