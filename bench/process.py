"""Processes on chosen cores, and what the kernel says they cost (Linux: /proc)."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
CORES = sorted(os.sched_getaffinity(0))
MEASURED = {CORES[0]}  # the gateway or a peer
AROUND = {CORES[-1]}  # the upstream and the load


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def start(
    command: Sequence[str],
    cores: set[int],
    out: Path | None = None,
    errors: Path | None = None,
    env: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process on ``cores``. Its output goes to the files, or nowhere."""

    def pin() -> None:
        os.sched_setaffinity(0, cores)

    with contextlib.ExitStack() as files:

        def opened(path: Path | None) -> int:
            return subprocess.DEVNULL if path is None else files.enter_context(path.open("ab")).fileno()

        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=opened(out),
            stderr=opened(errors),
            env={**os.environ, **(env or {})},
            cwd=folder,
            preexec_fn=pin,
        )


def stop(process: subprocess.Popen[bytes], seconds: float = 3.0) -> None:
    """End a process of ours, by force after ``seconds``; its children go with it."""
    family = tree(process.pid)
    for number in (signal.SIGTERM, signal.SIGTERM):  # a second one ends the announcement of a drain
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds / 2)
            break
    else:
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def tree(pid: int) -> list[int]:
    """``pid`` and everything below it that lives."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, state first; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def cpu_seconds(pids: Sequence[int]) -> float:
    """Processor time used by the processes so far, user and system."""
    return sum(int(fields[11]) + int(fields[12]) for pid in pids if (fields := _stat(pid))) / TICKS


def _status(pid: int, key: str) -> int:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(key):
                return int(line.split()[1])
    return 0


def resident_kib(pids: Sequence[int]) -> int:
    """Resident memory now, KiB. Pages that several processes share count once for each."""
    return sum(_status(pid, "VmRSS:") for pid in pids)


def memory_kib(pids: Sequence[int]) -> tuple[int, int]:
    """Resident memory now, KiB: what the processes have for themselves, and pages of files (code, and maps such as that
    of the state), which the kernel can take back."""
    own = sum(_status(pid, "RssAnon:") for pid in pids)
    return own, sum(_status(pid, "RssFile:") + _status(pid, "RssShmem:") for pid in pids)


def peak_kib(pids: Sequence[int]) -> int:
    """The highest resident memory since ``forget_peak``, KiB."""
    return sum(_status(pid, "VmHWM:") for pid in pids)


def forget_peak(pids: Sequence[int]) -> None:
    """Let the peaks begin anew."""
    for pid in pids:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass(frozen=True, slots=True)
class Busy:
    """Processor seconds of the whole machine up to a moment."""

    used: float
    stolen: float

    @classmethod
    def now(cls) -> Busy:
        user, nice, system, _, _, _, _, steal, *_ = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:])
        return cls((user + nice + system) / TICKS, steal / TICKS)


def cpu_model() -> str:
    """The processor's name as the kernel has it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown processor"
