"""The busiest clients: found among any number of others, in a memory that has a bound, under hashes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ops.clients import MOST, PERIOD, SHOWN, BusiestClients, holder, identified, merged_clients
from gateway.policy.base.bucket import address_key


class Clock:
    now = 1_767_268_800.0

    def __call__(self) -> float:
        return self.now


def hashed(text: str) -> str:
    return f"<{text}>"


def rows(clients: BusiestClients) -> dict[str, tuple[int, int, int]]:
    report = clients.report(hashed)
    return {row["client"]: (row["requests"], row["refusals"], row["over"]) for row in report["clients"]}


def test_requests_and_refusals_are_counted_by_user_and_by_address() -> None:
    clients = BusiestClients(Clock())
    clients.add(["ada", "ada", "192.0.2.7"], False)
    clients.add(["192.0.2.7"], True)
    assert rows(clients) == {"<ada>": (2, 0, 0), "<192.0.2.7>": (2, 1, 0)}
    kinds = {row["client"]: row["kind"] for row in clients.report(hashed)["clients"]}
    assert kinds == {"<ada>": "user", "<192.0.2.7>": "address"}


def test_a_network_of_ipv6_is_one_client() -> None:
    clients = BusiestClients(Clock())
    clients.add(["2001:db8::1", "2001:db8::2", "::ffff:192.0.2.7", "192.0.2.7"], False)
    assert rows(clients) == {"<2001:db8::/64>": (2, 0, 0), "<192.0.2.7>": (2, 0, 0)}


@pytest.mark.parametrize("seed", range(5))
def test_the_busiest_are_found_among_many_and_no_count_is_too_low(seed: int) -> None:
    draw = random.Random(seed)
    sent = [f"user-{number}" for number in range(20) for _ in range(200)]
    sent += [f"once-{number}" for number in range(20_000)]
    draw.shuffle(sent)
    clients = BusiestClients(Clock())
    for start in range(0, len(sent), 256):
        clients.add(sent[start : start + 256], False)
        assert clients.counted <= 2 * MOST + 256
    found = rows(clients)
    assert len(found) <= SHOWN
    for number in range(20):
        requests, _, over = found[f"<user-{number}>"]
        assert requests - over <= 200 <= requests
        assert over <= len(sent) / MOST


def test_one_network_of_ipv6_is_found_whatever_addresses_it_sends_from() -> None:
    clients = BusiestClients(Clock())
    for number in range(0, 20_000, 32):
        crowd = [f"10.0.{one % 600 >> 8}.{one % 600 & 255}" for one in range(number, number + 16)]
        clients.add([*crowd, *(f"2001:db8::{one:x}" for one in range(number, number + 16))], True)
    report = clients.report(hashed)["clients"]
    assert report[0] == {
        "client": "<2001:db8::/64>",
        "kind": "address",
        "requests": 10_000,
        "over": 0,
        "refusals": 10_000,
    }


def test_a_user_whose_name_looks_like_an_address_of_ipv6_in_part_is_a_user() -> None:
    clients = BusiestClients(Clock())
    clients.add(["auth:123", "a:b", "a:\0", "a:\udcff%", "::1%eth0"], False)
    kinds = {row["client"]: row["kind"] for row in clients.report(hashed)["clients"]}
    assert kinds == {
        **dict.fromkeys(["<auth:123>", "<a:b>", "<a:\0>", "<a:\udcff%>"], "user"),
        "<::/64>": "address",
    }


@given(st.lists(st.lists(st.text(max_size=3), max_size=300), max_size=20))
def test_a_count_is_between_what_is_certain_and_what_is_shown(batches: list[list[str]]) -> None:
    clients = BusiestClients(Clock())
    for batch in batches:
        clients.add(batch, False)
    sent = [identified(client)[0] for batch in batches for client in batch]
    for client, (requests, _, over) in rows(clients).items():
        assert requests - over <= sent.count(client[1:-1]) <= requests


def test_counting_begins_anew_and_forgets_after_two_periods() -> None:
    clock = Clock()
    clients = BusiestClients(clock)
    clients.add(["ada"], False)
    clock.now += PERIOD
    clients.add(["bea"], False)
    assert rows(clients) == {"<ada>": (1, 0, 0), "<bea>": (1, 0, 0)}
    clock.now += PERIOD
    clients.add(["bea"], False)
    assert rows(clients) == {"<bea>": (2, 0, 0)}
    clock.now -= 3600  # a clock that was set back
    clients.add(["cyd"], False)
    assert "<cyd>" in rows(clients)


def test_workers_are_added_up_and_the_busiest_of_all_are_shown() -> None:
    reports: list[dict[str, Any]] = []
    for worker in range(2):
        clients = BusiestClients(Clock())
        clients.add([f"user-{number}" for number in range(SHOWN)] + ["ada"] * 5, worker == 1)
        reports.append({**clients.report(hashed), "shares": [{"worker": worker, "upstream": "toolkit"}]})
    merged = merged_clients(reports)
    assert merged["clients"][0] == {"client": "<ada>", "kind": "user", "requests": 10, "over": 0, "refusals": 5}
    assert len(merged["clients"]) == SHOWN
    assert [share["worker"] for share in merged["shares"]] == [0, 1]
    assert merged["since"] == "2026-01-01T12:00:00Z"
    assert merged_clients([]) == {"since": None, "clients": [], "shares": []}


def test_who_holds_calls_is_named_as_who_sends_requests() -> None:
    assert holder("ada") == ("ada", "user") == identified("ada")
    assert holder(address_key("2001:db8::1")) == ("2001:db8::/64", "address") == identified("2001:db8::1")
    assert holder(address_key("192.0.2.7")) == identified("192.0.2.7")
    assert holder(None) == ("", "service")
