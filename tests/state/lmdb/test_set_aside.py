"""Broken files are kept under their time, and only so many of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.state.lmdb.set_aside import KEPT, set_aside

NOON = 1_767_268_800.0


def test_it_is_renamed_with_the_time_and_lmdb_s_lock_goes(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"broken")
    (tmp_path / "lock.mdb").write_bytes(b"")
    aside = set_aside(tmp_path, "why", NOON)
    assert aside == (tmp_path / "data.mdb", "why", "data.mdb.broken-20260101T120000Z", {})
    assert [path.name for path in tmp_path.iterdir()] == [aside.kept_as]


def test_the_newest_are_kept_also_those_of_one_second(tmp_path: Path) -> None:
    names = []
    for moment in (0.0, 0.1, 60.0, 120.0, 180.0):
        (tmp_path / "data.mdb").write_bytes(b"broken")
        names.append(set_aside(tmp_path, "why", NOON + moment).kept_as)
    assert names[1] == f"{names[0]}-2"
    assert sorted(path.name for path in tmp_path.iterdir()) == names[-KEPT:]


def test_a_folder_in_its_place_is_set_aside_too_and_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").mkdir()
    set_aside(tmp_path, "why", NOON)
    with pytest.raises(FileNotFoundError):
        set_aside(tmp_path, "why", NOON)
