"""Bounds of bodies that are compared, and what the stage that serves does: what passes now and did not before was called looser."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.exchange import Exchange
from gateway.policy import body
from gateway.policy.base.order import Effect, compared

_WRITTEN = st.builds(
    body.Settings.model_validate,
    st.fixed_dictionaries(
        {},
        optional={
            "max": st.sampled_from((0, 10, 20)),
            "types": st.lists(st.sampled_from(("application/json", "audio/webm", "audio/*", "text/plain")), max_size=3),
            "without_content": st.lists(st.sampled_from(("GET", "POST")), max_size=2, unique=True),
            "query": st.fixed_dictionaries(
                {}, optional={"max": st.sampled_from((3, 9)), "parameters": st.sampled_from((1, 2))}
            ),
        },
    ),
)


class Declared:
    """A body of a declared length."""

    complete = False
    limit: int | None = None

    def __init__(self, length: int) -> None:
        self.length = length


@settings(max_examples=300)
@given(
    _WRITTEN,
    _WRITTEN,
    st.one_of(st.none(), st.sampled_from((5, 15, 25))),
    st.sampled_from(("GET", "POST")),
    st.sampled_from(("", "a=1", "a=1&b=2", "a=12345678")),
    st.sampled_from((b"application/json", b"audio/webm", b"audio/ogg", b"text/plain", b"text/html")),
)
def test_what_passes_now_and_did_not_before_was_called_looser(
    old: body.Settings, new: body.Settings, length: int | None, method: str, query: str, media_type: bytes
) -> None:
    def passes(written: body.Settings) -> bool:
        exchange = Exchange(method, "/", {b"content-type": media_type}, "192.0.2.1", 0.0)
        exchange.query = query
        exchange.stream = None if length is None else Declared(length)
        return body.build("json", written, None).on_request(exchange) is None  # type: ignore[arg-type]  # needs no tools

    if passes(new) and not passes(old):
        assert Effect.LOOSENS in [change.effect for change in compared(old, new)]
