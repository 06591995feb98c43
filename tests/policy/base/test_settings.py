"""The field types of policy settings: how people write them, and what no error repeats."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gateway.core.secret import MASK
from gateway.core.units import Rate
from gateway.policy.base.settings import (
    WRITTEN,
    ByteSize,
    Duration,
    LeaseField,
    Network,
    Policy,
    RateField,
    SecretField,
    Share,
)


class Everything(Policy):
    duration: Duration = 1.0
    size: ByteSize = 0
    rate: RateField = Rate(1, 1.0)
    share: Share = 0.0
    lease: LeaseField = 2
    network: Network = ip_network("10.0.0.0/8")
    secret: SecretField | None = None


def written(**values: Any) -> Everything:
    """As read from a file."""
    return Everything.model_validate(values, context=WRITTEN)


def test_as_people_write_them() -> None:
    read = written(
        duration="1.5s", size="16KiB", rate="5/minute", share="20%", lease="5%", network="192.0.2.0/24", secret="s"
    )
    assert (read.duration, read.size, read.rate, read.share) == (1.5, 16384, Rate(5, 60.0), 0.2)
    assert (read.lease, read.network) == (0.05, ip_network("192.0.2.0/24"))
    assert read.secret is not None
    assert read.secret.reveal() == "s"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("duration", "soon"),
        ("duration", True),
        ("duration", -1),
        ("duration", None),
        ("size", "1kb"),
        ("size", -1),
        ("size", True),
        ("size", 1.5),
        ("rate", "5"),
        ("rate", 5),
        ("share", "101%"),
        ("share", 2),
        ("share", True),
        ("lease", "20"),
        ("lease", 1.5),
        ("lease", True),
        ("network", "10.0.0.1/8"),
        ("network", "localhost"),
        ("network", 7),
        ("secret", 7),
    ],
)
def test_values_that_are_none_of_these(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        written(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("duration", 5), ("share", 0.5)])
def test_a_bare_number_is_for_code_and_not_for_files(name: str, value: float) -> None:
    assert getattr(Everything.model_validate({name: value}), name) == value
    with pytest.raises(ValidationError):
        written(**{name: value})
    assert written(duration=0).duration == 0.0, "zero is the same in every unit"


@given(st.text(min_size=4, max_size=30))
def test_no_error_and_no_dump_repeats_a_secret(secret: str) -> None:
    settings = written(secret=secret)
    assert settings.model_dump(mode="json")["secret"] == MASK
    with pytest.raises(ValidationError) as raised:
        written(secret=secret, share=secret + "?")
    assert f"input_value='{secret}" not in str(raised.value)


def test_dumped_as_json_a_setting_is_spelled_as_people_write_it() -> None:
    dumped = written(rate="5/60s", network="10.0.0.0/8").model_dump(mode="json")
    assert (dumped["rate"], dumped["network"]) == ("5/minute", "10.0.0.0/8")


@pytest.mark.parametrize("field", [Duration, ByteSize, RateField, Share, LeaseField, Network, SecretField])
def test_every_type_has_a_schema_for_editors(field: Any) -> None:
    schema = TypeAdapter(field).json_schema()
    assert schema.get("type") == "string" or len(schema["anyOf"]) == 2


def test_settings_are_frozen_and_know_every_key() -> None:
    settings = written()
    with pytest.raises(ValidationError):
        settings.mode = "report"  # type: ignore[misc]  # what is tested
    with pytest.raises(ValidationError):
        written(unknown=1)
    with pytest.raises(ValidationError):
        written(mode="observe")
