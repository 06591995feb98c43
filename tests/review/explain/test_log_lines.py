"""Lines of a log by the id of a request."""

import io
import json

from gateway.review.explain.log_lines import LONGEST, line_of


def test_the_line_of_a_request_is_found_among_others() -> None:
    wanted = {"event": "request", "id": "b", "reason": "rate_limited"}
    lines = [
        "not json, with a b in it",
        json.dumps({"event": "request", "id": "ab"}),
        json.dumps({"event": "bug", "id": "b"}),
        "[1]",
        f"2026-11-28T00:00:00Z stdout F {json.dumps(wanted)}",
        json.dumps({"event": "request", "id": "b", "later": True}),
    ]
    assert line_of(io.BytesIO("\n".join(lines).encode()), "b") == wanted
    assert line_of(io.BytesIO(b""), "b") is None


def test_an_endless_line_takes_no_more_memory_than_a_long_one() -> None:
    class Endless(io.BytesIO):
        most = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            self.most = max(self.most, size or 0)
            return super().readline(size)

    file = Endless(b"b" * (3 * LONGEST))
    assert line_of(file, "b") is None
    assert file.most == LONGEST
