"""Bearer tokens: which of those that passed are remembered, and for how long."""

from gateway.state.memory.store import MemoryStore
from tests.policy.auth.tokens import NOW, Clock, claims, policy, policy_with, remembered, signed, slug


def test_remembered_tokens_are_bounded_and_those_in_use_stay() -> None:
    stage = policy_with(remember=10)
    tokens = [signed(claims(sub=f"user-{number}")) for number in range(40)]
    for token in tokens:
        assert slug(stage, token) == ""
        assert slug(stage, tokens[0]) == ""
        assert len(stage.cache) <= 10
    assert {"user-0", "user-39", "user-38", "user-37"} <= remembered(stage)


def test_an_expired_token_is_dropped_from_the_older_generation_too() -> None:
    clock = Clock()
    stage = policy_with(clock=clock, remember=4)
    brief, *others = (signed(claims(sub=f"user-{number}", exp=int(NOW) + 10 + number)) for number in range(4))
    for token in (brief, *others):
        assert slug(stage, token) == ""
    assert "user-0" in {token.subject for token in stage.cache.older.values()}
    clock.now = NOW + 15
    assert slug(stage, brief) == "token_expired"
    assert "user-0" not in remembered(stage)
    clock.now = NOW + 15.5
    assert slug(stage, others[0]) == ""


def test_remembering_can_be_turned_off() -> None:
    forgetful = policy_with(remember=0)
    assert slug(forgetful, signed()) == slug(forgetful, signed()) == ""
    assert not remembered(forgetful)


def test_failing_tokens_are_not_remembered() -> None:
    stage = policy()
    for bad in (b"x", signed(secret="y" * 32), signed(claims(type="refresh")), signed(claims(exp=1))):
        assert slug(stage, bad) != ""
    assert not remembered(stage)


def test_a_remembered_token_vouches_for_no_other() -> None:
    stage = policy()
    good = signed()
    assert slug(stage, good) == ""
    for place in range(0, len(good), 7):
        changed = bytearray(good)
        changed[place] ^= 1
        assert slug(stage, bytes(changed)) in ("token_invalid", "claim_refused")


def test_the_tokens_themselves_are_not_kept() -> None:
    stage = policy()
    assert slug(stage, signed()) == ""
    assert [len(fingerprint) for fingerprint in stage.cache.newer] == [16]


def test_what_is_forgotten_is_verified_anew() -> None:
    """A revocation ages the cache: each token is judged once more, and the revoked subject's are forgotten."""
    clock, store = Clock(), MemoryStore()
    stage = policy(clock, store)
    tokens = {name: [signed(claims(sub=name, n=number)) for number in range(3)] for name in ("ada", "bob")}
    for token in (*tokens["ada"], *tokens["bob"]):
        assert slug(stage, token) == ""
    clock.now += 10
    store.revoke("subject", b"ada", clock.now + 60, clock.now)
    assert [slug(stage, token) for token in tokens["ada"]] == ["token_revoked"] * 3
    assert remembered(stage) == {"bob"}
    assert [slug(stage, token) for token in tokens["bob"]] == [""] * 3
    clock.now += 61
    assert slug(stage, tokens["ada"][0]) == ""
    assert remembered(stage) == {"ada", "bob"}
