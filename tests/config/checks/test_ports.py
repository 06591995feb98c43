"""Two listeners have no port at the same address."""

from __future__ import annotations

import pytest

from tests.config.problems import Problems

REST = "routes: []\nupstreams: {}\n"
TAKEN = "ops.port is the port of listen too"


@pytest.mark.parametrize(
    ("public", "operators"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "127.1"),
        ("localhost", "LOCALHOST"),
        ("*", "127.0.0.1"),
        ("::", "::1"),
    ],
)
def test_one_port_for_both_is_refused(problems_of: Problems, public: str, operators: str) -> None:
    text = f'listen: {{host: "{public}", port: 9090}}\nops: {{host: "{operators}", port: 9090, token: t}}\n'
    assert TAKEN in problems_of(text + REST)


@pytest.mark.parametrize(
    ("public", "operators"), [("127.0.0.1", "127.0.0.2"), ("127.0.0.1", "::1"), ("10.0.0.1", "localhost")]
)
def test_each_address_has_ports_of_its_own(problems_of: Problems, public: str, operators: str) -> None:
    text = f'listen: {{host: "{public}", port: 9090}}\nops: {{host: "{operators}", port: 9090, token: t}}\n'
    assert TAKEN not in problems_of(text + REST)


def test_free_ports_are_never_the_same(problems_of: Problems) -> None:
    assert TAKEN not in problems_of("listen: {port: 0}\nops: {port: 0, token: t}\n" + REST)
