"""One spelling per target, and no spelling that a second parser could read otherwise."""

from urllib.parse import unquote, unquote_to_bytes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.path import Ambiguous, canonical, split_target

PLAIN = [
    ("/", "/", ""),
    ("/api/health", "/api/health", ""),
    ("/api/health/", "/api/health/", ""),
    ("/api/health?", "/api/health", ""),
    ("/api/trpc/auth.login?batch=1", "/api/trpc/auth.login", "batch=1"),
    ("/a/...", "/a/...", ""),
    ("/.well-known/x", "/.well-known/x", ""),
    ("/a/.b..", "/a/.b..", ""),
    ("/a?x=../..//y", "/a", "x=../..//y"),
    ("/a?b?c", "/a", "b?c"),
    ("/a?%62atch=%31", "/a", "%62atch=%31"),
    ("/a?x=%2f%2C%26%3d+%2b&&=&x", "/a", "x=%2f%2C%26%3d+%2b&&=&x"),
    ("/a?x=<\\^`|>[\"']{}%", "/a", "x=<\\^`|>[\"']{}%"),
    ("/a?%0A%09%0d%FC%00=%c3%A9%zz", "/a", "%0A%09%0d%FC%00=%c3%A9%zz"),
]
RESPELLED = [
    ("/api/trpc/auth%2Elogin", "/api/trpc/auth.login", ""),
    ("/api/trpc/auth%2elogin", "/api/trpc/auth.login", ""),
    ("/%61%5f%7e%2D", "/a_~-", ""),
    ("/a%2Cb%2cc", "/a,b,c", ""),
    ("/%40me/%21%24%26%27%28%29%2a%2B%3D%3a", "/@me/!$&'()*+=:", ""),
    ("/a%20b", "/a%20b", ""),
    ("/%e4%bd%a0", "/%E4%BD%A0", ""),
    ("/100%25", "/100%25", ""),
    ("/a%3fb%23c", "/a%3Fb%23c", ""),
    ("/[a]|b^c", "/%5Ba%5D%7Cb%5Ec", ""),
]
REFUSED = [
    ("", "does not begin with a slash"),
    ("*", "does not begin with a slash"),
    ("a/b", "does not begin with a slash"),
    ("?x", "does not begin with a slash"),
    ("/a\x00", "must be percent-encoded"),
    ("/a b", "must be percent-encoded"),
    ("/a\tb", "must be percent-encoded"),
    ("/a\n", "must be percent-encoded"),
    ("/a?b\n", "must be percent-encoded"),
    ("/a?b c", "must be percent-encoded"),
    ("/a?b\x7f", "must be percent-encoded"),
    ("/{id}", "must be percent-encoded"),
    ("/" + "[" * 1025, "too many"),
    ("/caf\u00e9", "outside ASCII"),
    ("/a?x=\u00e9", "outside ASCII"),
    ("/\udcff", "outside ASCII"),
    ("/a#b", "fragment"),
    ("/a?b#c", "fragment"),
    ("/a\\b", "backslash"),
    ("/a%5cb", "backslash"),
    ("/a%2fb", "encoded slash"),
    ("/a%2Fb", "encoded slash"),
    ("/a;x=1", "semicolon"),
    ("/a/..;/b", "semicolon"),
    ("/a%3Bb", "semicolon"),
    ("/%", "begins no triplet"),
    ("/%4", "begins no triplet"),
    ("/%zz", "begins no triplet"),
    ("/%u0041", "begins no triplet"),
    ("/%00", "control character"),
    ("/a%0d%0Ab", "control character"),
    ("/%7f", "control character"),
    ("/%c2%85", "control character"),
    ("/%ff", "not UTF-8"),
    ("/%c0%ae%c0%ae/", "not UTF-8"),
    ("/%ed%a0%80", "not UTF-8"),
    ("/%f4%90%80%80", "not UTF-8"),
    ("/auth%252Elogin", "encoded twice"),
    ("/%25%32%46", "encoded twice"),
    ("/%25%2546", "encoded twice"),
    ("//", "empty segment"),
    ("//a", "empty segment"),
    ("/a//b", "empty segment"),
    ("/a//", "empty segment"),
    ("/.", "dot segment"),
    ("/..", "dot segment"),
    ("/a/./b", "dot segment"),
    ("/a/../b", "dot segment"),
    ("/a/..?x", "dot segment"),
    ("/a/%2e%2E/b", "dot segment"),
    ("/a/.%2e", "dot segment"),
    ("/%2e/", "dot segment"),
]


@pytest.mark.parametrize(("target", "path", "query"), PLAIN + RESPELLED)
def test_the_canonical_spelling(target: str, path: str, query: str) -> None:
    assert canonical(target) == (path, query)


@pytest.mark.parametrize(("target", "why"), REFUSED)
def test_a_target_with_two_readings_is_refused(target: str, why: str) -> None:
    with pytest.raises(Ambiguous, match=why):
        canonical(target)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a?b", (None, "/a?b")),
        ("//host/a", (None, "//host/a")),
        ("*", (None, "*")),
        ("http://any.host/api?x=1", ("any.host", "/api?x=1")),
        ("HTTPS://h:8443", ("h:8443", "/")),
        ("http://h?x", ("h", "/?x")),
        ("http://[::1]:80/", ("[::1]:80", "/")),
        ("http://h/http://i/", ("h", "/http://i/")),
    ],
)
def test_target_forms(target: str, expected: tuple[str | None, str]) -> None:
    assert split_target(target) == expected


@pytest.mark.parametrize(
    "target",
    [
        "",
        "host:443",
        "ftp://h/",
        "http:/h/",
        "http:///a",
        "http://u@h/",
        "http://u:p@h/",
        "http://h:x/",
        "http://h\\@i/",
        "http://h:/",
        "http://h#/",
        "http://a b/",
        "http://h:123456/",
        " /a",
    ],
)
def test_other_forms_are_refused(target: str) -> None:
    with pytest.raises(Ambiguous):
        split_target(target)


def lenient(path: str) -> list[str]:
    """How forgiving backends read a path: WHATWG URL rules (backslash, dot segments), decoded once, slashes merged."""
    path = path.replace("\\", "/")
    segments: list[str] = []
    for segment in path.split("/"):
        plain = segment.lower().replace("%2e", ".").partition(";")[0]
        if plain == "..":
            segments = segments[:-1]
        elif plain not in (".", ""):
            segments.append(segment)
    return "/".join(unquote(segment, errors="strict") for segment in segments).replace("\\", "/").split("/")


PIECES = (
    "/ // . .. /. a auth.login , %2C %2c %2E %2e %61 %2F %5C \\ %25 25 % %00 %C3%A9 %c3 %ff ; %3b @ %40 + %2B %20 %3F %23 "
    "# é ~ 2e ! %21 [ | %7C %E4%BD%A0 %c0%ae %41 41"
)
pieces = st.sampled_from(PIECES.split()) | st.sampled_from("a/ \0\n\t\x7f")
paths = st.lists(pieces, max_size=8).map(lambda parts: "/" + "".join(parts))
queries = st.lists(pieces | st.sampled_from(["&", "=", "batch", "?", "{", '"', "input=", "1"]), max_size=8).map("".join)


@given(paths, queries)
def test_canonical_twice_is_canonical_once(path: str, query: str) -> None:
    try:
        once = canonical(f"{path}?{query}")
    except Ambiguous:
        return
    assert canonical("?".join(once)) == once


@given(st.text(max_size=40))
def test_any_text_is_canonical_or_ambiguous_and_the_sentence_quotes_nothing_of_it(text: str) -> None:
    try:
        path, query = canonical("/" + text)
    except Ambiguous as problem:
        assert str(problem).isascii() and str(problem).isprintable() and len(str(problem)) < 100
        return
    assert (path + query).isascii() and (path + query).isprintable() and " " not in path + query


@given(paths)
def test_a_lenient_backend_reads_the_path_that_was_matched(raw: str) -> None:
    try:
        path, _ = canonical(raw)
    except Ambiguous:
        return
    segments = [unquote(segment, errors="strict") for segment in path.split("/")[1:]]
    assert lenient(path) == (segments if segments[-1] else segments[:-1] or [""])
    assert lenient(path) == lenient(raw)
    assert unquote(unquote(path)) == unquote(path)


@given(paths, paths)
def test_no_two_spellings_of_one_path_are_matched_apart(one: str, other: str) -> None:
    try:
        first, second = canonical(one)[0], canonical(other)[0]
    except Ambiguous:
        return
    assert (unquote_to_bytes(first) == unquote_to_bytes(second)) == (first == second)


@given(st.text("abcxyzABC019-._~!$&'()*+,=:@/", min_size=1, max_size=12), st.data())
def test_encoding_any_part_of_a_path_changes_nothing(plain: str, data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(["keep", "upper", "lower"]), min_size=len(plain), max_size=len(plain)))
    spelled = "".join(
        character
        if how == "keep" or character == "/"
        else (f"%{ord(character):02X}" if how == "upper" else f"%{ord(character):02x}")
        for character, how in zip(plain, chosen, strict=True)
    )
    try:
        expected = canonical("/" + plain)
    except Ambiguous:
        with pytest.raises(Ambiguous):
            canonical("/" + spelled)
        return
    assert canonical("/" + spelled) == expected


@given(queries)
def test_a_query_is_left_as_it_came(query: str) -> None:
    try:
        _, after = canonical("/?" + query)
    except Ambiguous:
        assert any(character in query for character in "# \0\n\t\x7fé")
        return
    assert after == query


@given(
    st.lists(
        st.sampled_from(
            [0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xEE, 0xF0, 0xF4, 0xF5]
        )
    )
)
def test_triplets_pass_where_python_decodes_them(octets: list[int]) -> None:
    path = "/" + "".join(f"%{octet:02X}" for octet in octets if octet != 0x7F)
    try:
        text = unquote_to_bytes(path).decode()
    except UnicodeDecodeError:
        text = "\x80"
    if any("\x80" <= character < "\xa0" for character in text):
        with pytest.raises(Ambiguous):
            canonical(path)
    else:
        assert unquote_to_bytes(canonical(path)[0]) == unquote_to_bytes(path)
