"""Which spellings of a path an upstream may read as one, and which patterns they are then read to match."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.path import Ambiguous, canonical
from gateway.core.path_reading import SAME, PathReading, PathsByReading, read_as
from tests.processor_time import takes_at_most

ALL = PathReading()
CASE = PathReading(case=True, slash=False, suffix=False)
SLASH = PathReading(case=False, slash=True, suffix=False)
SUFFIX = PathReading(case=False, slash=False, suffix=True)

ADMIN = PathsByReading([("/api/admin", "admin")], ALL)


def found(pattern: str, path: str, reading: PathReading = ALL) -> list[str]:
    return [spelling for spelling, _ in PathsByReading([(pattern, None)], reading).find(path)]


def test_a_slash_of_another_script_separates_segments_of_any_length() -> None:
    assert found("/api/trpc/*", "/api/trpc%EF%BC%8F" + "lessons." * 9) != []
    assert found("/api/trpc/*", "/api/trpc%EF%BC%8F" + "lessons." * 9, SLASH) == []


@pytest.mark.parametrize(
    "path",
    [
        "/api/admin",
        "/api/ADMIN",
        "/API/admin",
        "/api/admin/",
        "/api/admin.",
        "/api/admin..",
        "/api/admin%20",
        "/api/admin.%20/",
        "/api/admin.json",
        "/api/Admin.tar.gz/",
        "/api/adm%C4%B1n",
        "/api/ADM%C4%B0N",
        "/api/%EF%BD%81dmin",
        "/api/admin%3Fx=1",
        "/api/admin%23x",
        "/api/admin%C2%A0",
        "/api%EF%BC%8Fadmin",
        "/api/admin%EF%BC%9Fx",
        "/api/admin%EF%BC%83",
        "/api/admin%EF%BC%9F" + "x" * 60,
        "/api/admin%EF%BC%83" + "x" * 60,
        "/api/admin::$DATA",
    ],
)
def test_read_as_the_guarded_path(path: str) -> None:
    assert canonical(path)[0] == path, "the gateway takes it"
    assert [payload for _, payload in ADMIN.find(path)] == ["admin"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/admins",
        "/api/admin/x",
        "/api",
        "/api/",
        "/",
        "/admin",
        "/api/adm",
        "/api/.admin",
        "/api/xadmin",
        "/api/-admin",
    ],
)
def test_read_as_another_path(path: str) -> None:
    assert list(ADMIN.find(path)) == []


@pytest.mark.parametrize(
    "target",
    [
        "/api//admin", "/api/./admin", "/api/x/../admin", "/api/admin;x", "/api/admin%3Bx", "/api/admin%2F", "/api%5Cadmin",
        "/api/admin%00", "/api/admin/..;/", "/api/%2e/admin", "/api/admin//", "/api/%2561dmin", "/api/admin#x", "/api/admin%",
    ],
)  # fmt: skip
def test_spellings_that_need_no_reading_since_they_are_refused_before(target: str) -> None:
    with pytest.raises(Ambiguous):
        canonical(target)


def test_each_part_of_a_reading_is_by_itself() -> None:
    spellings = ["/a", "/A", "/a/", "/a.b", "/a."]
    for reading, expected in ((SAME, "/a"), (CASE, "/a /A /a."), (SLASH, "/a /a/"), (SUFFIX, "/a /a.b /a.")):
        assert [path for path in spellings if found("/a", path, reading)] == expected.split(), reading
    assert CASE.union(SLASH) == PathReading(case=True, slash=True, suffix=False)


@pytest.mark.parametrize(
    ("pattern", "path", "reading", "expected"),
    [
        ("/a/*", "/A/x/Y", ALL, ["/a/x/Y"]),
        ("/a/*", "/A/", ALL, ["/a/"]),
        ("/a/*", "/A", ALL, ["/a/"]),
        ("/a/*", "/a.json", ALL, ["/a/"]),
        ("/a/*", "/a", CASE, []),
        ("/a/*", "/A/", CASE, ["/a/"]),
        ("/a/*", "/ab/x", ALL, []),
        ("/*", "/", ALL, ["/"]),
        ("/*", "/X/y", SAME, ["/X/y"]),
        ("/", "/", ALL, ["/"]),
        ("/v1.2", "/V1.2.json", ALL, ["/v1.2"]),
        ("/v1.2", "/v1.3", ALL, []),
    ],
)
def test_the_spelling_that_a_pattern_matches(
    pattern: str, path: str, reading: PathReading, expected: list[str]
) -> None:
    assert found(pattern, path, reading) == expected


segments = st.lists(st.sampled_from(["a", "B", "a.b", "%C5%BF", "x%20"]), min_size=1, max_size=3)
paths = st.tuples(segments, st.sampled_from(["", "/"])).map(lambda made: "/" + "/".join(made[0]) + made[1])
readings = st.builds(PathReading, st.booleans(), st.booleans(), st.booleans())


@given(paths, readings)
def test_a_path_is_read_as_itself(path: str, reading: PathReading) -> None:
    assert path in found(path, path, reading)
    assert read_as(path, reading) == read_as(path, reading)


@given(paths, paths, readings)
def test_what_ignores_more_takes_more_for_one(path: str, pattern: str, reading: PathReading) -> None:
    if found(pattern, path, reading):
        assert found(pattern, path, ALL)


@pytest.mark.parametrize(
    "unit",
    ["%CC%95%CC%80", "%C5%BF", "%EF%BC%8F", ".", "%20", "/a", "a.", "%EF%B7%BA", "A", "%23", "%E1%84%80%E1%85%A1"],
)
@pytest.mark.parametrize("start", ["/api/", "/api/admin"])
def test_the_longest_path_is_read_in_linear_time(start: str, unit: str) -> None:
    path = start + unit * ((16_000 - len(start)) // len(unit))
    assert takes_at_most(0.002, lambda: list(ADMIN.find(path)), 5)
