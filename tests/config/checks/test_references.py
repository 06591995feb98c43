"""Names refer to what exists, and settings to what makes them work. ``cases/unknown_names`` has the places and hints."""

import pytest

from tests.config.problems import Problems

REDIS = "redis://127.0.0.1:6379/0"


def entry(route: str = "auth: public", upstream: str = "", more: str = "") -> str:
    return (
        f'upstreams: {{tutor: {{endpoints: [{{url: "http://127.0.0.1:1"}}]{upstream}}}}}\n{more}'
        f"routes: [{{name: any, paths: [/any], upstream: tutor, {route}}}]"
    )


LIMITS = (
    "rate_limits: {per-user: {limit: 5/minute, key: [principal]}, per-address: {limit: 5/minute, key: [address]}}\n"
)


@pytest.mark.parametrize(
    ("route", "problem"),
    [
        ("auth: tokens", "routes[0].auth names tokens, which is not in auth"),
        ("auth: public, cors: app", "routes[0].cors names app, which is not in cors"),
        ("auth: public, body: json", "routes[0].body names json, which is not in bodies"),
        ("auth: public, lockout: guesses", "routes[0].lockout names guesses, which is not in lockouts"),
        ("auth: public, rate_limits: [a]", "routes[0].rate_limits[0] names a, which is not in rate_limits"),
        ("auth: public, rate_limits: ['']", "routes[0].rate_limits[0] names , which is not in rate_limits"),
        ("auth: public, response_headers: a", "routes[0].response_headers names a, which is not in response_headers"),
    ],
)
def test_a_policy_that_is_not_defined(problems_of: Problems, route: str, problem: str) -> None:
    assert problems_of(entry(route)) == [problem]


def test_a_name_in_the_defaults_is_reported_once(problems_of: Problems) -> None:
    text = entry(more="defaults: {cors: app, rate_limits: [a]}\n")
    assert problems_of(text) == [
        "defaults.cors names app, which is not in cors",
        "defaults.rate_limits[0] names a, which is not in rate_limits",
    ]


def test_names_in_defaults_beside_one_that_cannot_be_read(problems_of: Problems) -> None:
    assert problems_of(entry(more="defaults: {cors: app, boddy: json, body: json}\n")) == [
        "defaults.cors names app, which is not in cors",
        "defaults.boddy is not a known key",
        "defaults.body names json, which is not in bodies",
    ]


def test_an_upstream_that_is_not_defined(problems_of: Problems) -> None:
    text = entry().replace("upstream: tutor", "upstream: tutr")
    assert problems_of(text) == ["routes[0].upstream names tutr, which is not in upstreams"]


def test_a_public_route_has_no_principal_to_count(problems_of: Problems) -> None:
    assert problems_of(entry("auth: public, rate_limits: [per-address, per-user]", more=LIMITS)) == [
        "routes[0].rate_limits[1] per-user counts by principal, but a public route knows none"
    ]
    closed = entry("deny: closed, rate_limits: [per-user]", more=LIMITS).replace("upstream: tutor, ", "")
    assert problems_of(closed) == []


@pytest.mark.parametrize(
    ("upstream", "problems"),
    [
        (", retries: {attempt_timeout: 1s}", []),
        (
            ", retries: {attempt_timeout: 14s}",
            [
                "upstreams.tutor.retries.attempt_timeout leaves no time for a second attempt: "
                "all attempts together end with timeouts.response"
            ],
        ),
        (
            ", resolve: 10s",
            ["upstreams.tutor.resolve has nothing to look up: all endpoints are addresses"],
        ),
        (", hedge: {after: 1s}", ["upstreams.tutor.hedge needs a second endpoint to send the second call to"]),
        (", ejection: {}", ["upstreams.tutor.ejection would never leave one out: most allows none of 1"]),
    ],
)
def test_settings_of_calls_that_come_to_nothing(problems_of: Problems, upstream: str, problems: list[str]) -> None:
    assert problems_of(entry(upstream=upstream)) == problems


def test_a_name_may_have_addresses_to_leave_out(problems_of: Problems) -> None:
    assert problems_of(entry(upstream=", ejection: {}").replace("http://127.0.0.1:1", "http://backend.example")) == []


def test_an_endpoint_that_is_written_twice(problems_of: Problems) -> None:
    text = entry().replace(
        '[{url: "http://127.0.0.1:1"}]', '[{url: "http://127.0.0.1:1"}, {url: "http://127.0.0.1:1/"}]'
    )
    assert problems_of(text) == ["upstreams.tutor.endpoints[1].url is the same as endpoints[0]"]


def test_a_lease_needs_a_redis_to_lease_from(problems_of: Problems) -> None:
    limit = "rate_limits: {hot: {limit: 1000/minute, key: [address], lease: 20}}\n"
    state = f"state: {{redis: '{REDIS}', key: '0b1c8f5e9a7d4f2fb6c1d0e3a5b7c9d1'}}\n"
    assert problems_of(entry(more=limit)) == [
        "rate_limits.hot.lease is for limits in Redis, and there is no state.redis"
    ]
    assert problems_of(entry(more=limit + state)) == []


def test_replicas_need_a_key_that_they_share(problems_of: Problems) -> None:
    assert problems_of(entry(more=f"state: {{redis: '{REDIS}'}}\n")) == [
        "state.key is missing: with redis all replicas have to store names as hashes under the same key"
    ]


@pytest.mark.parametrize(
    ("second", "aliases", "problems"),
    [
        ("/other", "{a.old: a.new}", []),
        ("/api", "{}", ["upstreams.other.trpc.prefix is the prefix of tutor too, which would get all calls"]),
        (
            "/other",
            "{a.older: a.old, a.old: a.new}",
            ["upstreams.tutor.trpc.aliases.a.older leads to a.old, which is an alias itself"],
        ),
    ],
)
def test_mounts(problems_of: Problems, second: str, aliases: str, problems: list[str]) -> None:
    text = entry(upstream=f", trpc: {{prefix: /api, aliases: {aliases}}}").replace("/any", "/x")
    other = f'}}, other: {{endpoints: [{{url: "http://127.0.0.1:2"}}], trpc: {{prefix: {second}}}}}}}\n'
    assert problems_of(text.replace("}}\n", other, 1)) == problems
