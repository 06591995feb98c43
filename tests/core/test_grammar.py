import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.grammar import FIELD_VALUE, HOST, PORT, TCHAR, TOKEN


def test_a_token_has_the_characters_of_rfc_9110_and_no_others() -> None:
    allowed = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
    assert {chr(code) for code in range(256) if re.fullmatch(TCHAR, chr(code))} == set(allowed)
    assert not re.fullmatch(TOKEN, "")


@given(st.text(st.characters(max_codepoint=255), max_size=8))
def test_the_patterns_read_bytes_as_they_read_text(text: str) -> None:
    for pattern in (TOKEN, FIELD_VALUE, HOST, PORT):
        assert bool(re.fullmatch(pattern, text)) == bool(re.fullmatch(pattern.encode(), text.encode("latin-1")))


@given(st.text(st.characters(max_codepoint=0x2FF), max_size=8))
def test_a_field_value_is_visible_with_blanks_inside_only(value: str) -> None:
    visible = all(char in " \t" or "\x21" <= char <= "\x7e" for char in value)
    assert bool(re.fullmatch(FIELD_VALUE, value)) == (visible and value != "" and value == value.strip(" \t"))


@pytest.mark.parametrize("host", ["localhost", "api.tutor.example", "127.0.0.1", "[::1]", "[::ffff:1.2.3.4]", "a_b-c"])
def test_a_host(host: str) -> None:
    assert re.fullmatch(HOST, host)


@pytest.mark.parametrize(
    "host", ["", "::1", "[::1", "a/b", "user@host", "a b", "a,b", "host:80", "[]", "x" * 256, "[g::]"]
)
def test_no_host(host: str) -> None:
    assert not re.fullmatch(HOST, host)
