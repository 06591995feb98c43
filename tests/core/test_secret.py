"""A secret gives itself away in no way that Python has of printing a value."""

import copy
import json
import logging
import pickle
import traceback
from collections.abc import Callable

import pytest

from gateway.core.secret import Secret

TEXT = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"


@pytest.mark.parametrize(
    "printed",
    [
        repr,
        str,
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>40}",
        lambda secret: f"{secret:.3}",
        lambda secret: "%s %r" % (secret, [secret]),  # noqa: UP031  # this way of printing is what is tested
        lambda secret: repr({"a": (secret,)}),
        lambda secret: ascii(secret),
        lambda secret: json.dumps({"a": secret}, default=str),
        lambda secret: logging.makeLogRecord({"msg": "%s", "args": (secret,)}).getMessage(),
    ],
)
def test_printing(printed: Callable[[Secret], str]) -> None:
    assert TEXT not in printed(Secret(TEXT))


def test_reveal_gives_it_back() -> None:
    assert Secret(TEXT).reveal() == TEXT


def test_json_does_not_know_it() -> None:
    with pytest.raises(TypeError):
        json.dumps(Secret(TEXT))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_it_is_not_pickled(protocol: int) -> None:
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(Secret(TEXT), protocol)


def test_a_traceback_with_locals_does_not_show_it() -> None:
    secret = Secret(TEXT)
    try:
        raise ValueError(secret)
    except ValueError as error:
        told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    assert TEXT not in told.replace(f'TEXT = "{TEXT}"', "") and "<secret>" in told
    assert not hasattr(secret, "__dict__")


def test_equality() -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret(TEXT + "x")
    assert Secret(TEXT) != TEXT
    assert Secret("caf\u00e9\udc80") == Secret("caf\u00e9\udc80")
    assert len({Secret(TEXT), Secret(TEXT), Secret("b")}) == 2


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_copies_are_the_same_secret() -> None:
    secret = Secret(TEXT)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
