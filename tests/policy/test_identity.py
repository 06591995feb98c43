"""Request ids: a sane one is kept, anything else is replaced, and no two are alike."""

import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.policy import identity
from tests.policy.added_fields import added_fields

MADE = re.compile(r"[0-9a-f]{32}")


def arrive(**fields: bytes) -> Exchange:
    named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    exchange = Exchange("GET", "/", named, "192.0.2.1", 0.0)
    stage = identity.build()
    assert stage.on_request(exchange) is None
    stage.on_response(exchange)
    return exchange


def test_a_request_without_an_id_gets_one_that_is_also_its_correlation_id() -> None:
    exchange = arrive()
    assert MADE.fullmatch(exchange.id)
    assert added_fields(exchange) == [
        (b"x-request-id", exchange.id.encode()),
        (b"x-correlation-id", exchange.id.encode()),
    ]


def test_sane_ids_of_the_client_are_passed_on() -> None:
    exchange = arrive(x_request_id=b"mobile-1.2_3", x_correlation_id=b"c0ffee00-1111")
    assert exchange.id == "mobile-1.2_3"
    assert added_fields(exchange) == [(b"x-request-id", b"mobile-1.2_3"), (b"x-correlation-id", b"c0ffee00-1111")]


def test_the_ids_sent_upstream_are_those_of_the_response() -> None:
    for sent in (b"c0ffee00-1111", b"bad"):
        exchange = arrive(x_correlation_id=sent)
        assert (b"x-correlation-id", exchange.correlation) in added_fields(exchange)


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"short-7",
        b"x" * 129,
        b"12345678, 87654321",
        b"12345678\n",
        b"1234567\xc3\xa9",
        b'12345678"',
        b"12345678 ",
        b"${jndi:ldap://x}",
        b"<script>alert(1)",
        b"12345678\x1b[31m",
    ],
)
def test_any_other_id_is_replaced(hostile: bytes) -> None:
    exchange = arrive(x_request_id=hostile, x_correlation_id=hostile)
    assert MADE.fullmatch(exchange.id)
    assert added_fields(exchange)[1] == (b"x-correlation-id", exchange.id.encode())


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_the_ids_of_a_response_are_acceptable_whatever_was_sent(sent: bytes) -> None:
    exchange = arrive(x_request_id=sent, x_correlation_id=sent)
    for _, value in added_fields(exchange):
        assert re.fullmatch(rb"[A-Za-z0-9._-]{8,128}", value)


def test_ids_do_not_repeat_over_many_batches() -> None:
    assert len({identity.new_id() for _ in range(2000)}) == 2000


FORKS = """
import os
from gateway.policy.identity import new_id
new_id()  # leaves a batch behind
if os.fork():
    os.wait()
print(new_id(), flush=True)
"""


def test_a_forked_worker_does_not_give_out_its_parents_ids() -> None:
    done = subprocess.run([sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=60)
    theirs, ours = done.stdout.split()
    assert MADE.fullmatch(theirs) and MADE.fullmatch(ours) and theirs != ours
