"""Bearer tokens that an operator has revoked, with the clock moved by hand."""

from collections.abc import Callable

import pytest

from gateway.core.exchange import Exchange
from gateway.core.reason import REASONS
from gateway.policy.auth.auth import Jwt
from gateway.state.memory.store import MemoryStore
from tests.policy.auth.tokens import NOW, Clock, claims, policy, present, remembered, signed, slug

ADA, SID = b"a" * 32, b"s" * 32
DAY = 86_400.0


def parts(leeway: str = "0s") -> tuple[Jwt, MemoryStore, Clock]:
    clock, store = Clock(), MemoryStore()
    return policy(clock, store, leeway=leeway), store, clock


@pytest.mark.parametrize(("kind", "key"), [("subject", ADA), ("session", SID)])
def test_a_remembered_token_is_refused_at_once_and_forgotten(kind: str, key: bytes) -> None:
    stage, store, clock = parts()
    token, bob = signed(), signed(claims(sub="bob", sid="other"))
    assert slug(stage, token) == slug(stage, bob) == ""
    clock.now += 10
    store.revoke(kind, key, clock.now + DAY, clock.now)
    assert slug(stage, token) == "token_revoked"
    assert remembered(stage) == {"bob"}
    assert slug(stage, token) == "token_revoked"  # verified anew
    assert slug(stage, bob) == ""
    assert slug(policy(clock, store), token) == "token_revoked"  # as after a restart


def test_a_fresh_sign_in_works() -> None:
    stage, store, clock = parts()
    clock.now += 10.5
    store.revoke("subject", ADA, clock.now + DAY, clock.now)
    assert slug(stage, signed(claims(iat=int(NOW) + 10))) == "token_revoked"  # the second has begun before
    clock.now += 0.5
    assert slug(stage, signed(claims(iat=int(NOW) + 11))) == ""


def test_a_leeway_counts_against_the_token() -> None:
    stage, store, clock = parts("5s")
    store.revoke("subject", ADA, NOW + DAY, NOW)
    assert slug(stage, signed(claims(iat=int(NOW) + 4))) == "token_revoked"  # an issuer whose clock is ahead
    clock.now += 5
    assert slug(stage, signed(claims(iat=int(NOW) + 5))) == ""


def test_a_token_without_iat_is_refused_while_the_revocation_lasts() -> None:
    stage, store, clock = parts()
    store.revoke("subject", ADA, NOW + 60, NOW)
    token = signed(claims(iat=None))
    clock.now += 59
    assert slug(stage, token) == "token_revoked"
    clock.now += 1
    assert slug(stage, token) == ""


@pytest.mark.parametrize(("sid", "expected"), [(7, "token_revoked"), ("7", "token_revoked"), ([7], ""), (None, "")])
def test_a_session_is_known_by_text_or_number(sid: object, expected: str) -> None:
    stage, store, _ = parts()
    store.revoke("session", b"7", NOW + 60, NOW + 1)
    assert slug(stage, signed(claims(sid=sid))) == expected


def test_a_lone_surrogate_in_a_session_breaks_nothing() -> None:
    stage, store, _ = parts()
    store.revoke("session", b"7", NOW + 60, NOW + 1)
    assert slug(stage, signed(claims(sid="\ud800"))) == ""


def test_the_response_says_that_the_token_was_revoked() -> None:
    stage, store, _ = parts()
    store.revoke("subject", ADA, NOW + 60, NOW + 1)
    refusal, _ = present(stage, b"Bearer " + signed())
    assert refusal is not None
    assert refusal.headers[0][1].endswith(b'error="invalid_token", error_description="revoked"')
    assert (REASONS["token_revoked"].status, REASONS["token_revoked"].rpc_name) == (401, "UNAUTHORIZED")


def test_the_table_is_read_only_when_it_has_changed() -> None:
    stage, store, _ = parts()
    readings: list[float] = []
    read = store.revocations
    store.revocations = lambda now: readings.append(now) or read(now)  # type: ignore[method-assign,func-returns-value]  # counts
    for _ in range(10):
        assert slug(stage, signed()) == ""
    assert len(readings) == 1


def test_a_revocation_in_the_middle_of_another_request_is_not_missed() -> None:
    stage, store, clock = parts()
    bob = signed(claims(sub="bob"))
    store.revoke("subject", b"nobody", NOW + 60, NOW)
    assert slug(stage, bob) == ""

    # another worker revokes while this one verifies
    clock.on_read = lambda: store.revoke("subject", b"bob", NOW + 60, NOW + 1)
    assert slug(stage, signed()) == ""
    clock.on_read = lambda: None
    assert slug(stage, bob) == "token_revoked"


def lasting(stage: Jwt, token: bytes, endless: bool = True) -> Callable[[], str]:
    """Asks whether a response that lasts may go on: the reason that ends it, empty when none does."""
    refusal, exchange = present(stage, b"Bearer " + token)
    assert refusal is None
    check = stage.on_lasting(exchange, endless)

    def asked() -> str:
        refusal = check()
        return "" if refusal is None else refusal.reason.slug

    return asked


def test_an_endless_response_ends_with_its_token_and_the_leeway() -> None:
    stage, _, clock = parts("5s")
    endless, finite = lasting(stage, signed()), lasting(stage, signed(), endless=False)
    clock.now += 904.9
    assert endless() == ""
    clock.now += 0.1
    assert (endless(), finite()) == ("token_expired", "")


@pytest.mark.parametrize("endless", [True, False])
@pytest.mark.parametrize(("kind", "key"), [("subject", ADA), ("session", SID)])
def test_a_response_that_lasts_ends_when_its_token_is_revoked(kind: str, key: bytes, endless: bool) -> None:
    stage, store, clock = parts()
    mine, bobs = lasting(stage, signed(), endless), lasting(stage, signed(claims(sub="bob", sid="b")), endless)
    assert (mine(), bobs()) == ("", "")
    clock.now += 10
    store.revoke(kind, key, clock.now + DAY, clock.now)
    assert (mine(), bobs()) == ("token_revoked", "")
    assert slug(stage, signed()) == "token_revoked", "whoever notices the change has the remembered tokens judged"
    clock.now += 1
    assert lasting(stage, signed(claims(iat=int(NOW) + 11)), endless)() == "", "a new sign-in"


def test_a_revocation_from_before_the_first_question_is_seen() -> None:
    stage, store, clock = parts()
    mine = lasting(stage, signed())
    clock.now += 1
    store.revoke("subject", ADA, clock.now + DAY, clock.now)
    assert slug(stage, signed()) == "token_revoked"
    assert mine() == "token_revoked"


def test_without_a_token_there_is_nothing_to_end() -> None:
    stage, _, clock = parts()
    check = stage.on_lasting(Exchange("GET", "/", {}, "192.0.2.1", 0.0), False)
    clock.now += DAY
    assert check() is None
