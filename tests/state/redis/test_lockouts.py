"""Lockouts in Redis, beyond what every store promises: its own clock, and the snapshot for the time without it."""

import pytest

from gateway.state.redis.lockouts import MOST_UNLOCKS, KnownLock, LockSnapshot
from gateway.state.redis.pipeline import Reply, Unreachable
from gateway.state.redis.store import RedisStore
from gateway.state.rules.lockout import Attempt
from gateway.state.rules.revocation import MOST
from tests.state.redis.attempts import FIVE, GUESS, NOON
from tests.state.redis_fixture import KEY, Server


async def test_the_server_knows_how_long_a_lock_has_lasted_whatever_a_gateway_says(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.settle([GUESS] * 3, True, NOON)
    name = store.name_of("account", b"ada")
    lives = int(any_redis.say("PTTL", f"gw1:{{a}}:{name}")[1:])
    any_redis.say("PEXPIRE", f"gw1:{{a}}:{name}", str(lives - 50_000))  # as it is after 50 seconds
    (reserved,) = await store.reserve([GUESS], NOON - 30)
    assert reserved.locked_until == pytest.approx(NOON - 30 + 10, abs=0.5)
    (listed,) = await store.locks(NOON - 30, 10)
    assert listed.until == pytest.approx(NOON - 30 + 10, abs=0.5)
    any_redis.say("PEXPIRE", f"gw1:{{a}}:{name}", str(lives - 61_000))
    assert await store.locks(NOON - 30, 10) == []
    assert (await store.reserve([GUESS], NOON - 30))[0].ok
    await store.close()


async def test_no_name_is_stored_in_clear_but_a_locked_address(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.take([FIVE._replace(key=b"ada@example.org")], NOON)
    for kind, key in (("account", b"lock\0ada@example.org"), ("address", b"lock\x00192.0.2.7")):
        await store.settle([Attempt(key, kind, 1, 900.0, (60.0,))], True, NOON)
    keys = any_redis.say("EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", "0")
    members = any_redis.say("EVAL", "return table.concat(redis.call('ZRANGE', 'gw1:{a}:locks', 0, -1), ' ')", "0")
    assert "example" not in keys + members
    assert "192.0.2.7" in members
    assert {lock.who for lock in await store.locks(NOON, 10)} >= {"192.0.2.7"}
    await store.close()


async def test_a_snapshot_is_the_same_one_until_a_lock_changes(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.settle([GUESS] * 3, True, NOON)
    before = await store.snapshot(LockSnapshot(), NOON, 10)
    name = store.name_of("account", b"ada")
    assert list(before.held) == [name]
    assert await store.snapshot(before, NOON, 10) is before
    await store.unlock("account", b"ada", NOON + 1)
    after = await store.snapshot(before, NOON + 1, 10)
    assert not after.held
    assert after.unlocked == {name: NOON + 1}
    await store.close()


async def test_a_lock_is_set_again_on_a_server_that_has_lost_it(any_redis: Server) -> None:
    any_redis.say("FLUSHALL")
    store = RedisStore(any_redis.url, KEY, timeout=2.0)
    await store.restore([], NOON)
    await store.settle([GUESS] * 3, True, NOON)
    held = list((await store.snapshot(LockSnapshot(), NOON, 10)).held.values())
    any_redis.say("FLUSHALL")
    with pytest.raises(Unreachable, match="EMPTY"):
        await store.reserve([GUESS], NOON)
    await store.restore(held, NOON)
    assert (await store.reserve([GUESS], NOON))[0].locked_until == NOON + 60
    await store.unlock("account", b"ada", NOON + 1)
    await store.restore(held, NOON + 2)  # an unlock wins over locks that are older
    assert (await store.reserve([GUESS], NOON + 2))[0].ok
    await store.close()


def test_a_known_lock_has_its_name_and_shows_only_an_address() -> None:
    account = KnownLock("account:" + "0f" * 16, 1, NOON, NOON + 60, 3, NOON + 86_460)
    address = account._replace(member="address:" + "0f" * 16 + ":2001:db8::/64")
    assert account.name == "account:" + "0f" * 16
    assert address.name == "address:" + "0f" * 16
    assert (account.lock().who, address.lock().who) == ("0f" * 16, "2001:db8::/64")


_NO_REPLY: list[Reply] = [None, 5, b"OK", [b"1", [b"2"]], [[1, b"0", 2]] * 2]


@pytest.mark.parametrize("reply", [*_NO_REPLY, [], [[1, b"inf", 2]], [[1, b"nan", 2]], [[1, None, 2]]])
async def test_a_reply_to_an_attempt_that_makes_no_sense_is_none(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever listens there, a request must neither fail by it nor pass: it goes on under the embedded store."""
    store = _replying(reply, monkeypatch)
    with pytest.raises(Unreachable, match="no answer to what was asked"):
        await store.reserve([GUESS], NOON)
    await store.close()


@pytest.mark.parametrize("reply", [*_NO_REPLY, [[b"account:1", b"0", b"inf", 2]], [[b"account:1", b"0", b"0", b""]]])
async def test_a_reply_to_a_verdict_that_makes_no_sense_is_none(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _replying(reply, monkeypatch)
    with pytest.raises(Unreachable):
        await store.settle([GUESS], True, NOON)
    await store.close()


@pytest.mark.parametrize("reply", [*_NO_REPLY, [], [b"1", [[b"account:1", 1, b"0", b"nan", 2, b"0"]], []]])
async def test_a_snapshot_that_makes_no_sense_is_none(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> None:
    store = _replying(reply, monkeypatch)
    with pytest.raises(Unreachable):
        await store.snapshot(LockSnapshot(), NOON, 10)
    with pytest.raises(Unreachable):
        await store.revocations(NOON)
    await store.close()


async def test_more_locks_unlocks_or_revocations_than_were_asked_for_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    lock, unlock = [b"account:1", 1, b"0", b"9", 2, b"9"], [b"account:1", b"0"]
    for rows, unlocks in (([lock] * 11, unlock), ([lock], unlock * (MOST_UNLOCKS + 1))):
        store = _replying([b"1", rows, unlocks], monkeypatch)
        with pytest.raises(Unreachable):
            await store.snapshot(LockSnapshot(), NOON, 10)
        await store.close()
    names = [word for number in range(MOST + 1) for word in (b"%032x" % number, b"%f" % (NOON + 9))]
    store = _replying([b"1", names, names], monkeypatch)
    with pytest.raises(Unreachable):
        await store.revocations(NOON)
    await store.close()


def _replying(reply: Reply, monkeypatch: pytest.MonkeyPatch) -> RedisStore:
    async def run(*_: object) -> Reply:
        return reply

    store = RedisStore("redis://127.0.0.1:1", KEY)
    monkeypatch.setattr(store.pipeline, "run", run)
    return store
