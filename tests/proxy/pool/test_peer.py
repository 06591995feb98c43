"""Where a connection may lead, in order: the chosen address, then the family that was not chosen, the unreachable last."""

from __future__ import annotations

from gateway.proxy.pool.endpoint import Endpoint
from gateway.proxy.pool.peer import Peer, peers_of_address, peers_of_name


def divided(*addresses: str) -> list[Endpoint]:
    """The endpoints of one name, one for each address."""
    name = Endpoint("backend.example", 80, None)
    endpoints = [name.at(address) for address in addresses]
    for endpoint in endpoints:
        endpoint.siblings = endpoints
    return endpoints


def test_of_a_name_the_unreachable_come_last() -> None:
    name = Endpoint("backend.example", 80, None)
    name.unreachable = {"::1"}
    assert peers_of_name(name, ["::1", "10.0.0.1"]) == [Peer(name, "10.0.0.1"), Peer(name, "::1")]


def test_the_chosen_comes_first_and_the_families_alternate_after_it() -> None:
    endpoints = divided("::1", "::2", "10.0.0.1", "10.0.0.2")
    order = [peer.address for peer in peers_of_address(endpoints[2], ())]
    assert order == ["10.0.0.1", "::1", "10.0.0.2", "::2"]
    endpoints[0].unreachable = {"::1"}
    assert [peer.address for peer in peers_of_address(endpoints[2], ())][-1] == "::1"


def test_what_was_tried_or_is_left_out_stands_in_for_nobody() -> None:
    one, two, three, four = divided("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
    two.checked_healthy, three.on_probation = False, True
    assert peers_of_address(one, {four}) == [Peer(one, "10.0.0.1")]
    assert peers_of_address(two, ())[0] == Peer(two, "10.0.0.2"), "the chosen one is tried whatever it is"
