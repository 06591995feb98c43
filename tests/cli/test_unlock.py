"""``gateway unlock`` against a run with two workers: locked on both, lifted on both, and written down."""

import json
import re

import pytest
from aiohttp import ClientSession

from gateway.demo.tutor import DemoTutor
from tests.cli.command_line import run
from tests.eventually import eventually
from tests.gateway_run import Maker, Run, command, metrics

ENTRY = """\
version: 1
listen: {host: 127.0.0.1, port: 0, workers: WORKERS, drain: DRAIN}
ops: {host: 127.0.0.1, port: OPSPORT, token: "${GATEWAY_OPS_TOKEN}"}
state: {path: state}
upstreams:
  tutor: {endpoints: [{url: "TUTOR"}], trpc: {prefix: /api/trpc}}
bodies:
  json: {max: 64KiB, types: [application/json]}
lockouts:
  accounts: {account: /email, failures: 3, address: null}
routes:
  - {name: login, procedures: [auth.login], upstream: tutor, auth: public, lockout: accounts, body: json}
"""


async def login(run: Run) -> int:
    """On a connection of its own, so that either worker may get it."""
    async with (
        ClientSession() as session,
        session.post(
            f"{run.url}/api/trpc/auth.login?batch=1",
            json={"0": {"json": {"email": "bob@example.com", "password": "no"}}},
        ) as response,
    ):
        return response.status


async def test_a_lock_holds_on_every_worker_and_so_does_lifting_it(runs: Maker, http: ClientSession) -> None:
    async with DemoTutor("a-secret-of-the-demo-with-32-bytes!") as tutor:
        run = await runs(workers=2, entry=ENTRY.replace("TUTOR", tutor.url).replace("OPSPORT", "0"))
        port = run.ops.rpartition(":")[2]
        (run.folder / "upstreams.yaml").write_text(
            ENTRY.replace("TUTOR", tutor.url).replace("OPSPORT", port).replace("WORKERS", "2").replace("DRAIN", "1s")
        )
        assert sorted([await login(run) for _ in range(12)]) == [401] * 3 + [429] * 9
        code, out, err = await command(run, "unlock", "--account", "BOB@example.com", "--by", "grace", "--json")
        assert (code, json.loads(out), err) == (0, {"unlocked": True}, "")
        assert sorted([await login(run) for _ in range(12)]) == [401] * 3 + [429] * 9
        assert tutor.counts["auth.login"] == 6
        assert (await command(run, "unlock", "--account", "bob@example.com"))[:2] == (0, "bob@example.com is unlocked")
        assert (await command(run, "unlock", "--address", "192.0.2.1"))[:2] == (1, "192.0.2.1 was not locked")
        code, _, err = await command(run, "unlock", "--address", "nowhere")
        assert (code, "address must be an IP address" in err) == (2, True)

        async def counted() -> bool:
            return 'gateway_locks_total{kind="account",lockout="accounts"} 2.0' in await metrics(run, http)

        await eventually(counted)
        await run.stop()
        first, second = run.events("locked")
        assert (first["lockout"], first["kind"], first["who"]) == ("accounts", "account", second["who"])
        assert re.fullmatch(r"[0-9a-f]{32}", first["who"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", first["until"])
        unlocked = run.events("unlock")
        assert [(line["unlocked"], line["by"]) for line in unlocked][:1] == [(True, "grace")]
        assert len(unlocked) == 3
        assert "bob@" not in run.out.read_text()
        code, _, err = await command(run, "unlock", "--account", "bob@example.com")
        assert (code, f"no gateway answers on 127.0.0.1:{port}" in err) == (2, True)


def test_nobody_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("unlock") == 2
    assert "name an --account or an --address" in capsys.readouterr().err
