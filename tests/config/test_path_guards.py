"""What one route has that keeps requests out and another has not, and which patterns may meet."""

import pytest

from gateway.config.model import Route, UpstreamSettings
from gateway.config.path_guards import PathGuards, methods_of, missing, overlap
from gateway.core.path_reading import SAME, PathReading

ALL = PathReading()
PLAIN = Route("plain", paths=("/a",), policies={"auth": (), "rate_limits": ("few",)})


def with_policies(**policies: tuple[str, ...]) -> Route:
    return Route("other", paths=("/a",), policies={**PLAIN.policies, **policies})


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (with_policies(), ""),
        (with_policies(auth=("token",)), "auth"),
        (with_policies(rate_limits=()), ""),
        (with_policies(rate_limits=("few", "fewer")), "rate_limits"),
        (with_policies(lockouts=("accounts",), bodies=("json",)), "body, lockout"),
        (with_policies(cors=("app",)), "cors"),
        (with_policies(response_headers=("secure",)), ""),
        (Route("closed", paths=("/a",), deny="closed"), "deny"),
    ],
)
def test_what_is_missing(other: Route, expected: str) -> None:
    assert missing(PLAIN, other) == expected
    assert missing(Route("closed", deny="closed"), other) == ""


def test_another_policy_of_a_kind_is_a_missing_one() -> None:
    assert missing(with_policies(auth=("partner",)), with_policies(auth=("token",))) == "auth"


def test_head_comes_with_get_on_paths() -> None:
    assert methods_of(Route("a", paths=("/a",), methods=("GET", "PUT"))) == {"GET", "HEAD", "PUT"}
    assert methods_of(Route("a", procedures=("a.b",), methods=("GET", "POST"))) == {"GET", "POST"}


@pytest.mark.parametrize(
    ("pattern", "guarded", "reading", "expected"),
    [
        ("/a/*", "/a/b", SAME, True),
        ("/a/*", "/A/b", SAME, False),
        ("/a/*", "/A/b", ALL, True),
        ("/A/b/*", "/a/*", ALL, True),
        ("/A/b/*", "/a/c/*", ALL, False),
        ("/a/*", "/ab", ALL, False),
        ("/a/*", "/a", ALL, True),
        ("/*", "/x/y/*", SAME, True),
        ("/a", "/a", ALL, False),
    ],
)
def test_patterns_that_may_meet(pattern: str, guarded: str, reading: PathReading, expected: bool) -> None:
    assert overlap(pattern, guarded, reading) is expected


UNDIVIDED = Route("files", paths=("/files/*", "/files/x", "/more/*"))


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ([], {"/files/", "/more/"}),
        ([Route("other", paths=("/*", "/fileset/*", "/file"))], {"/files/", "/more/"}),
        ([Route("by method", paths=("/files/*",), methods=("PUT",))], {"/files/", "/more/"}),
        ([Route("below", paths=("/files/y",))], {"/more/"}),
        ([Route("below", paths=("/FILES/Y/*",))], {"/more/"}),
        ([Route("closed", paths=("/more/y/*",), deny="closed")], {"/files/"}),
        ([Route("there", paths=("/files",))], {"/more/"}),
        ([Route("rewritten", paths=("/z",), rewrite="/files/secret")], {"/more/"}),
        ([Route("inside", listener="egress", paths=("/files/y",))], {"/files/", "/more/"}),
    ],
)
def test_patterns_that_nothing_else_is_named_below(others: list[Route], expected: set[str]) -> None:
    assert PathGuards([UNDIVIDED, *others], {}, {}).undivided(UNDIVIDED) == expected


def test_procedures_are_named_below_their_prefix() -> None:
    upstream = UpstreamSettings.model_validate({"endpoints": [{"url": "http://h"}], "trpc": {"prefix": "/api/trpc"}})
    everything = Route("everything", paths=("/*", "/api/*", "/files/*"))
    assert PathGuards([everything], {"api": upstream}, {}).undivided(everything) == {"/files/"}
