"""The egress listener has a port of its own, no upstream leads to it, and its routes have nothing about users."""

import pytest

from tests.config.problems import Problems


def entry(listen: str = "{egress: {port: 8181}}", url: str = "http://127.0.0.1:9000", route: str = "") -> str:
    return (
        f'listen: {listen}\nupstreams: {{toolkit: {{endpoints: [{{url: "{url}"}}]}}, '
        'tutor: {endpoints: [{url: "http://127.0.0.1:8787"}], trpc: {prefix: /api/trpc}}}\n'
        'cors: {app: {origins: ["https://linguamate.app"]}}\n'
        f"routes: [{{name: text, listener: egress, paths: [/text], upstream: toolkit{route}}}]"
    )


def test_a_listener_of_its_own_has_no_problem(problems_of: Problems) -> None:
    assert problems_of(entry()) == []


def test_routes_need_the_listener(problems_of: Problems) -> None:
    assert problems_of(entry(listen="{}")) == ["routes[0].listener is egress, which is not opened"]


@pytest.mark.parametrize(("port", "other"), [(8080, "listen"), (9090, "ops")])
def test_its_port_is_no_other_listener_s(problems_of: Problems, port: int, other: str) -> None:
    assert problems_of(entry(f"{{egress: {{port: {port}}}}}")) == [f"listen.egress.port is the port of {other} too"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:8181", "http://localhost:8181", "http://[::1]:8181"])
def test_no_upstream_leads_to_it(problems_of: Problems, url: str) -> None:
    assert problems_of(entry(url=url)) == ["upstreams.toolkit.endpoints[0].url leads to the egress listener"]


def test_another_host_may_have_its_port(problems_of: Problems) -> None:
    assert problems_of(entry(url="https://toolkit.example:8181")) == []


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        (", cors: app", "routes[0].cors is not for the egress listener: no user calls there"),
        (", cors: null, auth: public", ""),
    ],
)
def test_a_route_has_nothing_about_users(problems_of: Problems, route: str, problem: str) -> None:
    assert problems_of(entry(route=route)) == ([problem] if problem else [])


def test_procedures_are_not_called_through_it(problems_of: Problems) -> None:
    text = entry().replace("paths: [/text], upstream: toolkit", "procedures: [lessons.getAll], upstream: tutor")
    assert problems_of(text) == [
        "routes[0].procedures are not for the egress listener",
        "routes[0].upstream names tutor, which speaks tRPC",
    ]
