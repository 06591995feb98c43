"""Operators see which fields stay behind: each once, and no more than the bound however many a client makes up."""

from gateway.proxy.upstream.withheld import LONGEST, MOST, WithheldFields


def test_a_name_is_reported_once() -> None:
    events: list[tuple[str, str]] = []
    withheld = WithheldFields(lambda name, header: events.append((name, header)))
    for name in (b"x-odd", b"x-other", b"x-odd"):
        withheld.add(name)
    assert events == [("header_withheld", "x-odd"), ("header_withheld", "x-other")]


def test_made_up_names_are_bounded_in_number_and_length() -> None:
    events: list[str] = []
    withheld = WithheldFields(lambda name, header: events.append(header))
    for number in range(1000):
        withheld.add(b"x-made-up-%d-" % number + b"y" * 5000)
    assert len(events) == MOST
    assert max(map(len, events)) == LONGEST
