"""``gateway run --demo``: what it prints to try does what it says."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import shlex
import shutil
import signal
from pathlib import Path

from aiohttp import ClientSession

from gateway.demo.quickstart import SECRETS
from tests.eventually import eventually
from tests.gateway_run import Run

ROOT = Path(__file__).parent.parent.parent


async def curl(http: ClientSession, line: str) -> tuple[int, str]:
    """Do what a printed curl line does."""
    words = shlex.split(line)
    assert words[0] == "curl"
    headers: dict[str, str] = {}
    data: bytes | None = None
    urls = []
    rest = iter(words[1:])
    for word in rest:
        if word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word == "-d":
            data = next(rest).encode()
        elif word == "-w":
            next(rest)
        elif not word.startswith("-"):
            urls.append(word)
    status = 0
    texts = []
    for url in urls:
        async with http.request("POST" if data else "GET", url, headers=headers, data=data) as answer:
            status = answer.status
            texts.append(await answer.text())
    return status, "\n".join(texts)


async def the_tutor_asks_the_toolkit_through_the_egress_listener(run: Run, http: ClientSession) -> None:
    told = run.err.read_text()
    token, gateway, control = (
        re.search(pattern, told) for pattern in (r"Bearer (eyJ[\w.-]+)", r"gateway (http://\S+)", r"curl (\S+/mode)")
    )
    assert token and gateway and control
    chat = f"{gateway[1]}/api/trpc/chat.sendMessage"
    said = {"json": {"message": "Hola", "language": "es"}}
    for mode, status, word in (("ok", 200, "Soy la demostración"), ("fail", 503, "AI service unavailable")):
        async with http.post(control[1], json={"mode": mode}) as changed:
            assert changed.status == 200
        async with http.post(chat, json=said, headers={"authorization": f"Bearer {token[1]}"}) as answer:
            assert (answer.status, word in await answer.text()) == (status, True)
    # two chat answers, and the suggestion to call it directly
    await eventually(
        lambda: [line["route"] for line in run.events("request") if "listener" in line] == ["toolkit-out"] * 3
    )


async def test_every_suggestion_does_what_it_says(tmp_path: Path, http: ClientSession) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shipped = (ROOT / "upstreams.yaml").read_text()
    quiet, replaced = re.subn(r"port: (8080|8181|9090)", "port: 0", shipped)
    assert replaced == 3
    (tmp_path / "upstreams.yaml").write_text(quiet)
    env = {name: value for name, value in os.environ.items() if name not in SECRETS}
    run = Run(tmp_path, env)
    await run.start("--demo", "--workers", "1", json=False)
    try:
        await eventually(lambda: "Ctrl-C stops everything" in run.err.read_text() or run.process.returncode is not None)
        assert run.process.returncode is None, run.err.read_text()
        lines = [line.strip() for line in run.err.read_text().splitlines()]
        tried = []
        for what, line in itertools.pairwise(lines):
            if line.startswith("for i in 1 2 3 4 5 6; do"):
                command = line.partition("do ")[2].removesuffix("; done")
                answers = await asyncio.gather(*(curl(http, command) for _ in range(6)))
                assert [status for status, _ in answers].count(429) >= 1
                tried.append("429")
            elif line.startswith("curl") and re.match(r"\d{3} ", what):
                status, text = await curl(http, line)
                assert (what[:3], text[:1]) == (str(status), "{"), line
                tried.append(what[:3])
            elif line.startswith("curl") and "__control" not in line:
                assert (await curl(http, line))[0] == 200
        assert tried == ["200", "200", "401", "403", "400", "403", "429"]
        await the_tutor_asks_the_toolkit_through_the_egress_listener(run, http)
    finally:
        if run.process.returncode is None:
            run.send(signal.SIGINT)
        code = await run.ended()
    assert code == 0
    told = run.out.read_text()
    assert all(reason in told for reason in ("rate_limited", "batch_refused", "origin_refused", "route_denied"))
