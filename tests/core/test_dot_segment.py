"""What some reader takes for a dot segment, and what none does."""

from urllib.parse import unquote

import pytest

from gateway.core.dot_segment import leads_up
from gateway.core.path import Ambiguous, canonical


@pytest.mark.parametrize(
    "text",
    ["/a/../b", "/a/.", "/a/.. /b", "/a/ .", "/a/..+", "/a/\u2025", "/a/\uff0e\uff0e/b", "/a\uff0f..\uff0fb", "/a\xa5..", "/a/..\u200b", "/a/..?x", "/a/..;v",
     "/a/..:", "/a/%2\te./b", "/a/%\u200b2e", "/a/..."],
)  # fmt: skip
def test_what_may_be_a_dot_segment(text: str) -> None:
    assert leads_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "/a/b",
        "/a/.b",
        "/a/b.",
        "/a/..b",
        "/a/b..c/",
        "/a/. b",
        "/a/100% b",
        "/a/+",
        "/a/ ",
        "/é/ü.png",
        "/\u2026und so",
    ],
)
def test_what_is_none(text: str) -> None:
    assert not leads_up(text)


@pytest.mark.parametrize(
    "path",
    [
        "/f/..%20/x",
        "/f/%20..",
        "/f/%E2%80%A5/x",
        "/f/a%EF%BC%8F..",
        "/f/%EF%BC%8E",
        "/f/..%E2%80%8B/x",
        "/f/..%3Fx",
        "/f/%25%E2%80%8B2e",
        "/f/%252%E2%80%8Be",
    ],
)
def test_a_path_with_one_has_no_canonical_spelling(path: str) -> None:
    with pytest.raises(Ambiguous, match="dot segment"):
        canonical(path)


def test_names_with_dots_and_other_scripts_have_theirs() -> None:
    for path in (
        "/f/%C3%A9.png",
        "/f/a..b%20c",
        "/f/.well-known/%20x",
        "/f/%E2%80%A6und%20so",
        "/f/.../x",
        "/f/100%25%20.x",
    ):
        assert canonical(path)[0] == path, unquote(path)


def test_of_very_long_paths_only_those_without_a_sign_of_one_are_taken() -> None:
    assert canonical("/f/" + "%20" * 2000)[0] == "/f/" + "%20" * 2000
    assert canonical("/f/" + "%20" * 1000 + ".%20x")[0].endswith(".%20x")
    with pytest.raises(Ambiguous):
        canonical("/f/" + "%20" * 2000 + ".%20x")
