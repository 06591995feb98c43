"""The status of each call: in arrays, in lines, and in bodies that are neither."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.exchange import Call, Exchange, WholeResponse
from gateway.core.trpc_status import statuses_of

WRONG = {"error": {"message": "no", "code": -32001, "data": {"code": "UNAUTHORIZED", "httpStatus": 401}}}
HEAD = {"0": [[0], [None, 0, 0]], "1": [[0], [None, 0, 1]]}
RIGHT = [
    [0, 0, [[{"result": 0}], ["result", 0, 2]]],
    [2, 0, [[{"data": 0}], ["data", 0, 3]]],
    [3, 0, [[{"token": "x"}]]],
]


def read(answer: bytes | None, status: int = 200, calls: int = 2, query: str = "batch=1") -> list[int]:
    exchange = Exchange("POST", "/", {}, "192.0.2.1", 0.0)
    exchange.calls = [Call("auth.login")] * calls
    exchange.query = query
    return list(statuses_of(exchange, WholeResponse(status, (), answer)))


def lines(*values: Any, wrapped: bool = True) -> bytes:
    return b"".join(json.dumps({"json": value} if wrapped else value).encode() + b"\n" for value in values)


@pytest.mark.parametrize("wrapped", [True, False])
def test_a_streamed_batch_is_read_by_its_head(wrapped: bool) -> None:
    assert read(lines(HEAD, *RIGHT, [1, 0, [[WRONG]]], wrapped=wrapped)) == [200, 401]
    swapped = {"0": HEAD["1"], "1": HEAD["0"]}
    assert read(b"\n" + lines(swapped, [1, 0, [[WRONG]]], *RIGHT, wrapped=wrapped)) == [401, 200]


def test_a_call_that_was_not_answered_is_not_read() -> None:
    assert read(lines(HEAD, *RIGHT)) == [200, 0]


@pytest.mark.parametrize(
    "sent",
    [
        (),
        (HEAD, [0, 1, [[{}]]]),
        (HEAD, *RIGHT, RIGHT[0]),
        (HEAD, *RIGHT, [3, 0]),
        (HEAD, "x"),
        ({"0": HEAD["0"]}, *RIGHT),
        ({**HEAD, "1": [[0], [None, 1, 1]]}, *RIGHT),
        ([1], *RIGHT),
        (None,),
    ],
)
def test_incomplete_lines_are_not_read(sent: tuple[Any, ...]) -> None:
    assert read(lines(*sent)) == []


def test_an_answer_cut_in_a_line_is_not_read() -> None:
    assert read(lines(HEAD, *RIGHT)[:-9]) == []


def test_a_streamed_batch_of_more_lines_than_its_calls_can_have_is_not_read() -> None:
    for calls, most in ((1, 80), (10, 224)):
        head = {str(call): [[0], [None, 0, call]] for call in range(calls)}
        chunks = [[call, 0, [[{"result": {}}]]] for call in range(calls)]
        more = [[number, 0, [[1]]] for number in range(calls, most)]
        assert read(lines(head, *chunks, *more), calls=calls) == []
        assert read(lines(head, *chunks, *more[1:]), calls=calls) == [200] * calls


def test_one_status_for_all_and_one_for_each() -> None:
    assert read(b"not looked at", status=401) == [401, 401]
    assert read(json.dumps([WRONG, {"result": {}}]).encode(), status=207) == [401, 200]
    assert read(None, status=200, calls=1, query="") == [200]
    assert read(None, status=404, calls=0, query="batch=1") == [404]


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(0, 600) | st.text(max_size=4) | st.just(WRONG),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["0", "1", "json", "error", "result", "data", "httpStatus"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=5), st.booleans(), st.integers(1, 3))
def test_any_lines_give_one_status_for_each_call_or_none(values: list[Any], wrapped: bool, calls: int) -> None:
    assert len(read(lines(*values, wrapped=wrapped), calls=calls)) in (0, calls)


@given(json_values, st.integers(1, 3))
def test_any_json_gives_one_status_for_each_call_or_none(value: Any, calls: int) -> None:
    statuses = read(json.dumps(value).encode(), calls=calls)
    assert len(statuses) in (0, calls)
    assert all(type(status) is int for status in statuses)


@given(st.binary(max_size=60))
def test_no_bytes_make_it_fail(noise: bytes) -> None:
    assert len(read(noise)) in (0, 2)
