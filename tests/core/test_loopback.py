"""Which names and addresses are this machine, and which only look like it."""

import pytest

from gateway.core.loopback import is_loopback, names_loopback

HERE = ["localhost", "LocalHost:8181", "127.0.0.1", "127.0.0.1:8181", "127.9.9.9", "[::1]", "[::1]:8181"]
ELSEWHERE = [
    "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.1.nip.io:8181", "localhost.",
    "0.0.0.0", "10.0.0.1", "127.1", "2130706433", "0x7f000001", "[::]", "[::ffff:127.0.0.1]", "::1", "[localhost]x",
]  # fmt: skip


@pytest.mark.parametrize("host", HERE)
def test_this_machine(host: str) -> None:
    assert names_loopback(host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_other_machines_and_spellings_nobody_needs(host: str) -> None:
    assert not names_loopback(host)


def test_addresses() -> None:
    assert [text for text in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "10.0.0.1") if is_loopback(text)] == [
        "127.0.0.1",
        "::1",
    ]
