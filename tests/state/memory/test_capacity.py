"""Room in the store in memory, and what is swept for it."""

from gateway.state.memory.capacity import ExpiringRecords, MemoryCapacity
from tests.processor_time import takes_at_most


def records(count: int, ends: float = 10.0) -> ExpiringRecords[int, float]:
    made: ExpiringRecords[int, float] = ExpiringRecords(lambda end, now: end <= now)
    made.held.update(dict.fromkeys(range(count), ends))
    return made


def test_a_sweep_goes_on_where_the_last_one_stopped() -> None:
    one = records(4)
    one.held[1] = one.held[3] = 1.0
    assert [one.sweep(5.0, 2), one.sweep(5.0, 2), one.sweep(5.0, 2)] == [1, 1, 0]
    assert set(one.held) == {0, 2}


def test_each_part_has_its_share_of_a_sweep() -> None:
    few, many = records(10, 1.0), records(990)
    assert MemoryCapacity(1000, few, many).sweep(5.0, 100) == 1


def test_a_full_store_is_swept_once_a_second_however_many_keys_are_new() -> None:
    looked = 0

    class Counted(ExpiringRecords[int, float]):
        def sweep(self, now: float, budget: int) -> int:
            nonlocal looked
            looked += 1
            return super().sweep(now, budget)

    full: ExpiringRecords[int, float] = Counted(lambda end, now: end <= now)
    full.held.update(dict.fromkeys(range(50), 10.0))
    room = MemoryCapacity(50, full)
    assert not any(room.has_room(1, 5.0 + step / 1000) for step in range(900))
    assert (looked, room.refused_full) == (1, 900)
    assert room.has_room(0, 5.5)
    assert room.has_room(1, 10.0)
    assert len(room) == 0


def test_a_clock_that_was_set_back_keeps_no_sweep_from_being_made() -> None:
    room = MemoryCapacity(1, records(1, 2.0))
    assert not room.has_room(1, 1.0)
    assert not room.has_room(1, 0.5)
    assert room.has_room(1, 2.5)


def test_what_is_new_is_counted_in_the_time_of_what_is_asked_for() -> None:
    many = records(200_000)
    asked = {1, 300_000}
    assert many.fresh(asked) == 1
    assert takes_at_most(0.02, lambda: [many.fresh(asked) for _ in range(1000)]), "however much is held"
