"""A pattern that earlier routes match completely is reported with their names; one that is partly left is not."""

import pytest

from tests.config.problems import Problems

UPSTREAMS = """
upstreams:
  tutor: {endpoints: [{url: "http://127.0.0.1:1"}], trpc: {prefix: /api/trpc}}
  other: {endpoints: [{url: "http://127.0.0.1:2"}], trpc: {prefix: /other}}
listen: {egress: {port: 8181}}
defaults: {auth: public}
"""


def entry(*routes: str) -> str:
    return f"{UPSTREAMS}routes:\n" + "".join(f"  - {{{route}}}\n" for route in routes)


@pytest.mark.parametrize(
    "routes",
    [
        ("name: a, procedures: [chat.send], upstream: tutor", 'name: b, procedures: ["chat.*"], upstream: tutor'),
        ('name: a, procedures: ["chat.*"], upstream: tutor', "name: b, procedures: [chat.send], upstream: other"),
        ("name: a, paths: [/x], upstream: tutor", "name: b, paths: [/x], methods: [GET, PUT], upstream: tutor"),
        ("name: a, paths: [/x], upstream: tutor", "name: b, listener: egress, paths: [/x], deny: closed"),
    ],
    ids=["wider below", "another upstream", "a method is left", "another listener"],
)
def test_reached(problems_of: Problems, routes: tuple[str, ...]) -> None:
    assert problems_of(entry(*routes)) == []


@pytest.mark.parametrize(
    ("routes", "problem"),
    [
        (
            ('name: a, procedures: ["chat.*"], upstream: tutor', "name: b, procedures: [chat.send], upstream: tutor"),
            "routes[1].procedures[0] chat.send is never reached: it stands below a",
        ),
        (
            (
                'name: a, procedures: ["chat.*"], upstream: tutor',
                'name: b, procedures: ["chat.*"], upstream: other',
                "name: c, procedures: [chat.send], deny: closed",
            ),
            "routes[2].procedures[0] chat.send is never reached: it stands below a and b",
        ),
        (
            (
                "name: a, paths: [/x/*], upstream: tutor",
                "name: b, paths: [/x/*], methods: [PUT], upstream: tutor",
                "name: c, paths: [/x/y], methods: [GET, PUT], upstream: tutor",
            ),
            "routes[2].paths[0] /x/y is never reached: it stands below a and b",
        ),
    ],
    ids=["one route", "under both prefixes", "all methods"],
)
def test_never_reached(problems_of: Problems, routes: tuple[str, ...], problem: str) -> None:
    assert problems_of(entry(*routes)) == [problem]
