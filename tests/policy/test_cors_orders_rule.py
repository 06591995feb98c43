"""Origins that are compared, and what the stage that serves does: what passes now and did not before was called looser."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.core.verdict import Refusal
from gateway.policy.base.order import Effect, compared
from gateway.policy.cors import Settings
from tests.policy.cors_requests import policy, request

_HOSTS = ("a.app", "b.a.app", "c.b.a.app", "a.app.evil.example", "xa.app")
_ORIGINS = [f"{scheme}://{host}{port}" for scheme in ("https", "http") for host in _HOSTS for port in ("", ":8443")]
_PATTERNS = ["https://*.a.app", "http://*.a.app", "https://*.b.a.app", "https://*.a.app:8443", "*"]
_WRITTEN = st.fixed_dictionaries(
    {
        "origins": st.lists(st.sampled_from((*_ORIGINS, *_PATTERNS)), max_size=4, unique=True),
        "no_origin": st.sampled_from(("allow", "refuse")),
        "cross_site": st.sampled_from(("allow", "navigate", "refuse")),
        "credentials": st.just(False),
    }
)


@settings(max_examples=200)
@given(
    _WRITTEN,
    _WRITTEN,
    st.sampled_from((None, *_ORIGINS)),
    st.sampled_from(
        ({}, {"sec_fetch_site": b"cross-site", "sec_fetch_mode": b"navigate", "sec_fetch_dest": b"document"})
    ),
)
def test_what_passes_now_and_did_not_before_was_called_looser(
    one: dict[str, object], other: dict[str, object], origin: str | None, fields: dict[str, bytes]
) -> None:
    def passes(written: dict[str, object]) -> bool:
        sent = request(origin and origin.encode(), "GET", **fields)
        return not isinstance(policy(**written).on_request(sent), Refusal)

    if passes(other) and not passes(one):
        found = compared(Settings.model_validate(one), Settings.model_validate(other))
        assert Effect.LOOSENS in [change.effect for change in found]
