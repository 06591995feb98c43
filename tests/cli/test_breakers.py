"""``gateway breakers``: a table, or one circuit held."""

import pytest

from gateway.state.rules.circuit import OPEN, Trip
from tests.cli.operators import Operators
from tests.ops.api.fake_admin import NOON


async def test_the_circuits_are_a_table_or_json(operators: Operators) -> None:
    operators.admin.memory.force(b"stt", OPEN, NOON)
    code, out, err = await operators.command("breakers")
    assert (code, err) == (0, "")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0][:4] == ["UPSTREAM", "BREAKER", "STATE", "HELD"]
    assert lines[1][:4] == ["stt", "external", "open", "yes"]
    assert lines[2][:4] == ["toolkit", "external", "closed", "no"]
    code, body = await operators.json("breakers")
    assert (code, [row["state"] for row in body["breakers"]]) == (0, ["open", "closed"])


async def test_a_circuit_says_why_it_is_open_and_when_it_is_due(
    operators: Operators, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    last = {"failure": "status", "status": 502, "error": "status 502", "address": "10.0.0.7:80", "at": "2026-01-01"}
    operators.admin.upstreams = {"stt": {"breaker": {"last_failure": last}}}
    trip = Trip(1, 0.0, 60.0, 20, 60.0, 1, 30.0)
    admitted = operators.admin.memory.admit(b"stt", trip, NOON)
    operators.admin.memory.record_outcome(b"stt", trip, admitted.epoch, True, NOON)
    for wait, shown in ((0, "60"), (61, "due")):
        operators.admin.clock = NOON + wait
        line = (await operators.command("breakers"))[1].splitlines()[1]
        assert line.split(maxsplit=7)[6:] == [shown, "status 502 (10.0.0.7:80), last at 2026-01-01"]


async def test_a_circuit_is_held_and_handed_back(operators: Operators) -> None:
    for option, state, held in (("--open", "open", True), ("--close", "closed", True), ("--auto", "closed", False)):
        code, body = await operators.json("breakers", option, "toolkit", "--by", "grace")
        assert (code, body["upstream"], body["state"], body["forced"]) == (0, "toolkit", state, held)
    assert [(name, fields["order"], fields["by"]) for name, fields in operators.admin.events] == [
        ("breaker_ordered", order, "grace") for order in ("open", "close", "auto")
    ]


async def test_a_wrong_name_and_two_orders_are_wrong_input(operators: Operators) -> None:
    code, _, err = await operators.command("breakers", "--open", "../../health?x")
    assert (code, err) == (2, "gateway breakers: refused with 404: No upstream of that name has a breaker\n")
    code, _, err = await operators.command("breakers", "--open", "stt", "--auto", "stt")
    assert (code, "one order at a time" in err) == (2, True)


async def test_without_breakers_it_says_so(operators: Operators) -> None:
    operators.admin.breakers = dict  # type: ignore[method-assign]  # none are configured
    assert (await operators.command("breakers"))[:2] == (0, "no upstream has a breaker\n")
