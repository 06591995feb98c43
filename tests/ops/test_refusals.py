"""The last refusals that are kept for whoever asks about one."""

from gateway.ops.refusals import PERSONAL, RecentRefusals

LINE = {"id": "a", "reason": "no_route", "path": "/x", **dict.fromkeys(PERSONAL, "198.51.100.9")}


def test_what_says_whose_it_was_is_not_kept() -> None:
    refusals = RecentRefusals()
    refusals.note(LINE)
    assert refusals.find("a") == {"id": "a", "reason": "no_route", "path": "/x"}
    refusals.note({**LINE, "id": "b"})
    refusals.strip()
    assert "198.51.100.9" not in f"{refusals._fresh}{refusals._kept}"
    assert refusals.find("c") is None


def test_the_latest_are_kept_and_no_more_than_so_many() -> None:
    refusals = RecentRefusals(3)
    for number in range(10):
        refusals.note({"id": str(number)})
    assert [refusals.find(str(number)) is not None for number in range(10)] == [False] * 7 + [True] * 3
    refusals.note({"id": "9", "again": True})
    assert refusals.find("9") == {"id": "9", "again": True}
