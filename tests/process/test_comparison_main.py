"""The process of a comparison: bounded in time and memory, and silent about what is none of its business."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from gateway.process.channel import dumped
from tests.process.configs import OPS_TOKEN, written


def run(order: bytes, seconds: str = "20") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "gateway.process.comparison_main", seconds]
    return subprocess.run(command, input=order, capture_output=True, check=False, timeout=60)


def test_it_says_what_differs_and_no_secret(tmp_path: Path) -> None:
    old = written(tmp_path)
    new = written(tmp_path, more="  - {name: extra, paths: [/extra], upstream: tutor, auth: public}\n")
    done = run(dumped((old, new, False)))
    assert done.returncode == 0, done.stderr
    assert [record["setting"] for record in json.loads(done.stdout)] == ["routes.extra"]
    assert OPS_TOKEN.encode() not in done.stdout


def test_what_is_no_order_ends_it_with_another_code() -> None:
    assert run(b"").returncode != 0
    assert run(dumped(1)).returncode != 0
