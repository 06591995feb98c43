"""Field lines hold exactly the fields they were made of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gateway.core.field_lines import FieldLines

names = st.from_regex(rb"[a-z][a-z-]{0,8}", fullmatch=True).filter(lambda name: name != b"vary")
values = st.from_regex(rb"[!-~]([ -~]{0,8}[!-~])?", fullmatch=True)


@given(st.lists(st.tuples(names, values)), st.lists(values, max_size=3))
def test_every_field_is_one_line_and_vary_is_kept_apart(fields: list[tuple[bytes, bytes]], vary: list[bytes]) -> None:
    lines = FieldLines.of([*fields, *((b"vary", value) for value in vary)])
    assert lines.raw == b"".join(b"%b: %b\r\n" % field for field in fields)
    assert lines.vary == b",".join(vary)
    assert lines.names == {name for name, _ in fields} | ({b"vary"} if vary else set())
    assert lines.pairs == ([(b"vary", b",".join(vary))] if vary else []) + fields
