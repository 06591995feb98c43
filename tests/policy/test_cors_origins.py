"""Origins as they are written, and which of all there are come under a pattern."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gateway.policy.cors import Settings
from tests.policy.cors_requests import APP, decide, granted, policy


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("HTTPS://Linguamate.App", ("https://linguamate.app",)),
        ("https://linguamate.app:443", ("https://linguamate.app",)),
        ("http://localhost:80", ("http://localhost",)),
        ("https://bücher.example", ("https://xn--bcher-kva.example",)),
        ("https://*.Bücher.example:8443", ("https://*.xn--bcher-kva.example:8443",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("capacitor://localhost", ("capacitor://localhost",)),
        (" https://a.example , https://b.example,, ", ("https://a.example", "https://b.example")),
        ("", ()),
    ],
)
def test_origins_are_read_into_one_spelling(written: str, canonical: tuple[str, ...]) -> None:
    assert Settings(origins=[written]).origins == canonical  # type: ignore[arg-type]  # a list, as YAML has it


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("null", "cannot be allowed"),
        ("linguamate.app", "is not an origin"),
        ("https://linguamate.app/", "is not an origin"),
        ("https://linguamate.app/path", "is not an origin"),
        ("https://user@linguamate.app", "is not an origin"),
        ("https://linguamate.app:0", "is not an origin"),
        ("https://linguamate.app:70000", "is not an origin"),
        ("https://*linguamate.app", "is not an origin"),
        ("https://*-pr.linguamate.app", "is not an origin"),
        ("https://a.*.linguamate.app", "is not an origin"),
        ("https://*", "is not an origin"),
        ("https://*.*.app", "is not an origin"),
        ("*://linguamate.app", "is not an origin"),
        ("https://*.app", "is too wide"),
        ("https://*.0.0.1", "no subdomains"),
        ("https://straße.example", "xn--"),
        ("https://\u03c3\u03c2.example", "xn--"),
        ("https://" + "ü" * 70 + ".example", "xn--"),
    ],
)
def test_origins_that_mean_less_or_more_than_they_say_are_refused_at_load(written: str, sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate({"origins": [written]})


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"origins": ["*"]}, "credentials cannot be combined"),
        ({"origins": "https://a.example"}, "tuple"),
        ({"origins": [7]}, "string"),
        ({"methods": ["get"]}, "is not a method"),
        ({"methods": ["*"]}, "is not a method"),
        ({"methods": ["GET POST"]}, "is not a method"),
        ({"request_headers": ["*"]}, "name the headers"),
        ({"expose_headers": ["x\r\ny"]}, "is not a header name"),
        ({"no_origin": "maybe"}, "allow"),
        ({"orgins": []}, "Extra"),
    ],
)
def test_other_mistakes_are_refused_at_load(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Settings.model_validate({**APP, **changed})


_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9])?")
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)


@settings(deadline=None)
@given(st.lists(labels, min_size=1, max_size=5))
def test_every_subdomain_is_admitted_and_its_lookalike_is_not(names: list[str]) -> None:
    host = ".".join(names)
    assert decide(f"https://{host}.linguamate.app".encode())[0] == ""
    for lookalike in (
        f"https://{host}linguamate.app",
        f"https://linguamate.app.{host}",
        f"https://{host}.linguamate.app.{host}",
    ):
        if not lookalike.endswith(".linguamate.app"):
            assert decide(lookalike.encode())[0] == "origin_refused"


@settings(deadline=None)
@given(st.binary(max_size=40).map(lambda noise: b"https://" + noise + b".linguamate.app") | st.binary(max_size=60))
def test_every_admitted_origin_is_a_plain_host_under_the_domain(origin: bytes) -> None:
    slug, answer = decide(origin)
    if not slug:
        named = dict(answer)[b"access-control-allow-origin"]
        assert named == origin
        host = named.decode("ascii").lower().removeprefix("https://")
        # underscores too: such names resolve (core/origin)
        assert host.endswith(".linguamate.app") and all(_LABEL.fullmatch(label) for label in host.split("."))


SENT = [
    b"https://my_app.example.com",
    b"https://LINGUAMATE.app.",
    b"http://[::1]:3000",
    b"safari-web-extension://E4F1C2D3-0000-4A5B-8C9D-0123456789AB",
    b"chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    b"moz-extension://f3b1c2d4-0000-4a5b-8c9d-0123456789ab",
    b"capacitor://localhost",
    b"tauri://localhost",
    b"http://tauri.localhost",
    b"app://.",
    b"file://",
]


@pytest.mark.parametrize("origin", SENT)
def test_every_form_of_origin_is_echoed_byte_for_byte_where_it_is_listed(origin: bytes) -> None:
    listed = policy(origins=[origin.decode()])
    for _ in range(2):
        assert decide(origin, listed) == ("", granted(origin))
    for other in SENT:
        assert (decide(other, listed)[0] == "") == (other == origin)
        assert decide(other, policy())[0] == "origin_refused"
    assert decide(b"null", listed)[0] == "origin_refused"
