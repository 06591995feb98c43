"""The clock of responses that last."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.proxy.flow.lasting import MOST_OLD, SLICE, LastingResponses
from tests.eventually import eventually

EXPIRED = refuse("token_expired")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.proxy.flow.lasting.LOOK", 0.001)


class Token:
    """A stage whose verdict a test sets."""

    def __init__(self) -> None:
        self.refusal: Refusal | None = None
        self.asked = 0
        self.endless: list[bool] = []

    def on_lasting(self, exchange: Exchange, endless: bool) -> Any:
        self.endless.append(endless)

        def check() -> Refusal | None:
            self.asked += 1
            return self.refusal

        return check


def route(*hooks: Any) -> Any:
    return SimpleNamespace(lasting_hooks=hooks)


def lasting(errors: list[Exception] | None = None) -> LastingResponses:
    return LastingResponses(asyncio.get_running_loop(), (errors if errors is not None else []).append)


async def test_a_response_ends_once_with_the_refusal_of_its_stage() -> None:
    one, token, ended = lasting(), Token(), cast(list[Refusal], [])
    with one.watched(cast(Any, None), route(token.on_lasting), ended.append, endless=True):
        await eventually(lambda: token.asked > 2)
        assert ended == [] and token.endless == [True]
        token.refusal = EXPIRED
        await eventually(lambda: ended)
        asked = token.asked
        await asyncio.sleep(0.01)
        assert (ended, token.asked) == ([EXPIRED], asked)


async def test_what_is_over_is_not_asked_about_and_nothing_lasting_has_no_clock() -> None:
    one, token = lasting(), Token()
    with one.watched(cast(Any, None), route(), pytest.fail, endless=True):
        assert one._timer is None, "no stage has anything to say"
    with one.watched(cast(Any, None), route(token.on_lasting), pytest.fail, endless=False):
        pass
    token.refusal = EXPIRED
    await eventually(lambda: one._timer is None)
    assert token.asked == 0


async def test_many_are_asked_about_in_slices_so_that_others_are_served_between() -> None:
    one, token = lasting(), Token()
    with ExitStack() as held:
        for _ in range(5 * SLICE):
            held.enter_context(one.watched(cast(Any, None), route(token.on_lasting), pytest.fail, endless=True))
        most = before = 0
        while token.asked < 20 * SLICE:
            await asyncio.sleep(0)
            most, before = max(most, token.asked - before), token.asked
        assert most <= SLICE


async def test_a_check_that_raises_is_reported_and_tried_again() -> None:
    errors: list[Exception] = []
    one, ended = lasting(errors), cast(list[Refusal], [])

    def on_lasting(exchange: Exchange, endless: bool) -> Any:
        def check() -> Refusal:
            if len(errors) < 2:
                raise OSError("no store")
            return EXPIRED

        return check

    with one.watched(cast(Any, None), route(on_lasting), ended.append, endless=True):
        await eventually(lambda: ended == [EXPIRED])
    assert [str(error) for error in errors] == ["no store"] * 2


async def test_before_a_drain_cuts_those_are_ended_that_can_be_ended_well() -> None:
    one, token, draining, ended = lasting(), Token(), refuse("draining"), cast(list[str], [])
    with (
        one.watched(cast(Any, None), route(), lambda _: ended.append("open stream"), endless=True, drains=True),
        one.watched(cast(Any, None), route(token.on_lasting), lambda _: ended.append("stream"), True, drains=True),
        one.watched(cast(Any, None), route(token.on_lasting), lambda _: ended.append("tunnel"), endless=True),
    ):
        one.end_streams(draining)
        assert ended == ["open stream", "stream"]


async def test_what_lasts_longer_than_so_many_runtimes_is_ended_and_what_began_later_goes_on() -> None:
    one, ended = lasting(), cast(list[Any], [])
    with one.watched(cast(Any, None), route(), lambda refusal: ended.append(("first", refusal)), endless=False):
        for _ in range(MOST_OLD):
            one.swapped(EXPIRED)
        with one.watched(cast(Any, None), route(), lambda refusal: ended.append(("second", refusal)), endless=True):
            assert ended == []
            for _ in range(MOST_OLD):
                one.swapped(EXPIRED)
            assert ended == [("first", EXPIRED)], "once"
            one.swapped(EXPIRED)
            assert ended == [("first", EXPIRED), ("second", EXPIRED)]
    assert not one._watched
