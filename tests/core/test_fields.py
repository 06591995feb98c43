"""The tables and small functions that fields of requests and responses share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.fields import (
    COMMON,
    FRAMING,
    HOP_BY_HOP,
    LOWER,
    MOST_OPTIONS,
    Malformed,
    connection_options,
    free_of_controls,
    is_token,
)


def test_every_common_name_is_a_lower_case_token_known_in_the_two_usual_spellings() -> None:
    for name in COMMON:
        assert is_token(name)
        assert name == name.lower() == LOWER[name] == LOWER[name.title()]


def test_framing_fields_belong_to_one_connection() -> None:
    """Content-Length crosses connections, but the gateway writes its own."""
    assert {b"content-length"} == FRAMING - HOP_BY_HOP


@given(st.lists(st.binary(max_size=4), max_size=4))
def test_horizontal_tab_is_the_one_control_byte_of_a_value(values: list[bytes]) -> None:
    controls = {byte for value in values for byte in value if byte < 0x20 or byte == 0x7F}
    assert free_of_controls(values) == (controls <= {9})


@pytest.mark.parametrize(
    ("value", "options"),
    [
        (b"close", {b"close"}),
        (b"Keep-Alive, Upgrade", {b"keep-alive", b"upgrade"}),
        (b" , X-Hop,\t,te ", {b"x-hop", b"te"}),
        (b"", set()),
    ],
)
def test_connection_options(value: bytes, options: set[bytes]) -> None:
    assert connection_options(value) == options


def test_a_connection_field_names_a_few_fields_at_most() -> None:
    assert len(connection_options(b",".join(b"x-%d" % number for number in range(MOST_OPTIONS)))) == MOST_OPTIONS
    with pytest.raises(Malformed, match="too many"):
        connection_options(b"," * MOST_OPTIONS)
