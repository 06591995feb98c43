"""``gateway reload``: served, or refused with the problems."""

from tests.cli.operators import Operators

PROBLEM = "upstreams.yaml:3:1  routes[0].auth  names nobody, which is not in auth"


async def test_good_files_are_served(operators: Operators) -> None:
    operators.admin.reloaded = {"reloaded": True, "digest": "d" * 64, "problems": [], "needs_restart": ["state"]}
    code, out, err = await operators.command("reload", "--by", "grace")
    assert (code, err) == (0, "")
    assert out == f"reloaded: digest {'d' * 12}\nonly a restart brings into force: state\n"
    assert operators.admin.events[0][0] == "reload_ordered"
    assert operators.admin.events[0][1]["by"] == "grace"


async def test_bad_files_are_the_answer_no_with_their_problems(operators: Operators) -> None:
    operators.admin.reloaded = {"reloaded": False, "digest": "d", "problems": [PROBLEM], "needs_restart": []}
    code, out, err = await operators.command("reload")
    assert (code, out) == (1, "")
    assert err == f"{PROBLEM}\nrefused: what ran before goes on\n"
    code, body = await operators.json("reload")
    assert (code, body) == (1, operators.admin.reloaded)


async def test_loosenings_are_listed_until_each_is_acknowledged(operators: Operators) -> None:
    loosening = {
        "id": "a1",
        "effect": "loosens",
        "routes": ["login", "signup"],
        "setting": "rate_limits.few.burst",
        "before": "5",
        "after": "50\x1b[31m",
        "where": {"old": "upstreams.yaml:3", "new": "upstreams.yaml:4"},
        "why": "More calls at once.",
    }
    refused = {"reloaded": False, "digest": "d", "problems": ["x"], "loosenings": [loosening], "needs_restart": []}
    operators.admin.reloaded = refused
    code, out, err = await operators.command("reload")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "upstreams.yaml:4  loosens rate_limits.few.burst (login, signup): 5 -> 50\\x1b[31m",
        "    More calls at once.",
        "    to let it: --acknowledge a1",
        "refused: what ran before goes on",
    ]
    code, body = await operators.json("reload")
    assert (code, body) == (1, refused)
    operators.admin.reloaded = {"reloaded": True, "digest": "d" * 64, "problems": [], "needs_restart": []}
    code, _, _ = await operators.command("reload", "--acknowledge", "a1", "--acknowledge", "b2")
    assert (code, operators.admin.acknowledged) == (0, ["a1", "b2"])
    code, _, err = await operators.command("reload", "--acknowledge", "no id")
    assert code == 2 and "id of a loosening" in err
