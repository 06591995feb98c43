"""``gateway revoke`` against a run with two workers: refused on both at once, and a new sign-in works."""

import json
import time
from collections import Counter

import pytest
from aiohttp import ClientSession

from gateway.demo.hs256 import sign
from tests.cli.command_line import run
from tests.eventually import eventually
from tests.gateway_run import JWT_SECRET, Maker, Run, command


def token(subject: str, session: str) -> str:
    now = int(time.time())
    return sign({"sub": subject, "sid": session, "type": "access", "iat": now, "exp": now + 900}, JWT_SECRET)


async def asked(run: Run, bearer: str, times: int = 12) -> Counter[str]:
    """What is answered on connections of their own, so that either worker may get them."""
    responses: Counter[str] = Counter()
    for _ in range(times):
        async with (
            ClientSession() as session,
            session.get(f"{run.url}/api/private", headers={"authorization": f"Bearer {bearer}"}) as response,
        ):
            body = await response.text()
            responses["token_revoked" if "token_revoked" in body else str(response.status)] += 1
    return responses


async def test_every_worker_refuses_at_once(runs: Maker) -> None:
    run = await runs(workers=2)
    ada, bob = token("ada", "s1"), token("bob", "s2")
    passed = await asked(run, ada)
    assert "token_revoked" not in passed
    assert (await asked(run, bob)) == passed
    port = run.ops.rpartition(":")[2]
    shown = (run.folder / "upstreams.yaml").read_text().replace("port: 0, token", f"port: {port}, token")
    (run.folder / "upstreams.yaml").write_text(shown)
    code, out, err = await command(run, "revoke", "--subject", "ada", "--by", "grace", "--json")
    assert (code, json.loads(out), err) == (0, {"revoked": True}, "")
    assert await asked(run, ada) == {"token_revoked": 12}
    assert await asked(run, bob) == passed
    assert (await command(run, "revoke", "--session", "s2", "--for", "15m"))[:2] == (0, "the tokens of s2 are revoked")
    assert await asked(run, bob) == {"token_revoked": 12}

    async def again() -> bool:
        return "token_revoked" not in await asked(run, token("ada", "s3"), 1)

    await eventually(again)  # the next second of the issuer has begun
    code, _, err = await command(run, "revoke", "--subject", "ada", "--for", "31d")
    assert (code, "at most 30d" in err) == (2, True)
    await run.stop()
    first, second = run.events("revoke")
    assert (first["by"], first["revoked"], len(first["subject"]), len(second["session"])) == ("grace", True, 12, 12)
    assert first["subject"] in {line.get("principal") for line in run.events("request")}


def test_nobody_or_both_named(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["revoke"], ["revoke", "--subject", "a", "--session", "b"]):
        assert run(*words) == 2
        assert "name a --subject or a --session" in capsys.readouterr().err
