"""``gateway diff --running``: what the files of a running gateway would change, as it says itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change
from gateway.review.diff.record import as_record
from tests.cli.operators import Operators

LOOSENS = Change(
    effect=Effect.LOOSENS,
    setting="cors.app.origins",
    before="[a]",
    after="[b]",
    why="More pages may call.",
    routes=("lessons", "open"),
    where_old="policies/cors.yaml:3",
    where_new="policies/cors.yaml:4",
    content="more than is shown",
)


def compared(*acknowledgements: dict[str, str]) -> dict[str, Any]:
    return {
        "compared": True,
        "digest": "d" * 64,
        "problems": [],
        "changes": [as_record(LOOSENS)],
        "acknowledgements": list(acknowledgements),
    }


def acknowledgement(**more: str) -> dict[str, str]:
    said = {"by": "ada", "reason": "agreed", "until": "2999-01-01", "where": "upstreams.yaml:7"}
    return {"loosens": LOOSENS.id, **said, **more}


async def test_what_the_gateway_has_found_is_shown_like_any_other(operators: Operators) -> None:
    operators.admin.compared = compared()
    code, out, err = await operators.command("diff", "--running")
    assert (code, err) == (1, "")
    assert "loosens   cors.app.origins  [a] -> [b]\n" in out and f"id       {LOOSENS.id}\n" in out
    code, body = await operators.json("diff", "--running")
    assert (code, body["loosens"], {one["id"] for one in body["changes"]}) == (1, 2, {LOOSENS.id})
    assert (body["old"], body["new"]) == ("what runs (digest dddddddddddd)", "its files")
    code, out, _ = await operators.command("diff", "--running", "--format", "markdown")
    assert code == 1 and "### 1 change opens a door" in out
    code, out, _ = await operators.command("diff", "--running", "--format", "sarif")
    assert code == 1 and len(json.loads(out)["runs"][0]["results"]) == 1


async def test_what_its_files_acknowledge_is_covered(operators: Operators) -> None:
    operators.admin.compared = compared(acknowledgement())
    code, body = await operators.json("diff", "--running")
    assert (code, body["acknowledged"], body["notes"]) == (0, 2, [])
    operators.admin.compared = compared(acknowledgement(until="2020-01-01"))
    code, body = await operators.json("diff", "--running")
    assert code == 1 and body["notes"] == [
        f"upstreams.yaml:7: the acknowledgement of {LOOSENS.id} ended on 2020-01-01, so it counts for nothing"
    ]


async def test_no_change_is_one_line(operators: Operators) -> None:
    operators.admin.compared = {**compared(), "changes": []}
    code, out, _ = await operators.command("diff", "--running")
    assert (code, out) == (0, "no change in effect: what runs (digest dddddddddddd) and its files decide alike\n")


async def test_files_that_cannot_be_loaded_are_a_wrong_input(operators: Operators) -> None:
    operators.admin.compared = {"compared": False, "digest": "d", "problems": ["a.yaml:3:1  x\x1b[31m"], "changes": []}
    code, out, err = await operators.command("diff", "--running")
    assert (code, out) == (2, "")
    assert err == "gateway diff: the gateway cannot compare its files: a.yaml:3:1  x\\x1b[31m\n"
    code, body = await operators.json("diff", "--running")
    assert (code, body["ok"]) == (2, False)


@pytest.mark.parametrize("broken", [{"changes": [{}]}, {"changes": 5}, {"acknowledgements": [{"loosens": "a"}]}])
async def test_what_is_no_comparison_is_said(operators: Operators, broken: dict[str, Any]) -> None:
    operators.admin.compared = {**compared(), **broken}
    code, out, err = await operators.command("diff", "--running")
    assert (code, out) == (2, "") and "it is of another version" in err


async def test_no_gateway_is_a_wrong_input(operators: Operators) -> None:
    code, _, err = await operators.bare("diff", "--running", "--ops", "http://127.0.0.1:1")
    assert code == 2 and err.startswith("gateway diff: ")
