"""Bearer tokens: what is remembered of those that passed."""

from gateway.policy.auth.auth import Jwt, Settings
from tests.policy.auth.tokens import ACCESS, NOW, Clock, claims, held, rule, signed, slug


def test_remembered_tokens_are_bounded_and_those_in_use_stay() -> None:
    stage = Jwt(Settings.model_validate(ACCESS), Clock(), remember=10)
    tokens = [signed(claims(sub=f"user-{number}")) for number in range(40)]
    for token in tokens:
        assert slug(stage, token) == ""
        assert slug(stage, tokens[0]) == ""
        assert len(stage._known) + len(stage._older) <= 10
    assert {"user-0", "user-39", "user-38", "user-37"} <= held(stage)


def test_an_expired_token_is_dropped_from_the_older_generation_too() -> None:
    clock = Clock()
    stage = Jwt(Settings.model_validate(ACCESS), clock, remember=4)
    brief, *others = (signed(claims(sub=f"user-{number}", exp=int(NOW) + 10 + number)) for number in range(4))
    for token in (brief, *others):
        assert slug(stage, token) == ""
    assert "user-0" in {known.subject for known in stage._older.values()}
    clock.now = NOW + 15
    assert slug(stage, brief) == "token_expired"
    assert "user-0" not in held(stage)
    clock.now = NOW + 15.5
    assert slug(stage, others[0]) == ""


def test_remembering_can_be_turned_off() -> None:
    forgetful = Jwt(Settings.model_validate(ACCESS), Clock(), remember=0)
    assert slug(forgetful, signed()) == slug(forgetful, signed()) == ""
    assert not held(forgetful)


def test_failing_tokens_are_not_remembered() -> None:
    stage = rule()
    for bad in (b"x", signed(secret="y" * 32), signed(claims(type="refresh")), signed(claims(exp=1))):
        assert slug(stage, bad) != ""
    assert not held(stage)


def test_a_remembered_token_vouches_for_no_other() -> None:
    stage = rule()
    good = signed()
    assert slug(stage, good) == ""
    for place in range(0, len(good), 7):
        changed = bytearray(good)
        changed[place] ^= 1
        assert slug(stage, bytes(changed)) in ("token_invalid", "claim_refused")


def test_the_tokens_themselves_are_not_kept() -> None:
    stage = rule()
    assert slug(stage, signed()) == ""
    assert all(len(mark) == 16 for mark in stage._known)


def test_forgetting_one_subject_or_all() -> None:
    stage = rule()
    tokens = [signed(claims(sub=name, n=number)) for name in ("ada", "bob") for number in range(3)]
    for token in tokens:
        assert slug(stage, token) == ""
    assert stage.forget("ada") == 3
    assert stage.forget("ada") == 0
    assert held(stage) == {"bob"}
    stage.clear()
    assert not held(stage)
    assert slug(stage, tokens[0]) == ""
