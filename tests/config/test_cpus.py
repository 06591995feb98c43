"""The processors that a process may use, read from trees of files as the kernels of the field make them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gateway.config.cpus import Cpus, available

V2 = "30 23 0:26 {directory} /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "31 23 0:27 {directory} /sys/fs/cgroup/{name} rw - cgroup cgroup rw,{options}\n"


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def v2(path: str, *, directory: str = "/", **files: str) -> dict[str, str]:
    """A unified hierarchy: files by their path below the mount, ``_`` for a slash at the end of each directory."""
    found = {f"sys/fs/cgroup/{name}": text for name, text in files.items()}
    return {"proc/self/cgroup": f"0::{path}\n", "proc/self/mountinfo": V2.format(directory=directory), **found}


@pytest.mark.parametrize(
    ("cpu_max", "found"),
    [
        ("max 100000\n", Cpus(8, 8)),
        ("200000 100000\n", Cpus(2, 8, 2.0)),
        ("150000 100000\n", Cpus(2, 8, 1.5)),
        ("20000 100000\n", Cpus(1, 8, 0.2)),
        ("1000 1000000", Cpus(1, 8, 0.001)),
        ("1600000 100000\n", Cpus(8, 8, 16.0)),
        ("300000", Cpus(3, 8, 3.0)),
        ("", Cpus(8, 8)),
        ("-1 100000", Cpus(8, 8)),
        ("0 100000", Cpus(8, 8)),
        ("200000 0", Cpus(8, 8)),
        ("\u0662 100000", Cpus(8, 8)),
        ("garbage\n" * 1000, Cpus(8, 8)),
    ],
)
def test_a_quota_of_a_container(tmp_path: Path, cpu_max: str, found: Cpus) -> None:
    root = tree(tmp_path, v2("/", **{"cpu.max": cpu_max}))
    assert available(root, 8) == found


def test_the_least_quota_from_here_to_the_top(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        v2(
            "/kubepods/pod1/c1",
            **{
                "kubepods/cpu.max": "600000 100000",
                "kubepods/pod1/cpu.max": "150000 50000",
                "kubepods/pod1/c1/cpu.max": "max 100000",
                "kubepods/pod2/cpu.max": "10000 100000",
            },
        ),
    )
    assert available(root, 8) == Cpus(3, 8, 3.0)


@pytest.mark.parametrize("name", ["cpu,cpuacct", "cpu"])
def test_the_first_version(tmp_path: Path, name: str) -> None:
    mounts = V1.format(directory="/", name=name, options=name) + V1.format(
        directory="/", name="memory", options="memory"
    )
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": f"5:memory:/a\n4:{name}:/system.slice/gateway.service\n",
            "proc/self/mountinfo": mounts,
            f"sys/fs/cgroup/{name}/cpu.cfs_quota_us": "-1\n",
            f"sys/fs/cgroup/{name}/system.slice/cpu.cfs_quota_us": "400000\n",
            f"sys/fs/cgroup/{name}/system.slice/cpu.cfs_period_us": "100000\n",
            f"sys/fs/cgroup/{name}/system.slice/gateway.service/cpu.cfs_quota_us": "-1\n",
            f"sys/fs/cgroup/{name}/system.slice/gateway.service/cpu.cfs_period_us": "100000\n",
        },
    )
    assert available(root, 16) == Cpus(4, 16, 4.0)


def test_both_versions_side_by_side(tmp_path: Path) -> None:
    """systemd's hybrid: the controllers are of the first version, and the unified hierarchy has none."""
    root = tree(
        tmp_path,
        {
            "proc/self/cgroup": "4:cpu,cpuacct:/a\n3:cpuset:/a\n1:name=systemd:/a\n0::/a\n",
            "proc/self/mountinfo": V2.format(directory="/").replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ")
            + V1.format(directory="/", name="cpu,cpuacct", options="cpu,cpuacct")
            + V1.format(directory="/", name="cpuset", options="cpuset"),
            "sys/fs/cgroup/unified/a/cgroup.procs": "1\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us": "250000\n",
            "sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us": "100000\n",
            "sys/fs/cgroup/cpuset/a/cpuset.cpus": "0-1,8\n",
        },
    )
    assert available(root, 16) == Cpus(3, 3, 2.5)


@pytest.mark.parametrize(
    ("cpus", "cores"), [("0-3\n", 4), ("0,2,4-5\n", 4), ("7\n", 1), ("\n", 8), ("0-63\n", 8), ("5-2\n", 8), ("x-y", 8)]
)
def test_a_cpuset(tmp_path: Path, cpus: str, cores: int) -> None:
    root = tree(tmp_path, v2("/a", **{"a/cpuset.cpus.effective": cpus, "a/cpu.max": "max 100000"}))
    assert available(root, 8) == Cpus(cores, cores)


def test_a_container_that_sees_its_own_directory_mounted(tmp_path: Path) -> None:
    """Docker without a namespace of cgroups: /proc names the host's path, and the mount begins there."""
    root = tree(tmp_path, v2("/docker/abc", directory="/docker/abc", **{"cpu.max": "100000 100000"}))
    assert available(root, 8) == Cpus(1, 8, 1.0)
    inner = tree(tmp_path, v2("/docker/abc/in", directory="/docker/abc", **{"in/cpu.max": "50000 100000"}))
    assert available(inner, 8) == Cpus(1, 8, 0.5)


@pytest.mark.parametrize("path", ["/../../etc", "/elsewhere", "/gone/away"])
def test_a_path_that_leads_nowhere_is_the_mount_itself(tmp_path: Path, path: str) -> None:
    root = tree(tmp_path / "root", v2(path, **{"cpu.max": "200000 100000"}))
    tree(tmp_path, {"etc/cpu.max": "100000 100000"})
    assert available(root, 8) == Cpus(2, 8, 2.0)


def test_a_mount_with_a_blank_in_its_name(tmp_path: Path) -> None:
    mounted = {"proc/self/mountinfo": V2.format(directory="/").replace("/sys/fs/cgroup ", "/my\\040cgroups ")}
    root = tree(tmp_path, v2("/") | mounted | {"my cgroups/cpu.max": "100000 100000"})
    assert available(root, 8) == Cpus(1, 8, 1.0)


def test_without_a_list_of_mounts_the_usual_places_are_looked_at(tmp_path: Path) -> None:
    assert available(tree(tmp_path / "a", {"sys/fs/cgroup/cpu.max": "100000 100000"}), 8) == Cpus(1, 8, 1.0)
    first = {"sys/fs/cgroup/cpu/cpu.cfs_quota_us": "200000", "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000"}
    assert available(tree(tmp_path / "b", first), 8) == Cpus(2, 8, 2.0)


def test_what_cannot_be_read_limits_nothing(tmp_path: Path) -> None:
    root = tree(tmp_path, v2("/"))
    (root / "sys/fs/cgroup/cpu.max").mkdir(parents=True)
    (root / "sys/fs/cgroup/cpuset.cpus.effective").write_bytes(b"\xff\xfe\x00")
    assert available(root, 8) == Cpus(8, 8)
    assert available(tmp_path / "nothing", 0) == Cpus(1, 1)


def test_the_machine_that_this_runs_on() -> None:
    here = available()
    assert 1 <= here.workers <= here.cores <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("found", "text"), [(Cpus(8, 8), "8 cores"), (Cpus(1, 1), "1 core"), (Cpus(2, 8, 1.5), "8 cores, a quota of 1.5")]
)
def test_in_a_sentence(found: Cpus, text: str) -> None:
    assert str(found) == text
