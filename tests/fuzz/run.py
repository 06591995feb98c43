"""Runs every harness for its share of some seconds, on all cores, and says what each has tried and found.

    python -m tests.fuzz.run SECONDS FOLDER [TARGET]

Exit code 0 without a find, 1 with one, 2 where a harness has not run.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.engine import EXECUTIONS, SHRINKING, TIMEOUT, guided
from tests.fuzz.targets import TARGETS

START = 200.0  # seconds that a harness may take to begin, beside its share
LEAST = 1.0  # seconds of a share
_executions = re.compile(re.escape(EXECUTIONS) + r"\s+(\d+)").findall

_exception = re.compile(r"=== Uncaught Python exception: ===(.*?)\n==\d+== ERROR", re.DOTALL)


class Ran(NamedTuple):
    """What came of one harness. ``finds`` are the files of inputs for which something escaped."""

    name: str
    executions: int
    seconds: float
    finds: Sequence[Path]
    output: str


def shares(seconds: float, harnesses: int, cores: int) -> float:
    """The seconds of each harness, when so many run at a time."""
    return max(LEAST, seconds * min(cores, harnesses) / harnesses)


def run(name: str, seconds: float, folder: Path) -> Ran:
    """Run one harness in a process of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.fuzz.engine", name, str(seconds), str(folder)]
    before = set(found_in(folder))
    try:
        patience = seconds + START + SHRINKING + TIMEOUT
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=patience, check=False)
        output = done.stdout + done.stderr
    except subprocess.TimeoutExpired as error:
        output = f"{(error.stderr or b'').decode(errors='replace')[-1000:]}\n{name} has not ended: {error}"
    executions = [int(number) for number in _executions(output)]
    new = [path for path in found_in(folder) if path not in before]
    return Ran(name, executions[-1] if executions else 0, seconds, new, output)


def escaped_of(output: str) -> str:
    """What has escaped, out of all that libFuzzer prints."""
    found = _exception.search(output)
    return found[1].strip() if found is not None else "\n".join(output.splitlines()[-25:])


def found_in(folder: Path) -> list[Path]:
    """Inputs that were kept since something escaped: made smaller, or as libFuzzer left them when the process ended."""
    kept = sorted((folder / "finds").glob("*"))
    left = [path for kind in ("timeout", "oom", "crash") for path in folder.glob(f"{kind}-*")]
    if kept:  # then what libFuzzer has left is the same before it was made smaller
        for path in left:
            path.unlink()
        return kept
    return sorted(left)


def main(arguments: Sequence[str]) -> int:
    seconds, folder, chosen = float(arguments[0]), Path(arguments[1]), [name for name in arguments[2:] if name]
    unknown = [name for name in chosen if name not in TARGETS]
    if unknown:
        print(f"no harness {unknown[0]}; there are {', '.join(TARGETS)}", file=sys.stderr)
        return 2
    names = chosen or list(TARGETS)
    cores = os.cpu_count() or 1
    share = shares(seconds, len(names), cores)
    how = "coverage (atheris)" if guided() else "mutation alone: atheris is not there for this Python and machine"
    print(f"{len(names)} harnesses, {share:.0f} s each, guided by {how}", flush=True)
    with ThreadPoolExecutor(min(cores, len(names))) as pool:
        ran = list(pool.map(lambda name: run(name, share, folder / name), names))
    for one in ran:
        rate = one.executions / one.seconds
        print(f"{one.name:12} {one.executions:12,} executions {rate:10,.0f} a second {len(one.finds):4} finds")
    for one in ran:
        for path in one.finds:
            print(f"\n{one.name}: {path}\nagain: make fuzz TARGET={one.name} INPUT={path}")
            print(escaped_of(one.output))
        if not one.executions and not one.finds:
            print(f"\n{one.name} has not run:\n{one.output[-2000:]}")
    print(f"{sum(one.executions for one in ran):,} executions, {sum(len(one.finds) for one in ran)} finds")
    if any(one.finds for one in ran):
        return 1
    return 2 if any(not one.executions for one in ran) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
