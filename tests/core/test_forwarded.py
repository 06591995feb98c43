"""The field Forwarded (RFC 7239), read whole and strictly, and written in one way."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.forwarded import OVER_HTTP, OVER_TLS, elements, written
from tests.processor_time import takes_at_most

WELL_FORMED = {
    "for=192.0.2.60": [{"for": "192.0.2.60"}],
    "For=192.0.2.60;Proto=https;HOST=a.example": [{"for": "192.0.2.60", "proto": "https", "host": "a.example"}],
    'for="[2001:db8::1]:4711"': [{"for": "[2001:db8::1]:4711"}],
    'for=_hidden, for="_SEVKISEK:_p.1"': [{"for": "_hidden"}, {"for": "_SEVKISEK:_p.1"}],
    "for=1.2.3.4 ,\t for=5.6.7.8;": [{"for": "1.2.3.4"}, {"for": "5.6.7.8"}],
    "for=1.2.3.4; proto=http ;by=_x": [{"for": "1.2.3.4", "proto": "http", "by": "_x"}],
    'host="a, for=6.6.6.6";for=1.2.3.4': [{"host": "a, for=6.6.6.6", "for": "1.2.3.4"}],
    'x="a\\"b\\\\c";for=1.2.3.4': [{"x": 'a"b\\c', "for": "1.2.3.4"}],
    ", ,for=1.2.3.4,,": [{"for": "1.2.3.4"}],
    "": [],
    " \t": [],
}


@pytest.mark.parametrize(("value", "found"), WELL_FORMED.items(), ids=WELL_FORMED)
def test_elements_and_their_parameters(value: str, found: list[dict[str, str]]) -> None:
    assert elements(value) == found


MALFORMED = [
    "192.0.2.60",
    "for",
    "for=",
    "for =1.2.3.4",
    "for= 1.2.3.4",
    "=1.2.3.4",
    "for=1.2.3.4:80",
    "for=[2001:db8::1]",
    "for=2001:db8::1",
    'for="1.2.3.4',
    'for=1.2.3.4"',
    'for="1.2.3.4"x',
    'for="1.2.3.4\\"',
    "for=1.2.3.4 proto=http",
    "for=1.2.3.4;for=5.6.7.8",
    "for=1.2.3.4;FOR=5.6.7.8",
    "for=a/b",
    "for=\xe9",
    "for=1.2.3.4|for=5.6.7.8",
]


@pytest.mark.parametrize("value", MALFORMED)
def test_what_is_malformed_anywhere_is_no_list_of_elements(value: str) -> None:
    for whole in (value, f"{value}, for=203.0.113.9", f"for=203.0.113.9, {value}"):
        with pytest.raises(ValueError, match="Forwarded"):
            elements(whole)


values = st.text(alphabet='abc._-:[]"\\,;= \t\xe9', max_size=12)


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(
    st.lists(st.dictionaries(st.sampled_from(["for", "by", "host", "proto", "x"]), values, min_size=1), min_size=1),
    st.text(alphabet='abc"\\,;= ', max_size=20),
)
def test_nothing_a_stranger_writes_in_front_takes_in_what_a_proxy_adds(chain: list[dict[str, str]], lie: str) -> None:
    text = ", ".join(";".join(f"{name}={_quoted(value)}" for name, value in one.items()) for one in chain)
    assert elements(text) == chain
    try:
        read = elements(f"{lie}, {text}")
    except ValueError:
        return
    assert read[-len(chain) :] == chain


def test_a_long_field_takes_linear_time() -> None:
    for piece in ('"', '"\\', "for=1.2.3.4,", 'a="', ",", ";", " ", "a=b;", "\\", '"a"'):
        text = piece * (64_000 // len(piece))
        assert takes_at_most(0.05, partial(elements, text)), piece


def test_the_length_is_bounded() -> None:
    assert elements("x=" + "a" * 4094) == [{"x": "a" * 4094}]
    with pytest.raises(ValueError, match="too long"):
        elements("x=" + "a" * 4095)


def test_what_the_gateway_writes_reads_back_as_one_element() -> None:
    assert elements(written("203.0.113.9", "https", "").decode()) == [{"for": "203.0.113.9", "proto": "https"}]
    assert elements(written("2001:db8::1", "http", "[::1]:80").decode()) == [
        {"for": "[2001:db8::1]", "host": "[::1]:80", "proto": "http"}
    ]


def test_a_connection_is_with_or_without_tls() -> None:
    assert (OVER_HTTP.raw, OVER_TLS.raw) == (b"x-forwarded-proto: http\r\n", b"x-forwarded-proto: https\r\n")
