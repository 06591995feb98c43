"""The addresses of a name: in the order to be tried, bounded, and looked up once at a time whoever asks."""

from __future__ import annotations

import asyncio
import socket

import pytest

from gateway.core.addresses import (
    BOTH,
    LOOKUPS,
    MAX_ADDRESSES,
    RESOLUTION_DELAY,
    Family,
    Resolver,
    alternating,
    in_order,
    is_ipv6,
    system_lookup,
)
from tests.eventually import eventually
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


@pytest.mark.parametrize(
    ("answering", "address"), [(socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")], ids=["ipv4", "ipv6"]
)
async def test_a_family_that_is_never_found_does_not_hold_up_the_other(
    answering: Family, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that never answers for one of them: the system's resolver says nothing of either for 5 s and more."""
    monkeypatch.setattr("gateway.core.addresses.APART", 0.02)
    both: asyncio.Future[list[str]] = asyncio.get_running_loop().create_future()
    asked: list[Family] = []

    async def lookup(host: str, port: int, family: Family) -> list[str]:
        asked.append(family)
        if family is BOTH:
            return await both
        if family is answering:
            return [address]
        raise OSError("no address of that family")

    resolver = Resolver(lookup)
    found = await asyncio.wait_for(asyncio.gather(*(resolver.addresses(HOST, 80) for _ in range(50))), 1)
    assert found == [[address]] * 50
    assert await resolver.addresses(HOST, 80) == [address]
    assert sorted(asked) == sorted((BOTH, socket.AF_INET, socket.AF_INET6)), "each once, for all who ask"
    assert len(asked) == LOOKUPS
    both.set_result(["2001:db8::1", "192.0.2.1"])

    async def known() -> bool:
        return await resolver.addresses(HOST, 80) == ["2001:db8::1", "192.0.2.1"]

    await eventually(known)  # both, once they are found


async def test_a_slow_name_that_leads_nowhere_fails_as_the_system_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.addresses.APART", 0.0)
    asked: list[Family] = []

    async def lookup(host: str, port: int, family: Family) -> list[str]:
        asked.append(family)
        await asyncio.sleep(0.02 if family is BOTH else 0)
        raise OSError("no such name" if family is BOTH else "no address of that family")

    with pytest.raises(OSError, match="no such name"):
        await Resolver(lookup).addresses(HOST, 80)
    assert len(asked) == LOOKUPS


async def test_a_link_local_address_keeps_its_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    async def found(*args: object, **more: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", ("fe80::1", 80, 0, 3)), (0, 0, 0, "", ("192.0.2.1", 80))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", found)
    assert await system_lookup(HOST, 80) == ["fe80::1%3", "192.0.2.1"]


async def test_an_address_needs_no_lookup() -> None:
    resolver = Resolver(Names([], error=OSError("asked")))
    assert await resolver.addresses("192.0.2.1", 80) == ["192.0.2.1"]
    assert await resolver.addresses("::1", 80) == ["::1"]


async def test_the_systems_resolver_knows_localhost() -> None:
    assert set(await system_lookup("localhost", 80)) & {"127.0.0.1", "::1"}
    with pytest.raises(OSError, match=r"."):
        await system_lookup("nowhere.invalid", 80)
