"""What goes upstream as it was sent, and that no reading of it leads out of the pattern that took it."""

import unicodedata
from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.path import Ambiguous, canonical
from gateway.core.path_sent import below, sent_path, stays_below, unspelled_query


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/a%2Bb?x=%2f", ("/a%2Bb", "x=%2f")),
        ("http://h:80/%7e?", ("/%7e", "")),
        ("http://h?x", ("/", "x")),
    ],
)
def test_path_and_query_of_a_target(target: str, found: tuple[str, str]) -> None:
    assert sent_path(target) == found


def test_only_what_is_named_is_respelled() -> None:
    assert below("/", "/%61/%62") == "/%61/%62"
    assert below("/a/", "/%61/%62") == "/a/%62"
    assert below("/a/b/", "/%61/%62/") == "/a/b/"
    assert below("/a/", "/%61//x/") == "/a//x/"


@pytest.mark.parametrize(
    ("target", "query"),
    [
        ("/a;b?x=%", "x=%"),
        ("/a%2Fb", ""),
        ("//a/[1]|^", ""),
        ("http://h/a;b?c", "c"),
        ("/a b", None),
        ("/{a}", None),
        ("/<a>", None),
        ("/a\\b", None),
        ("/a;#b", None),
        ("/é", None),
        ("a;b", None),
        ("*", None),
        ("ftp://h/a;b", None),
        ("/a;b?c d", None),
    ],
)
def test_targets_that_the_url_standard_gives(target: str, query: str | None) -> None:
    assert unspelled_query(target) == query


def test_a_reading_may_differ_but_not_lead_away() -> None:
    for rest in (
        "a%2Fb",
        "a;b",
        "a//b",
        "/a",
        "a/",
        "a%00b",
        "%FCber",
        "100%",
        "a%5Cb",
        "a%2500",
        "a..b;c",
        "a%3F/b",
        "....x%2f",
        "100%+x",
        "C++;v=1",
        "50%%20off",
    ):
        assert stays_below("/f/", f"/f/{rest}"), rest
    for rest in (
        "",
        "/",
        ";a",
        "%2F",
        "%5c%2f",
        "%00",
        "%20;",
        "..",
        ".",
        "a/.;/b",
        "..%3f/b",
        ".%2e",
        "%25252525252e%2f",
        "%c0%af..",
        "%u002e",
        "%2%09e%2%09e/x",
        "%2%FFe%2%E2%80%8Be/x",
        "x%2%0Af..%2%0Afb",
        "%25%0932e./x",
        "..+/x",
        "a/+..",
        "%C2%A5..%C2%A5x",
        "a/..%E1%A0%8E/b",
        "a/..%CD%8F/b",
    ):
        assert not stays_below("/f/", f"/f/{rest}"), rest
    assert stays_below("/f/", "/f/" + "%2F".join(["a"] * 1000)) and not stays_below(
        "/f/", "/f/" + "%2F".join(["a"] * 1100)
    )


@pytest.mark.parametrize(
    "path", ["//evil.example/a", "/%2Fevil.example/a", "/%5cevil.example", "/;/a", "/%09/evil.example"]
)
def test_below_the_root_the_first_segment_is_no_host(path: str) -> None:
    assert not stays_below("/", path)
    assert stays_below("/", "/a%2Fb")


def readings(path: str) -> list[str]:
    """What forgiving readers make of a path, in any order that frameworks and servers have: normal forms without dot segments."""
    found = {path}
    for _ in range(3):
        for text in list(found):
            found |= {
                unquote(text, errors="replace"),
                unquote(text, errors="ignore"),
                unquote_to_bytes(text).decode("latin-1") if text.isascii() else text,
                text.replace("\\", "/"),
                text.partition("\0")[0],
                text.partition("?")[0].partition("#")[0],
                "/".join(segment.partition(";")[0] for segment in text.split("/")),
                "".join(character for character in text if character not in "\t\r\n\ufffd"),
                text.replace("+", " "),
                unicodedata.normalize("NFKC", text),
                "/".join(segment.rstrip(" .") if segment.strip(". ") else segment for segment in text.split("/")),
            }
    return sorted({resolved(text) for text in found})


def resolved(text: str) -> str:
    segments: list[str] = []
    for segment in text.split("/"):
        bare = segment.strip(" ")
        if bare == "..":
            segments = segments[:-1]
        elif bare not in (".", ""):
            segments.append(segment)
    return "/" + "/".join(segments)


pieces = st.sampled_from(
    [
        "/",
        "//",
        ".",
        "..",
        ";",
        ":",
        "%2F",
        "%2f",
        "%5C",
        "%2e",
        "%2E",
        "%252e",
        "%252f",
        "%25",
        "%",
        "%00",
        "%09",
        "%2",
        "e",
        "+",
        "%0A",
        "%20",
        "%FF",
        "%c0%ae",
        "%3B",
        "%3F",
        "%23",
        "%E2%80%A5",
        "%EF%BC%8F",
        "%EF%BC%8E",
        "a",
        "b",
        "x",
        ";v=1",
        "[",
        "|",
    ]
)


@given(st.lists(pieces, max_size=8).map("".join))
def test_no_reader_leaves_the_pattern(rest: str) -> None:
    path = f"/f/{rest}"
    if stays_below("/f/", path):
        assert all(reading.startswith("/f/") for reading in readings(path)), readings(path)


named = st.lists(
    st.sampled_from(["a", "b", "+", "@", "~", ",", "%2B", "%2b", "%40", "%7E", "%61", "%62", "/", ".", "-", "%C3%A9"]),
    max_size=8,
).map("".join)


@given(named)
def test_what_is_forwarded_is_read_as_what_was_matched(rest: str) -> None:
    try:
        path, _ = canonical(f"/%61/{rest}")
    except Ambiguous:
        return
    assert path.startswith("/a/")
    kept = below("/a/", f"/%61/{rest}")
    assert canonical(kept)[0] == path
    assert kept.removeprefix("/a/") == rest
