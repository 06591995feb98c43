"""Own addresses in every spelling: found without a name server, and no other machine taken for this one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.config.own_addresses import OwnAddresses, hosts_of, this_machine

HOSTS = """\
127.0.0.1 localhost gateway-here  # a comment
::1 localhost ip6-localhost
10.0.0.5\tbox.example.org box
192.0.2.9 elsewhere
"""
BOX = OwnAddresses(frozenset(("box.example.org", "box")), hosts_of(HOSTS), {"10.0.0.5", "2001:db8::5"}.__contains__)
LOOPBACK = (
    "127.0.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "[::1]",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "a.localhost",
    "ip6-localhost",
    "127.1",
    "0x7f000001",
    "2130706433",
    "0177.0.0.1",
    "::ffff:127.0.0.1",
    "0:0:0:0:0:0:0:1",
    "gateway-here",
)
ITS_OWN = ("10.0.0.5", "box", "BOX.example.org", "box.example.org.", "2001:db8::5", "127.0.0.2", "127.255.0.1")
OTHERS = ("192.0.2.9", "elsewhere", "tutor", "box.example.com", "2001:db8::6", "notlocalhost", "10.0.0.6", "")


@pytest.mark.parametrize("host", [*LOOPBACK, *ITS_OWN])
@pytest.mark.parametrize("listener", ["0.0.0.0", "::"])
def test_a_listener_on_all_addresses_is_reached_by_each(host: str, listener: str) -> None:
    assert BOX.reaches(host, listener)


@pytest.mark.parametrize("host", LOOPBACK)
@pytest.mark.parametrize("listener", ["127.0.0.1", "::1", "localhost"])
def test_one_on_loopback_is_reached_by_loopback(host: str, listener: str) -> None:
    assert BOX.reaches(host, listener)


@pytest.mark.parametrize("host", ITS_OWN)
def test_and_not_by_other_addresses(host: str) -> None:
    assert not BOX.reaches(host, "127.0.0.1")


@pytest.mark.parametrize(("host", "listener"), [("box", "10.0.0.5"), ("10.0.0.5", "box"), ("127.0.0.2", "127.0.0.2")])
def test_one_on_a_certain_address_is_reached_by_that(host: str, listener: str) -> None:
    assert BOX.reaches(host, listener)
    assert not BOX.reaches("127.0.0.1", listener)


@pytest.mark.parametrize("host", OTHERS)
@pytest.mark.parametrize("listener", ["0.0.0.0", "::", "127.0.0.1", "10.0.0.5"])
def test_no_other_machine_is_taken_for_it(host: str, listener: str) -> None:
    assert not BOX.reaches(host, listener)


def test_the_machine_that_this_runs_on(tmp_path: Path) -> None:
    here = this_machine()
    assert here.reaches(socket.gethostname(), "0.0.0.0")
    assert here.reaches("127.0.0.1", "0.0.0.0")
    assert not here.reaches("192.0.2.1", "0.0.0.0")
    assert this_machine(tmp_path / "none").reaches("localhost", "127.0.0.1"), "a container may have no hosts file"
