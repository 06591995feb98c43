"""``gateway whois``: somebody by name, and a hash by candidates."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.whois import NAMES_AT_ONCE
from gateway.policy.rate_limit.rate_limit import Settings
from tests.cli.operators import Operators


async def test_what_is_held_against_somebody(operators: Operators) -> None:
    operators.admin.rate_limits = {
        "per-user": Settings.model_validate({"limit": "5/minute", "key": ["principal"]}),
        "per-route": Settings.model_validate({"limit": "5/minute", "key": ["principal", "route"]}),
    }
    code, out, err = await operators.command(
        "whois", "--account", "ada@example.com", "--subject", "u1", "--by", "grace"
    )
    assert (code, err) == (0, "")
    assert "in the log  account a-hash" in out and "in the log  principal a-hash" in out
    assert "accounts" in out and "codes" in out
    assert "per-user" in out and "5 of 5" in out and "per-route" not in out
    assert "ada@example.com" not in str(operators.admin.events)
    code, body = await operators.json("whois", "--address", "192.0.2.1")
    assert (code, [row["kind"] for row in body["locks"]]) == (0, ["address"])


async def test_a_hash_is_found_among_many_names(
    operators: Operators, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operators.admin, "pseudonym", lambda name: "0123456789ab" if name == "user-250" else "f" * 12)
    monkeypatch.setattr(operators.admin, "account_pseudonym", lambda name: "e" * 12)
    names = tmp_path / "names"
    names.write_text("\n".join(f"user-{number}" for number in range(3 * NAMES_AT_ONCE)))
    arguments = ("whois", "--hash", "0123456789ab", "--among", str(names))
    assert (await operators.command(*arguments))[:2] == (0, "user-250\n")
    assert await operators.json(*arguments) == (0, {"hash": "0123456789ab", "names": ["user-250"]})
    names.write_text("\n".join(["ё" * 512] * 300 + ["x" * 5000, "", "user-250"]))
    assert (await operators.command(*arguments))[:2] == (0, "user-250\n"), "however long they are"
    names.write_text("ada\nbob\n")
    assert (await operators.command(*arguments))[:2] == (1, "none of the names has this hash\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "name an --account"),
        (("--hash", "0123456789ab"), "name an --account"),
        (("--account", "a@b.c", "--hash", "0123456789ab", "--among", "x"), "name an --account"),
        (("--hash", "0123456789ab", "--among", "gone"), "--among gone cannot be read: No such file or directory"),
        (("--address", "nowhere"), "address must be an IP address"),
        (("--hash", "xyz", "--among", "token"), "the hash of 12 or 32 digits"),
    ],
)
async def test_other_input_is_wrong(operators: Operators, words: tuple[str, ...], sentence: str) -> None:
    code, _, err = await operators.command("whois", *words)
    assert (code, sentence in err) == (2, True), err
