"""How the public listener is written, and what it means when nothing is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.config.cpus import available
from gateway.config.listen_settings import Limits, Listen


def test_as_many_workers_as_cores() -> None:
    assert Listen.model_validate({"workers": "auto"}).workers == available().workers


@pytest.mark.parametrize("workers", [0, True, "many", 1.5])
def test_no_other_number_of_workers(workers: object) -> None:
    with pytest.raises(ValidationError):
        Listen.model_validate({"workers": workers})


def test_a_head_has_room_for_a_browsers_request() -> None:
    assert Limits.model_validate({"header_bytes": "1KiB"}).header_bytes == 1024
    with pytest.raises(ValidationError, match="at least 1KiB"):
        Limits.model_validate({"header_bytes": 1023})


def test_clients_that_do_not_take_and_single_addresses_have_limits() -> None:
    limits = Limits()
    assert (limits.send_timeout, limits.unsent) == (30.0, 64 * 1024 * 1024)
    assert (limits.per_address.connections, limits.per_address.requests) == (None, None)
    assert str(limits.per_address.unrouted) == "1000/second"
    written = Limits.model_validate({"unsent": "1MiB", "per_address": {"connections": 5, "unrouted": "3/minute"}})
    assert (written.unsent, written.per_address.connections, str(written.per_address.unrouted)) == (
        1 << 20,
        5,
        "3/minute",
    )
    for wrong in ({"unsent": "1023KiB"}, {"send_timeout": 0}, {"per_address": {"connections": 0}}, {"per_address": 5}):
        with pytest.raises(ValidationError):
            Limits.model_validate(wrong)
