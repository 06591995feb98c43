"""Who may trust the records found in a state directory."""

from pathlib import Path

import pytest

from gateway.state.lmdb import clean_shutdown as claim
from gateway.state.lmdb.clean_shutdown import CleanShutdownMarker, this_boot


class Records:
    """Counts how often the records were given up and brought to disk."""

    def __init__(self) -> None:
        self.forgotten = 0
        self.settled = 0

    def forget(self) -> None:
        self.forgotten += 1

    def settle(self) -> None:
        self.settled += 1


def test_a_new_directory_has_nothing_to_distrust(tmp_path: Path) -> None:
    records = Records()
    user = CleanShutdownMarker(tmp_path, records.forget, "monday")
    assert (tmp_path / "claim").read_text() == "monday"
    user.release(records.settle)
    assert (tmp_path / "claim").read_text() == ""
    assert (records.forgotten, records.settled) == (0, 1)


def test_dead_processes_are_no_reason_for_distrust(tmp_path: Path) -> None:
    records = Records()
    CleanShutdownMarker(tmp_path, records.forget, "monday").abandon()
    assert not CleanShutdownMarker(tmp_path, records.forget, "monday").forgot
    assert records.forgotten == 0


def test_a_machine_that_stopped_under_its_users_is(tmp_path: Path) -> None:
    records = Records()
    CleanShutdownMarker(tmp_path, records.forget, "monday").abandon()
    again = CleanShutdownMarker(tmp_path, records.forget, "tuesday")
    assert again.forgot
    assert records.forgotten == 1
    again.release(records.settle)
    assert not CleanShutdownMarker(tmp_path, records.forget, "wednesday").forgot


def test_only_the_last_user_says_that_all_is_well(tmp_path: Path) -> None:
    records = Records()
    first = CleanShutdownMarker(tmp_path, records.forget, "monday")
    second = CleanShutdownMarker(tmp_path, records.forget, "monday")
    first.release(records.settle)
    assert records.settled == 0
    assert (tmp_path / "claim").read_text() == "monday"
    second.release(records.settle)
    assert records.settled == 1


def test_users_at_work_keep_a_newcomer_from_judging(tmp_path: Path) -> None:
    records = Records()
    first = CleanShutdownMarker(tmp_path, records.forget, "monday")
    assert not CleanShutdownMarker(tmp_path, records.forget, "tuesday").forgot
    first.release(records.settle)
    assert records.forgotten == 0


def test_a_claim_that_cannot_be_judged_is_let_go(tmp_path: Path) -> None:
    def fails() -> None:
        raise PermissionError("not yours")

    CleanShutdownMarker(tmp_path, fails, "monday").abandon()
    with pytest.raises(PermissionError):
        CleanShutdownMarker(tmp_path, fails, "tuesday")
    records = Records()
    assert CleanShutdownMarker(tmp_path, records.forget, "tuesday").forgot


def test_a_system_that_does_not_name_its_boots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "BOOT_ID", tmp_path / "nothing")
    assert this_boot() == "unknown"
