"""Circuits in the file: how they are written, and that processes share them."""

from pathlib import Path

from gateway.state.lmdb.circuits import packed, unpacked
from gateway.state.lmdb.store import LmdbStore
from gateway.state.rules.circuit import CLOSED, HALF_OPEN, NEW, OPEN, Circuit
from tests.state.circuits import NOON, TRIP, opened


def test_two_processes_of_a_host_share_it(tmp_path: Path) -> None:
    one = LmdbStore(tmp_path / "state")
    opened(one)
    one.close()
    other = LmdbStore(tmp_path / "state")
    assert not other.admit(b"stt", TRIP, NOON + 1).ok
    other.close()


def test_a_circuit_is_read_as_it_was_written() -> None:
    circuit = Circuit(HALF_OPEN, 7, 3, 1, NOON, NOON + 60, NOON + 90, NOON + 99, ((1, 2, 3), (4, 5, 6)))
    assert unpacked(packed(circuit)) == circuit
    assert unpacked(packed(NEW)) == NEW
    for forced in (OPEN, CLOSED):
        assert unpacked(packed(circuit._replace(forced=forced))).forced == forced


def test_what_an_operator_ordered_outlives_the_processes(tmp_path: Path) -> None:
    one = LmdbStore(tmp_path / "state")
    one.force(b"stt", OPEN, NOON)
    one.close()
    other = LmdbStore(tmp_path / "state")
    assert other.circuit(b"stt", NOON + 86_400 * 30).forced == OPEN
    other.close()
