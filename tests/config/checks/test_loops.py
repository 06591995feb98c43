"""An upstream that is the gateway itself is found before it serves, and one that only resembles it is not."""

from __future__ import annotations

import socket

import pytest

from tests.config.problems import Problems

ROUND = "leads to the public listener of this gateway: each request would come round as another one"
OPS = "leads to the operators' listener"


def entry(url: str, listen: str = "{port: 8080}", more: str = "", route: str = "name: a, paths: [/a]") -> str:
    return (
        f'listen: {listen}\nops: {{port: 9090}}\nupstreams: {{tutor: {{endpoints: [{{url: "{url}"}}]}}{more}}}\n'
        f"routes: [{{{route}, upstream: tutor, auth: public}}]"
    )


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "0.0.0.0", "localhost", "LOCALHOST", "[::1]", "127.0.0.9", "[::ffff:127.0.0.1]", "HOSTNAME"]
)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_every_spelling_of_the_public_listener(problems_of: Problems, host: str, scheme: str) -> None:
    url = f"{scheme}://{host.replace('HOSTNAME', socket.gethostname())}:8080"
    assert problems_of(entry(url)) == [f"upstreams.tutor.endpoints[0].url {ROUND}"]


def test_the_port_of_the_scheme_is_a_port_too(problems_of: Problems) -> None:
    assert problems_of(entry("http://localhost", listen="{port: 80}")) == [f"upstreams.tutor.endpoints[0].url {ROUND}"]


def test_the_operators_listener_is_no_upstream(problems_of: Problems) -> None:
    assert problems_of(entry("http://localhost:9090")) == [f"upstreams.tutor.endpoints[0].url {OPS}"]


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8081", "http://tutor:8080", "http://192.0.2.1:8080", "https://localhost.example:8080"]
)
def test_a_neighbour_is_no_loop(problems_of: Problems, url: str) -> None:
    assert problems_of(entry(url)) == []


def test_two_gateways_on_two_addresses_of_a_machine_are_two(problems_of: Problems) -> None:
    assert problems_of(entry("http://127.0.0.2:8080", listen='{host: "127.0.0.1", port: 8080}')) == []


def test_an_upstream_that_only_a_fallback_calls(problems_of: Problems) -> None:
    more = ', again: {endpoints: [{url: "http://localhost:8080"}]}'
    text = entry("http://127.0.0.1:1", more=more).replace('1"}]}', '1"}], fallback: other}', 1)
    found = problems_of(text + "\nfallbacks: {other: {upstream: again}}")
    assert f"upstreams.again.endpoints[0].url {ROUND}" in found


def test_egress_may_call_the_public_listener(problems_of: Problems) -> None:
    """The backend's own calls that come in at the front: once through each listener."""
    listen = "{port: 8080, egress: {port: 8181}}"
    route = "name: a, listener: egress, paths: [/a]"
    assert problems_of(entry("http://localhost:8080", listen, route=route).replace(", auth: public", "")) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost", "localhost.", "[::1]", "a.localhost"])
@pytest.mark.parametrize("route", ["name: a, listener: egress, paths: [/a]", "name: a, auth: public, paths: [/a]"])
def test_nothing_leads_to_egress(problems_of: Problems, host: str, route: str) -> None:
    text = entry(f"http://{host}:8181", "{port: 8080, egress: {port: 8181}}", route=route)
    assert problems_of(text.replace(", upstream: tutor, auth: public", ", upstream: tutor")) == [
        "upstreams.tutor.endpoints[0].url leads to the egress listener"
    ]


@pytest.mark.parametrize("edit", ["set: {Via: 1.1 me}", "remove: [via]"])
def test_via_cannot_be_taken_away(problems_of: Problems, edit: str) -> None:
    text = entry("http://127.0.0.1:1").replace('1"}]', f'1"}}], request_headers: {{{edit}}}')
    (problem,) = problems_of(text)
    assert "names via, by which a request that goes round is found" in problem


@pytest.mark.parametrize(("name", "problem"), [('"a b"', "is not a name for Via"), ("x" * 65, "is longer than 64")])
def test_the_name_in_via_is_a_token(problems_of: Problems, name: str, problem: str) -> None:
    (found,) = problems_of(entry("http://127.0.0.1:1", listen=f"{{via: {name}}}"))
    assert found.startswith(f"listen.via {problem}")
