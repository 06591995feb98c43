"""A run with two workers as its operators use it: a key that changes under signed-in users, reloads that are refused or wait
for a restart, and somebody who is looked up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.config.load import load
from gateway.config.model import Config
from gateway.demo.hs256 import sign
from tests.cli.command_line import run as command_line
from tests.eventually import eventually
from tests.gateway_run import ENTRY, OPS_TOKEN, Maker, Run, health, samples, status

OLD, NEW = "the-old-secret-of-more-than-32-bytes-1", "the-new-secret-of-more-than-32-bytes,2"
SECRETS = ENTRY.replace('secret: "${JWT_SECRET}"', 'secret: ["${file:first}", "${file:second}"]')


def token(secret: str, subject: str = "ada") -> str:
    now = int(time.time())
    return sign({"sub": subject, "type": "access", "iat": now, "exp": now + 900}, secret)


async def asked(run: Run, bearer: str) -> set[int]:
    """The statuses on connections of their own, so that either worker may get them."""
    found = set()
    for _ in range(6):
        async with ClientSession(headers={"authorization": f"Bearer {bearer}"}) as session:
            found.add(await status(session, f"{run.url}/api/private"))
    return found


class Orders:
    """Commands in the test's own process, which have the address and the token file of a run, and no configuration."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.token_file = folder / "token"
        self.token_file.write_text(OPS_TOKEN + "\n")
        self.capsys = capsys

    async def __call__(self, run: Run, *words: str) -> tuple[int, Any]:
        where = ("--ops", run.ops, "--token-file", str(self.token_file), "--json")
        self.capsys.readouterr()
        code = await asyncio.to_thread(command_line, *words, *where)
        printed = self.capsys.readouterr()
        assert printed.err == ""
        return code, json.loads(printed.out)


@pytest.fixture
def ordered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Orders:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return Orders(tmp_path, capsys)


async def test_a_key_changes_and_nobody_is_signed_out(
    runs: Maker, http: ClientSession, ordered: Orders, tmp_path: Path
) -> None:
    (tmp_path / "first").write_text(OLD)
    (tmp_path / "second").write_text("another-secret-of-more-than-32-bytes-3")
    run = await runs(workers=2, entry=SECRETS)
    served = {*await asked(run, token(OLD))}
    assert 401 not in served
    assert await asked(run, token(NEW)) == {401}
    before = (await health(run, http))["config"]["digest"]

    (tmp_path / "first").write_text(NEW + "\n")
    (tmp_path / "second").write_text(OLD)
    code, result = await ordered(run, "reload")
    assert (code, result["reloaded"], result["digest"] != before) == (0, True, True)
    assert await asked(run, token(OLD)) == await asked(run, token(NEW)) == served
    checked = load(run.folder / "upstreams.yaml", run.env)
    assert isinstance(checked, Config)
    assert checked.digest == result["digest"], "variables and files are those of the run"

    async def counted() -> Mapping[str, Any] | None:
        _, body = await ordered(run, "health")
        keys: list[dict[str, Any]] = body["token_keys"]["access-token"]
        return body if all(key["verified"] for key in keys) else None

    body = await eventually(counted)
    first, second = body["token_keys"]["access-token"]
    assert (first["can_go"], second["can_go"], first["can_go_at"]) == (False, False, None)
    assert second["can_go_at"] is not None
    found = await samples(run, http)
    assert found[f"gateway_tokens_verified_total|key={first['key']},|policy=access-token"] >= first["verified"]
    assert OLD not in json.dumps(body) and NEW not in json.dumps(body)

    entry = run.folder / "upstreams.yaml"
    entry.write_text(entry.read_text().replace(', "${file:second}"', ""))
    assert (await ordered(run, "reload"))[0] == 0
    assert await asked(run, token(OLD)) == {401}, "remembered ones too"
    assert await asked(run, token(NEW)) == served


async def test_a_refused_reload_and_a_pending_restart_show_until_they_are_over(
    runs: Maker, http: ClientSession, ordered: Orders
) -> None:
    run = await runs(workers=2)
    entry = run.folder / "upstreams.yaml"
    good = entry.read_text()
    entry.write_text(good.replace("auth: access-token}", "auth: nobody}"))
    code, result = await ordered(run, "reload")
    assert (code, result["reloaded"], "nobody" in result["problems"][0]) == (1, False, True)
    shown = await health(run, http)
    assert (shown["status"], shown["config"]["refused"]["problems"]) == ("ok", result["problems"])
    assert any("was refused: " in reason for reason in shown["reasons"])

    entry.write_text(good.replace("state: {path: state}", "state: {path: other}"))
    assert await ordered(run, "reload") == (
        0,
        {"reloaded": True, "digest": shown["config"]["digest"], "problems": [], "needs_restart": ["state"]},
    )
    shown = await health(run, http)
    assert (shown["config"]["refused"], shown["config"]["needs_restart"]) == (None, ["state"])
    assert "only a restart brings into force: state" in shown["reasons"]
    assert not (run.folder / "other").exists(), "no worker uses it"

    entry.write_text(good)
    assert (await ordered(run, "reload"))[1]["needs_restart"] == []
    shown = await health(run, http)
    assert (shown["status"], shown["reasons"], shown["environment"]) == ("ok", [], "development")
    await run.stop()
    assert [line["settings"] for line in run.events("reload_needs_restart")] == [["state"]]
    assert len(run.events("reload_ordered")) == 3


async def test_what_is_set_from_where_and_who_a_hash_is(runs: Maker, http: ClientSession, ordered: Orders) -> None:
    run = await runs()
    headers = {"authorization": f"Bearer {OPS_TOKEN}"}
    async with http.get(f"{run.ops}/v1/config", headers=headers) as response:
        text = await response.text()
    rows = {row["path"]: row for row in json.loads(text)["settings"]}
    assert rows["auth.access-token.secret"]["source"] == "environment JWT_SECRET"
    assert rows["upstreams.tutor.request_headers.set.x-key"]["source"] == "environment UPSTREAM_KEY"
    assert len(rows["ops.token"]["fingerprint"]) == 12
    assert not [value for name, value in run.env.items() if name in ("JWT_SECRET", "UPSTREAM_KEY") and value in text]
    assert OPS_TOKEN not in text

    await asked(run, token(run.env["JWT_SECRET"], "ada-1"))
    (principal,) = await eventually(
        lambda: {line["principal"] for line in run.events("request") if "principal" in line}
    )
    (run.folder / "users").write_text("bob-1\nada-1\n")
    code, found = await ordered(run, "whois", "--hash", principal, "--among", str(run.folder / "users"))
    assert (code, found["names"]) == (0, ["ada-1"])
    code, found = await ordered(run, "whois", "--subject", "ada-1")
    assert (code, found["log"]) == (0, {"subject": principal})
    assert (await ordered(run, "revoke", "--subject", "ada-1", "--for", "1m"))[0] == 0
    code, found = await ordered(run, "whois", "--subject", "ada-1")
    assert [row["kind"] for row in found["revocations"]] == ["subject"]
    await run.stop()
    assert all("ada-1" not in json.dumps(line) for line in run.events("whois"))
