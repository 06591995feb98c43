"""What comes along with a secret by accident is found, and repeated by no sentence."""

from __future__ import annotations

import base64
import secrets

import pytest

from gateway.core.secret_text import secret_flaw, without_line_end

SECRET = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\r"])
def test_one_line_end_is_none_of_the_secret(end: str) -> None:
    assert without_line_end(SECRET + end) == SECRET
    assert without_line_end(SECRET + "\n" + end).rstrip("\r\n") == SECRET


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (SECRET + "\n", "holds a line break"),
        (SECRET[:9] + "\n" + SECRET[9:], "holds a line break"),
        (SECRET + "\r", "holds a line break"),
        ("\ufeff" + SECRET, "begins with a byte order mark"),
        (SECRET + " ", "begins or ends with a blank"),
        ("\t" + SECRET, "begins or ends with a blank"),
        ("\u00a0" + SECRET, "begins or ends with a blank"),
        (" ", "begins or ends with a blank"),
        (f'"{SECRET}"', "is in quotes"),
        (f"'{SECRET}'", "is in quotes"),
        (f"\u201c{SECRET}\u201d", "is in quotes"),
        (SECRET[:9] + "\u200b" + SECRET[9:], "holds a character that cannot be seen"),
        (SECRET[:9] + "\x00" + SECRET[9:], "holds a character that cannot be seen"),
        (SECRET + "\ufeff", "holds a character that cannot be seen"),
        (SECRET + "\udcff", "is not UTF-8 text"),
    ],
)
def test_flaws(text: str, sentence: str) -> None:
    found = secret_flaw(text)
    assert found is not None and found[0] == sentence and found[1]
    assert SECRET[:9] not in "".join(found)


@pytest.mark.parametrize(
    "text",
    [SECRET, '"', "'a", 'a"b"c', "a phrase of several words", "schlüssel", "{'a'}", "it's", "postgres://u:p@h/d?x=1#y"],
)
def test_what_is_none(text: str) -> None:
    assert secret_flaw(text) is None


def test_no_secret_that_a_program_makes_has_one() -> None:
    for _ in range(200):
        made = secrets.token_bytes(48)
        for text in (made.hex(), base64.b64encode(made).decode(), base64.urlsafe_b64encode(made).decode()):
            assert secret_flaw(text) is None
