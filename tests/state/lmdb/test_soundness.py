"""What LMDB itself wrote is sound, whatever is overwritten is found or is none of the tree, and nothing makes it crash."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path
from struct import Struct

import lmdb
import pytest

from gateway.state.lmdb import soundness
from gateway.state.lmdb.names import BOOT, LOCKED, REVOKED
from gateway.state.lmdb.soundness import damage, saved
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.gcra import Take
from tests.state.attempts import account, guess
from tests.state.lmdb.processes import NOON

SIZE = 1 << 22
PAGE = 4096
MOST_PAGES = 220  # no test fills more


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of some dozen pages, with locks and revocations, that is closed."""
    store = LmdbStore(tmp_path, size=SIZE)
    for start in range(0, 5000, 50):
        store.take([Take(b"%d" % number, 1, 5, 86_400.0, 5) for number in range(start, start + 50)], NOON)
    for number in range(30):
        guess(store, NOON, account(b"%d" % number, failures=1, lock_for=(86_400.0,)))
        store.revoke("subject", b"%d" % number, NOON + 86_400, NOON)
    store.close()
    return tmp_path / "data.mdb"


def overwrite(file: Path, page: int, data: bytes) -> None:
    handle = os.open(file, os.O_RDWR)
    os.pwrite(handle, data, page * PAGE)
    os.close(handle)


def used_pages(file: Path) -> list[int]:
    """Pages that are found to be damaged when they are random bytes."""
    data = file.read_bytes()
    found = []
    for page in range(MOST_PAGES):
        overwrite(file, page, random.Random(page).randbytes(PAGE))
        if damage(file):
            found.append(page)
        overwrite(file, page, data[page * PAGE : (page + 1) * PAGE])
    assert damage(file) == "" and max(found) < MOST_PAGES - 1
    return found


def test_what_was_written_is_sound(file: Path) -> None:
    assert damage(file) == ""
    assert damage(file.with_name("there is none")) == ""
    empty = file.with_name("empty")
    empty.touch()
    assert damage(empty) == "", "LMDB makes a new file of it"


def test_each_page_of_the_tree_is_looked_at(file: Path) -> None:
    pages = used_pages(file)
    assert {0, 1} < set(pages), "the heads"
    assert len(pages) > 60, "5,000 records of 57 bytes in pages that are at most full"


def test_a_file_that_was_cut_off_or_filled_up_with_nothing_is_found(file: Path) -> None:
    whole = file.read_bytes()
    last = max(used_pages(file))
    for size in (1, PAGE, 2 * PAGE - 1, 2 * PAGE, last * PAGE):
        file.write_bytes(whole[:size])
        assert damage(file), size
        file.write_bytes(whole[:size] + bytes(SIZE - size))
        assert damage(file), size


def test_no_bytes_whatever_make_it_raise(file: Path) -> None:
    chance = random.Random(7)
    whole = bytearray(file.read_bytes()[: 120 * PAGE])
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 10, 200])):
            data[chance.randrange(len(data))] = chance.randrange(256)
        file.write_bytes(data)
        damage(file)
        saved(file)


def test_only_so_many_pages_are_looked_at_where_others_wait(file: Path) -> None:
    damaged = [page for page in used_pages(file) if page > 1]
    for page in damaged:
        overwrite(file, page, bytes(PAGE))
    assert damage(file, 1)
    assert damage(file, 0) == ""


def test_a_page_that_leads_to_itself_is_no_endless_walk(file: Path) -> None:
    data = file.read_bytes()
    for page in used_pages(file):
        head = data[page * PAGE : page * PAGE + 16]
        if page > 1 and head[10] & 0x01:  # a branch: its first child becomes itself
            offset = int.from_bytes(data[page * PAGE + 16 : page * PAGE + 18], "little")
            at = page * PAGE + offset
            changed = data[:at] + page.to_bytes(6, "little") + data[at + 6 :]
            file.write_bytes(changed)
            assert "where it cannot be" in damage(file)
            return
    raise AssertionError("there is no branch")


def test_a_page_that_was_written_in_another_one_s_place_is_found(file: Path) -> None:
    data = file.read_bytes()
    one, other = used_pages(file)[-2:]
    overwrite(file, one, data[other * PAGE : (other + 1) * PAGE])
    assert damage(file) == f"page {one} is damaged"


@pytest.mark.parametrize("kind", ["a FIFO", "a device"])
def test_what_is_no_file_is_waited_for_by_nobody(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data.mdb"
    if kind == "a FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    assert damage(path) == "it is no file"
    assert saved(path) == {}


def test_of_a_file_without_end_only_so_much_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = saved(file)
    os.truncate(file, 1 << 40)
    began = time.thread_time()
    monkeypatch.setattr(soundness, "MOST_READ", file.stat().st_blocks * 512 // PAGE + 100)
    assert saved(file) == whole
    assert time.thread_time() - began < 1.0


def test_locks_revocations_and_the_key_are_read_of_what_is_left(file: Path) -> None:
    found = saved(file)
    assert sum(name[:1] == LOCKED for name in found) == sum(name[:1] == REVOKED for name in found) == 30
    assert b"format" in found
    data = bytearray(file.read_bytes())
    data[: 2 * PAGE] = random.Random(1).randbytes(2 * PAGE)  # without the heads nothing leads to them any more
    file.write_bytes(data)
    assert saved(file) == found
    file.write_bytes(bytes(data).replace(b"tutor-gateway state 1", b"tut"))
    saved(file)
    file.write_bytes(random.Random(2).randbytes(100_000))
    assert saved(file) == {}


def test_of_several_clocks_the_last_one_is_read(file: Path) -> None:
    with lmdb.open(str(file.parent), map_size=SIZE) as env:
        for boot, latest in ((b"9", 1.0), (b"1", 3.0), (b"5", 2.0)):  # the older ones stay on pages that are free now
            with env.begin(write=True) as txn:
                txn.put(BOOT, Struct("<36sddd").pack(boot * 36, 0.0, latest, 0.0))
    overwrite(file, 0, bytes(2 * PAGE))
    assert saved(file)[BOOT].startswith(b"1")
