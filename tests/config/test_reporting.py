"""How long a policy may only report, and that it is enforced when that is over."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from gateway.config.model import Config, Route
from gateway.config.reporting import end_of, in_force, next_end, reporting, reporting_on
from gateway.policy.base.settings import Policy

DAY = date(2027, 1, 31)
END = datetime(2027, 2, 1, tzinfo=UTC).timestamp()


def config(**policies: Policy) -> Config:
    return Config(policies={"cors": dict(policies)})


def test_the_day_is_the_last_one() -> None:
    assert end_of(Policy(mode="report", until=DAY)) == END
    assert end_of(Policy(mode="report")) is None and end_of(Policy(until=DAY)) is None
    assert end_of(Policy(mode="report", until=date.max)) is None  # there is no day after it


def test_what_reports_and_for_how_long() -> None:
    found = config(dated=Policy(mode="report", until=DAY), endless=Policy(mode="report"), strict=Policy())
    assert [str(one) for one in reporting(found, END - 1)] == [
        "cors.dated until 2027-01-31",
        "cors.endless without an end",
    ]
    assert [one.name for one in reporting(found, END)] == ["endless"]
    assert (next_end(found, END - 1), next_end(found, END)) == (END, None)


def test_of_a_route() -> None:
    found = config(dated=Policy(mode="report", until=DAY), endless=Policy(mode="report"))
    route = Route("a", policies={"cors": ("dated",)})
    assert reporting_on(route, found, END - 1) == ["cors.dated until 2027-01-31"]
    assert reporting_on(route, found, END) == []


def test_what_is_over_is_enforced() -> None:
    found = config(dated=Policy(mode="report", until=DAY), endless=Policy(mode="report"))
    assert in_force(found, END - 1) is found
    modes = {name: policy.mode for name, policy in in_force(found, END).policies["cors"].items()}
    assert modes == {"dated": "enforce", "endless": "report"}
    assert found.policies["cors"]["dated"].mode == "report"


def test_a_route_reports_as_a_policy_does_and_is_enforced_when_that_is_over() -> None:
    dated, endless, strict = Route("a", mode="report", until=DAY), Route("b", mode="report"), Route("c")
    found = Config(routes=(dated, endless, strict))
    assert [str(one) for one in reporting(found, END - 1)] == [
        "routes.a until 2027-01-31",
        "routes.b without an end",
    ]
    assert reporting_on(dated, found, END - 1) == ["routes.a until 2027-01-31"]
    assert reporting_on(dated, found, END) == reporting_on(strict, found, END - 1) == []
    assert (next_end(found, END - 1), next_end(found, END)) == (END, None)
    assert in_force(found, END - 1) is found
    assert [route.mode for route in in_force(found, END).routes] == ["enforce", "report", "enforce"]


@pytest.mark.parametrize("written", ["2027-13-01", "31.01.2027", "2027-1-31", "tomorrow", 20270131, True, "20270131"])
def test_what_is_no_day(written: object) -> None:
    with pytest.raises(ValueError, match="is not a day"):
        Policy.model_validate({"mode": "report", "until": written})
