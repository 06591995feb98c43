"""The addresses of a name: in the order to be tried, bounded, and looked up once at a time whoever asks."""

from __future__ import annotations

import asyncio

import pytest

from gateway.core.addresses import (
    MAX_ADDRESSES,
    RESOLUTION_DELAY,
    Resolver,
    alternating,
    in_order,
    is_ipv6,
    system_lookup,
)
from tests.named_upstream import HOST, Names


@pytest.mark.parametrize(
    ("found", "ordered"),
    [
        (["::1", "::2", "10.0.0.1", "10.0.0.2"], ["::1", "10.0.0.1", "::2", "10.0.0.2"]),
        (["10.0.0.1", "10.0.0.2", "::1"], ["10.0.0.1", "::1", "10.0.0.2"]),
        (["::1", "::1", "::2"], ["::1", "::2"]),
        ([], []),
    ],
)
def test_the_families_alternate_from_the_systems_first_on(found: list[str], ordered: list[str]) -> None:
    assert in_order(found) == ordered
    assert alternating(dict.fromkeys(found), is_ipv6) == ordered


def test_of_an_absurd_response_both_families_remain() -> None:
    found = in_order([f"2001:db8::{number:x}" for number in range(1000)] + ["192.0.2.1"])
    assert len(found) == MAX_ADDRESSES
    assert found[1] == "192.0.2.1"


async def test_all_who_ask_at_once_share_one_lookup() -> None:
    names = Names(["192.0.2.1"])
    resolver = Resolver(names)
    found = await asyncio.gather(*(resolver.addresses(HOST, 80) for _ in range(100)))
    assert found == [["192.0.2.1"]] * 100
    assert names.asked == 1
    await resolver.addresses(HOST, 80)
    assert names.asked == 2, "and the next one looks again: a name may have moved"


async def test_what_leaves_does_not_end_the_lookup_of_others_and_a_hanging_one_is_begun_once() -> None:
    names = Names([], hangs=True)
    resolver = Resolver(names)
    for _ in range(20):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(resolver.addresses(HOST, 80), 0.001)
    assert names.asked == 1


@pytest.mark.parametrize("trouble", [OSError("no such name"), UnicodeError("label too long"), None, "hangs"])
async def test_the_last_known_addresses_stand_in_for_a_lookup_that_fails(trouble: Exception | str | None) -> None:
    names = Names(["192.0.2.1"])
    resolver = Resolver(names)
    await resolver.addresses(HOST, 80)
    if isinstance(trouble, Exception):
        names.error = trouble
    names.hangs, names.addresses = trouble == "hangs", []
    assert await asyncio.wait_for(resolver.addresses(HOST, 80), 1) == ["192.0.2.1"]
    if not names.hangs:
        with pytest.raises((OSError, UnicodeError)):
            await resolver.look_up(HOST, 80)


async def test_a_lookup_that_hangs_is_waited_for_once() -> None:
    names = Names(["192.0.2.1"])
    resolver = Resolver(names)
    await resolver.addresses(HOST, 80)
    names.hangs = True
    await resolver.addresses(HOST, 80)
    began = asyncio.get_running_loop().time()
    for _ in range(100):
        assert await resolver.addresses(HOST, 80) == ["192.0.2.1"]
    assert asyncio.get_running_loop().time() - began < 100 * RESOLUTION_DELAY / 2
    assert names.asked == 2


async def test_an_address_needs_no_lookup() -> None:
    resolver = Resolver(Names([], error=OSError("asked")))
    assert await resolver.addresses("192.0.2.1", 80) == ["192.0.2.1"]
    assert await resolver.addresses("::1", 80) == ["::1"]


async def test_the_systems_resolver_knows_localhost() -> None:
    assert set(await system_lookup("localhost", 80)) & {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"."):
        await system_lookup("nowhere.invalid", 80)
