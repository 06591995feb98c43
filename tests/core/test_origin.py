"""Every form of origin that browsers, extensions and the shells of apps send, and what never comes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.origin import canonical_origin, parse_origin

SENT = [
    "https://linguamate.app",
    "http://localhost:8081",
    "https://my_app.example.com",
    "https://_acme.example.com",
    "https://xn--bcher-kva.example",
    "https://linguamate.app.",
    "https://intranet",
    "https://127.0.0.1:8443",
    "http://[::1]:3000",
    "http://[2001:db8::1]",
    "http://[::ffff:7f00:1]",
    "http://[64:ff9b::c000:221]",
    "https://" + ".".join(["a" * 63] * 3 + ["b" * 61]),
    "https://r3---sn-4g5e6nzl.example",
    "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
    "moz-extension://f3b1c2d4-0000-4a5b-8c9d-0123456789ab",
    "safari-web-extension://E4F1C2D3-0000-4A5B-8C9D-0123456789AB",
    "capacitor://localhost",
    "ionic://localhost",
    "tauri://localhost",
    "http://tauri.localhost",
    "app://.",
    "app://obsidian.md",
    "app://",
    "file://",
    "exp://192.168.1.5:8081",
    "vscode-webview://1a2b3c",
    "wails://wails.localhost:34115",
    "ms-appx-web://app_1.0~x",
    "https://a.example:65535",
]


@pytest.mark.parametrize("origin", SENT)
def test_what_is_sent_can_be_configured_as_it_is_sent(origin: str) -> None:
    assert canonical_origin(origin) == origin.lower()
    parsed = parse_origin(origin)
    assert parsed is not None and str(parsed) == origin.lower()
    assert parse_origin(origin.upper()) == parsed


def test_one_origin_has_one_spelling_and_its_neighbours_have_others() -> None:
    assert len({parse_origin(origin) for origin in SENT}) == len(SENT)
    for one, other in (
        ("https://a.example", "https://a.example."),
        ("https://a.example", "http://a.example"),
        ("https://a.example", "https://a.example:8443"),
        ("https://a_b.example", "https://a-b.example"),
        ("app://.", "app://"),
        ("http://[::1]", "http://[::2]"),
    ):
        assert parse_origin(one) != parse_origin(other)


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("https://a.example:443", "https://a.example"),
        ("http://a.example:80", "http://a.example"),
        ("http://a.example:443", "http://a.example:443"),
        ("capacitor://localhost:80", "capacitor://localhost:80"),
        ("http://[0:0:0:0:0:0:0:1]:3000", "http://[::1]:3000"),
        ("http://[2001:DB8:0::1]", "http://[2001:db8::1]"),
        ("http://[::ffff:127.0.0.1]", "http://[::ffff:7f00:1]"),
        ("https://Bücher.example", "https://xn--bcher-kva.example"),
        ("https://*.Example.app", "https://*.example.app"),
        ("https://*.example.app.", "https://*.example.app."),
    ],
)
def test_a_configured_origin_is_read_into_the_spelling_of_browsers(written: str, canonical: str) -> None:
    assert canonical_origin(written) == canonical


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("null", "cannot be allowed"),
        ("data:text/html,x", "pages of data: send null"),
        ("blob:https://a.example/x", "pages of blob: send null"),
        ("about:blank", "send null"),
        ("wss://a.example", "so write https://a.example"),
        ("ws://localhost:3000", "so write http://localhost:3000"),
        ("https://a.example/", "write https://a.example$"),
        ("https://a.example/app/?x#y", "write https://a.example$"),
        ("https://user:pass@a.example", "write https://a.example$"),
        ("file:///index.html", "write file://$"),
        ("HTTPS://A.example/", "write https://A.example$"),
        ("a.example", "write scheme://host"),
        ("capacitor:localhost", "write scheme://host"),
        ("https://", "write scheme://host"),
        ("https://.", "write scheme://host"),
        ("https://a..example", "write scheme://host"),
        ("https://a.example:*", "write scheme://host"),
        ("https://a.example:0443", "write scheme://host"),
        ("https://a.example:99999", "write scheme://host"),
        ("https://a%2eb.example", "write scheme://host"),
        ("https://a b.example", "write scheme://host"),
        ("chrome-extension://*", "whole labels"),
        ("https://*", "whole labels"),
        ("https://preview-*", "whole labels"),
        ("http://[fe80::1%25eth0]", "no zones"),
        ("http://[::g]", "write scheme://host"),
        ("http://127.1", "four numbers"),
        ("http://0x7f.0.0.1", "four numbers"),
        ("http://010.0.0.1", "four numbers"),
        ("http://256.1.1.1", "four numbers"),
        ("https://a.example.1", "four numbers"),
        ("https://*.0.0.1", "no subdomains"),
        ("https://*.app", "too wide"),
    ],
)
def test_what_can_never_match_is_refused_with_what_to_write(written: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        canonical_origin(written)


@given(st.text(max_size=40))
def test_an_origin_that_parses_is_its_own_spelling(text: str) -> None:
    origin = parse_origin(text)
    if origin is not None:
        assert str(origin) == text.lower()
        assert parse_origin(str(origin)) == origin


@given(st.from_regex(r"(https?|app|x-y)://[a-z0-9._*\[\]:-]{0,20}(:[0-9]{1,5})?", fullmatch=True))
def test_what_is_configured_stays_as_it_is_when_it_is_read_again(text: str) -> None:
    try:
        canonical = canonical_origin(text)
    except ValueError as problem:
        assert str(problem).startswith(("is ", "has "))
        return
    assert canonical_origin(canonical) == canonical
    assert parse_origin(canonical) is not None
