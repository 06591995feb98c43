"""How many processors this process may use: what the host has, less what affinity, cpusets and the quotas of cgroups take.

A container on a host of 64 cores with a quota of 2 gets 64 workers from the number of cores: each with its memory, all of
them throttled together for most of every 100 ms. All files are read below a root that is handed in.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

_MOST_BYTES = 1024 * 1024  # of one file: a host with thousands of mounts has less
_ESCAPE = re.compile(r"\\([0-7]{3})")  # of blanks in mountinfo (proc(5))


class Cpus(NamedTuple):
    """``workers`` is how many processes make use of them; ``cores`` are those that the process may run on, ``quota`` the
    processors' worth of time that its cgroups give it, None for no limit."""

    workers: int
    cores: int
    quota: float | None = None

    def __str__(self) -> str:
        cores = f"{self.cores} core{'s' if self.cores > 1 else ''}"
        return cores if self.quota is None else f"{cores}, a quota of {self.quota:g}"


class _Mount(NamedTuple):
    """A cgroup file system: where it is mounted, and which of its directories is there. ``version`` 1 has ``controllers``."""

    point: Path
    directory: str
    version: int
    controllers: frozenset[str]


def available(root: Path = Path("/"), cores: int | None = None) -> Cpus:
    """What this process may use. ``cores`` are those of its affinity, the system's own unless given.

    A part of a processor counts as one: 1.5 make two workers, since one could not use the half, and 0.2 make one. A file
    that cannot be read, or says nothing that makes sense, limits nothing.
    """
    cores = _affinity() if cores is None else cores
    quotas: list[tuple[int, int]] = []
    for mount, directory in _directories(root):
        for level in (directory, *directory.parents):
            quotas += _quota(level, mount)
            allowed = _cpuset(level, mount)
            cores = min(cores, allowed) if allowed else cores
            if level == mount.point:
                break
    cores = max(1, cores)
    if not quotas:
        return Cpus(cores, cores)
    quota, period = min(quotas, key=lambda pair: pair[0] / pair[1])
    return Cpus(max(1, min(cores, -(-quota // period))), cores, quota / period)


def _affinity() -> int:
    with contextlib.suppress(OSError, AttributeError):  # not on every system
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _directories(root: Path) -> Iterator[tuple[_Mount, Path]]:
    """The directory of this process in each hierarchy of cgroups that limits processors."""
    of: dict[str, str] = {}
    for line in _read(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        of.update(dict.fromkeys(controllers.split(",") if number != "0" else ["unified"], path))
    for mount in _mounts(root):
        for name in mount.controllers & of.keys():
            yield mount, _below(mount, of[name])
            break
        else:
            yield mount, mount.point  # the files of its root are those of a container that sees no more


def _below(mount: _Mount, path: str) -> Path:
    """The directory for ``path`` of /proc/self/cgroup below a mount, which may begin further down the hierarchy."""
    inside = PurePosixPath(path)
    with contextlib.suppress(ValueError):
        inside = inside.relative_to(mount.directory)
        if ".." not in inside.parts and (mount.point / inside).is_dir():
            return mount.point / inside
    return mount.point


def _mounts(root: Path) -> list[_Mount]:
    found: list[_Mount] = []
    for line in _read(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(), after.split()
        if len(fields) < 5 or len(kinds) < 3 or not kinds[0].startswith("cgroup"):
            continue
        directory, point = (_ESCAPE.sub(lambda found: chr(int(found[1], 8)), text) for text in fields[3:5])
        if kinds[0] == "cgroup2":
            found.append(_Mount(root / point.lstrip("/"), directory, 2, frozenset(("unified",))))
        else:
            controllers = frozenset(kinds[2].split(",")) & {"cpu", "cpuset"}
            if controllers:
                found.append(_Mount(root / point.lstrip("/"), directory, 1, controllers))
    if found:
        return found
    usual = root / "sys/fs/cgroup"
    return [
        _Mount(usual, "/", 2, frozenset(("unified",))),
        *[_Mount(usual / name, "/", 1, frozenset((name,))) for name in ("cpu", "cpuset")],
    ]


def _quota(level: Path, mount: _Mount) -> list[tuple[int, int]]:
    """The quota of one directory and its period, both in microseconds; empty without one."""
    if mount.version == 2:
        quota, _, period = _read(level / "cpu.max").strip().partition(" ")
        period = period or "100000"
    else:
        quota = _read(level / "cpu.cfs_quota_us").strip()
        period = _read(level / "cpu.cfs_period_us").strip()
    if quota.isascii() and quota.isdigit() and period.isascii() and period.isdigit():
        found = int(quota[:15]), int(period[:15])
        return [found] if min(found) > 0 else []
    return []


def _cpuset(level: Path, mount: _Mount) -> int:
    """How many processors the cpuset of one directory has; 0 where it has none."""
    names = ("cpuset.cpus.effective", "cpuset.cpus") if mount.version == 2 else ("cpuset.effective_cpus", "cpuset.cpus")
    for name in names:
        count = 0
        for part in _read(level / name).strip().split(","):
            first, _, last = part.partition("-")
            if first.isascii() and first.isdigit() and (not last or (last.isascii() and last.isdigit())):
                count += max(0, int((last or first)[:6]) - int(first[:6]) + 1)
        if count:
            return count
    return 0


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
