"""The page for whoever adds a route: what it says to type is typed, and the new procedure is judged by its schema then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.demo.quickstart import SECRETS
from gateway.demo.tutor import DemoTutor
from tests.gateway_fixture import SECRET, running_gateway
from tests.shell_blocks import shell_blocks
from tests.trpc.gateway_between import bearer
from tests.trpc.inputs_command import ROOT
from tests.trpc.real_peers import HERE

PAGE = (ROOT / "docs" / "adding-a-route.md").read_text()
BLOCKS = [typed for typed, _ in shell_blocks(PAGE)]
CHECKED, FROM_ROUTER, BY_HAND, CHECKED_AGAIN = BLOCKS
# The router of tests/trpc/tutor.mjs, and in it the procedure of the page.
ROUTER = """\
import { initTRPC } from "@trpc/server";
import { z } from "zod";
import { appRouter as before } from "./tutor.mjs";
const t = initTRPC.create();
const bookmark = t.procedure.input(z.object({ lessonId: z.string().min(1).max(64), note: z.string().max(280).nullish() })).mutation(() => 1);
const procedures = { ...before._def.procedures, "lessons.bookmark": bookmark };
export const appRouter = { ...before, _def: { ...before._def, procedures } };
"""
INPUTS: list[tuple[Any, list[str]]] = [
    ({"lessonId": "es-1"}, []),
    ({"lessonId": "es-1", "note": None}, []),
    ({"lessonId": ""}, ["lessonId"]),
    ({"note": "x"}, ["lessonId"]),
    ({"lessonId": "es-1", "note": "x" * 281}, ["note"]),
]


@pytest.fixture
def checkout(packages: None, tmp_path: Path) -> Path:
    """The gateway's folder beside the backend's, with step 1 done: the procedure named in the route of its kind."""
    gateway, backend = tmp_path / "gateway", tmp_path / "backend"
    (backend / "dist").mkdir(parents=True)
    (backend / "node_modules").symlink_to(HERE / "node_modules")
    shutil.copy(HERE / "tutor.mjs", backend / "dist")
    (backend / "dist" / "router.mjs").write_text(ROUTER)
    gateway.mkdir()
    for folder in ("policies", "scripts"):
        shutil.copytree(ROOT / folder, gateway / folder)
    (gateway / ".venv" / "bin").mkdir(parents=True)
    (gateway / ".venv" / "bin" / "gateway").symlink_to(Path(sys.prefix) / "bin" / "gateway")
    before = (ROOT / "upstreams.yaml").read_text()
    (gateway / "upstreams.yaml").write_text(
        before.replace("      - lessons.submit\n", "      - lessons.submit\n      - lessons.bookmark\n")
    )
    return gateway


def typed(checkout: Path, *blocks: str) -> tuple[int, str]:
    env = {name: value for name, value in os.environ.items() if name not in SECRETS}
    env["PYTHONPATH"] = str(ROOT)
    script = "\n".join(("set -e", *blocks))
    done = subprocess.run(["bash", "-c", script], cwd=checkout, env=env, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_without_its_schema_the_check_fails_and_names_it(checkout: Path) -> None:
    code, printed = typed(checkout, CHECKED)
    assert code == 2, printed
    assert "lessons.bookmark has no schema in inputs" in printed


@pytest.mark.parametrize("way", [FROM_ROUTER, BY_HAND], ids=["from the router", "by hand"])
async def test_a_schema_for_a_new_procedure(checkout: Path, way: str) -> None:
    code, printed = typed(checkout, way, CHECKED, CHECKED_AGAIN)
    assert code == 0, printed
    assert "63 of 63 procedures" in printed
    changed = {path.name for path in (checkout / "policies" / "inputs").iterdir()} - {
        path.name for path in (ROOT / "policies" / "inputs").iterdir()
    }
    assert changed == {"lessons.bookmark.json"}
    async with DemoTutor(SECRET) as tutor:
        env = {
            "TUTOR_URL": tutor.url,
            "TOOLKIT_API_KEY": "none",
            "GATEWAY_OPS_TOKEN": "a-token-of-more-than-32-bytes-or-so",
        }
        async with (
            running_gateway(checkout / "upstreams.yaml", env) as gateway,
            aiohttp.ClientSession(headers=bearer()) as http,
        ):
            for sent, fields in INPUTS:
                async with http.post(f"{gateway.url}/api/trpc/lessons.bookmark", json={"json": sent}) as response:
                    error = json.loads(await response.read())["error"]["json"]
                # The demo does not know the procedure: what passes the gateway is not found there.
                assert response.status == (400 if fields else 404), sent
                assert list((error["data"].get("zodError") or {}).get("fieldErrors", {})) == fields, sent
