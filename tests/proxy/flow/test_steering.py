"""What a client may not choose about a response that a stage goes by."""

import pytest

from gateway.proxy.flow.steering import unsteered


@pytest.mark.parametrize(
    "accept",
    [
        b"*/*",
        b"application/json",
        b"application/json, */*",
        b"application/*",
        b"Application/JSON",
        b"application/vnd.api+json",
        b"application/problem+json,application/json",
    ],
)
def test_a_client_that_accepts_json_says_so_itself(accept: bytes) -> None:
    assert unsteered({b"accept": accept}) == {b"accept": accept}


@pytest.mark.parametrize(
    "accept",
    [
        b"text/html",
        b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        b"application/json, text/plain, */*",
        b"application/json;q=0, text/html",
        b"*/*;q=0",
        b"text/*",
        b"application/xml",
        b"",
        b",",
        b"application/json," * 1000,
    ],
)
def test_of_any_other_client_json_is_what_it_accepts(accept: bytes) -> None:
    assert unsteered({b"accept": accept, b"cookie": b"a"}) == {b"accept": b"application/json", b"cookie": b"a"}


def test_conditions_ranges_and_codings_are_left_out() -> None:
    names = (
        b"accept-encoding if-match if-modified-since if-none-match if-range if-unmodified-since prefer range".split()
    )
    fields = {b"host": b"x", b"trpc-accept": b"application/jsonl"}
    assert unsteered(fields | dict.fromkeys(names, b"x")) == fields
