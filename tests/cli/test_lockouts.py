"""``gateway lockouts``: a table of the locks, without names."""

from gateway.policy.lockout.keys import account_lock_key
from gateway.state.rules.lockout import Attempt
from tests.cli.operators import Operators
from tests.ops.api.fake_admin import NOON


async def test_the_locks_are_a_table_or_json(operators: Operators) -> None:
    assert (await operators.command("lockouts"))[:2] == (0, "nobody is locked\n")
    attempt = Attempt(account_lock_key("accounts", "ada@example.com"), "account", 1, 900.0, (60.0,))
    operators.admin.memory.reserve([attempt], NOON)
    operators.admin.memory.settle([attempt], True, NOON)
    code, out, err = await operators.command("lockouts")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].split() == ["KIND", "WHO", "SINCE", "UNTIL", "FAILURES", "REASON"]
    assert lines[1].split()[0] == "account" and "ada" not in out
    code, body = await operators.json("lockouts")
    assert (code, len(body["lockouts"])) == (0, 1)


async def test_a_store_that_fails_is_an_error(operators: Operators) -> None:
    operators.admin.kept = None
    code, out, err = await operators.command("lockouts")
    assert (code, out, err) == (2, "", "gateway lockouts: refused with 503: the state folder is gone\n")
