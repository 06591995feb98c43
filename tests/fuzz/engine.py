"""Runs one harness: for some seconds, guided by coverage where atheris is there, else by mutation alone; or with one input.

    python -m tests.fuzz.engine TARGET SECONDS FOLDER     finds go to FOLDER/finds, the corpus is kept in FOLDER/corpus
    python -m tests.fuzz.engine TARGET FILE               runs one input again, and says what escaped

The first prints how many inputs it tried as libFuzzer does: ``stat::number_of_executed_units: 1000``.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from random import Random

SHRINKING = 10.0  # seconds for making a find smaller
EXECUTIONS = "stat::number_of_executed_units:"
TIMEOUT = 20  # seconds of the clock for one input, after which coverage-guided fuzzing takes it for endless


def guided() -> bool:
    """Whether there is a fuzzer that sees coverage."""
    return importlib.util.find_spec("atheris") is not None


def place_of(error: BaseException) -> tuple[str, str, int]:
    """What makes two finds one: the exception, and where it was raised."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return type(error).__name__, frame.filename, frame.lineno or 0


def escaping(work: Callable[[bytes], None], data: bytes) -> BaseException | None:
    """What escapes from ``work`` for ``data``."""
    try:
        work(data)
    except Exception as error:
        return error
    return None


def smallest(work: Callable[[bytes], None], data: bytes, seconds: float) -> bytes:
    """``data`` with as much left out as can be while the same escapes."""
    error = escaping(work, data)
    until, size = time.monotonic() + seconds, len(data) // 2
    while size and error is not None:
        at = 0
        while at < len(data) and time.monotonic() < until:
            shorter = data[:at] + data[at + size :]
            other = escaping(work, shorter)
            if other is not None and place_of(other) == place_of(error):
                data = shorter
            else:
                at += size
        size //= 2
    return data


def keep(folder: Path, data: bytes) -> Path:
    """``data`` as a file of ``folder``, named by what it holds."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


def by_mutation(name: str, seconds: float, folder: Path) -> int:
    """How many inputs were tried. Stops at the first find, which is made smaller and kept."""
    from tests.fuzz.mutation import mutated
    from tests.fuzz.targets import TARGETS, exercise

    target, chance = TARGETS[name], Random()
    corpus = [*target.seeds, *(path.read_bytes() for path in sorted((folder / "corpus").glob("*")))]
    executions, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        data = mutated(chance, corpus, target.words)
        executions += 1
        if escaping(lambda data: exercise(target, data), data) is not None:
            keep(folder / "finds", smallest(lambda data: exercise(target, data), data, SHRINKING))
            break
    return executions


def by_coverage(name: str, seconds: float, folder: Path) -> None:
    """Does not return: libFuzzer ends the process, with another code than 0 after a find."""
    import atheris  # only there where scripts/fuzz could install it

    with atheris.instrument_imports(include=["gateway"]):
        from tests.fuzz.targets import TARGETS, exercise

    target = TARGETS[name]
    for kept in ("corpus", "finds"):
        (folder / kept).mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        keep(folder / "corpus", seed)
    words = folder / "words"
    escaped = ["".join(f"\\x{byte:02x}" for byte in word) for word in target.words]
    words.write_text("".join(f'"{word}"\n' for word in escaped))

    def work(data: bytes) -> None:
        error = escaping(lambda data: exercise(target, data), data)
        if error is not None:
            keep(folder / "finds", smallest(lambda data: exercise(target, data), data, SHRINKING))
            raise error

    options = (
        f"-max_total_time={max(1, int(seconds))}",
        "-max_len=4096",
        f"-timeout={TIMEOUT}",
        "-print_final_stats=1",
    )
    artifacts = (f"-artifact_prefix={folder}/", f"-dict={words}", "-rss_limit_mb=4096")
    atheris.Setup([sys.argv[0], *options, *artifacts, str(folder / "corpus")], work)
    atheris.Fuzz()


def main() -> int:
    name, what = sys.argv[1:3]
    if len(sys.argv) == 3:
        from tests.fuzz.targets import TARGETS, exercise

        exercise(TARGETS[name], Path(what).read_bytes())
        print(f"{name}: nothing escapes")
        return 0
    folder = Path(sys.argv[3])
    if guided():
        by_coverage(name, float(what), folder)
    print(f"{EXECUTIONS} {by_mutation(name, float(what), folder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
