"""Whoever loosens the shipped policies fails a shipped test: each protection of each route is taken away, one at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import pytest

from gateway.config.model import Config, Route
from gateway.core.units import Rate
from gateway.review.dry_run.parts import DryParts
from gateway.review.policy_tests.run import Runner
from tests.policies.shipped_files import NOON, seen_by_tests, shipped, written


class Mutation(NamedTuple):
    """One protection less: ``config`` without it. ``reason``, ``route`` and ``policy`` are of the refusals that it was there for;
    empty for any."""

    name: str
    config: Config
    reason: str = ""
    route: str = ""
    policy: str = ""


_BY_SCHEMA = "a schema refuses it too, for the same reason"
# Taken away without a test that fails, and why no test can tell.
UNSEEN = {
    "login without login-per-account": "login-per-address is as tight, and refuses before it",
    "a looser login-per-account": "login-per-address is as tight, and refuses before it",
    "rate_limits.login-per-account only reports": "login-per-address is as tight, and refuses before it",
    "json of any type": _BY_SCHEMA,
    "logs of any type": _BY_SCHEMA,
    "recording of any type": _BY_SCHEMA,
    "image of any type": "the upload policy refuses it too, for the same reason",
}


REASON_OF = {
    "auth": "token_missing", "bodies": "body_too_large", "cors": "origin_refused", "lockouts": "account_locked",
    "rate_limits": "rate_limited", "schemas": "schema_refused", "uploads": "upload_malformed",
}  # fmt: skip
"""A reason for which policies of each section refuse."""


def with_route(route: Route, **changes: Any) -> Config:
    changed = replace(route, **changes)
    return replace(shipped(), routes=tuple(changed if each is route else each for each in shipped().routes))


def without(route: Route, section: str, *names: str) -> Config:
    left = tuple(name for name in route.policies[section] if name not in names)
    return with_route(route, policies={**route.policies, section: left if names else ()})


def with_policy(section: str, name: str, **changes: Any) -> Config:
    policies = shipped().policies
    changed = policies[section][name].model_copy(update=changes)
    return replace(shipped(), policies={**policies, section: {**policies[section], name: changed}})


def with_upstream(name: str, **changes: Any) -> Config:
    changed = shipped().upstreams[name].model_copy(update=changes)
    return replace(shipped(), upstreams={**shipped().upstreams, name: changed})


def of_routes() -> Iterator[Mutation]:
    for route in shipped().routes:
        name = route.name
        if route.deny is not None:
            yield Mutation(f"{name} not closed", with_route(route, deny=None, upstream="tutor"), "route_denied", name)
            continue
        for limit in route.policies["rate_limits"]:
            yield Mutation(f"{name} without {limit}", without(route, "rate_limits", limit), "rate_limited", name, limit)
        for section, reason in (
            ("auth", "token_missing"),
            ("lockouts", "account_locked"),
            ("bodies", "body_too_large" if "POST" in route.methods else "body_malformed"),
            ("uploads", "upload_malformed"),
        ):
            if route.policies.get(section):
                yield Mutation(f"{name} without {section}", without(route, section), reason, name)
        if route.batch == "deny":
            yield Mutation(f"{name} in batches", with_route(route, batch="allow"), "batch_refused")
        if route.rewrite:
            yield Mutation(f"{name} not rewritten", with_route(route, rewrite=None), "pass", name)
        if route.methods == ("POST",):
            yield Mutation(f"{name} by GET", with_route(route, methods=("GET", "POST")), "method_not_allowed")


def policies() -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = shipped().policies
    return found


def of_counts() -> Iterator[Mutation]:
    for name, limit in policies()["rate_limits"].items():
        rate = Rate(2 * limit.limit.limit, limit.limit.period)
        looser = with_policy("rate_limits", name, limit=rate, burst=2 * limit.at_once)
        yield Mutation(f"a looser {name}", looser, "rate_limited", policy=name)
    for name, lockout in policies()["lockouts"].items():
        for change in (
            {"failures": 2 * lockout.failures}, {"everywhere": None}, {"address": None}, {"on_status": (418,)},
            {"lock_for": (1.0,)},
        ):  # fmt: skip
            reason = "address_locked" if "address" in change else "account_locked"
            yield Mutation(f"{name} with {change}", with_policy("lockouts", name, **change), reason, policy=name)


def of_websites_and_tokens() -> Iterator[Mutation]:
    for change, reason in (
        ({"origins": ("*",), "credentials": False}, "origin_refused"),
        ({"origins": (*policies()["cors"]["app"].origins, "https://*.example")}, "origin_refused"),
        ({"origins": (*policies()["cors"]["app"].origins, "http://localhost:8081")}, "origin_refused"),
        ({"cross_site": "allow"}, "cross_site_refused"),
        ({"methods": ("GET", "POST", "DELETE")}, "preflight_refused"),
        ({"request_headers": ("*", "x-evil")}, "preflight_refused"),
    ):
        yield Mutation(f"cors with {change}", with_policy("cors", "app", **change), reason)
    for change, reason in (
        ({"require": {}}, "claim_refused"),
        ({"require": {"type": "refresh"}}, "claim_refused"),
        ({"leeway": 60.0}, "token_expired"),
    ):
        yield Mutation(f"auth with {change}", with_policy("auth", "access-token", **change), reason)


def of_bodies() -> Iterator[Mutation]:
    for name, body in policies()["bodies"].items():
        yield Mutation(f"{name} of any length", with_policy("bodies", name, max=None), "body_too_large", policy=name)
        yield Mutation(
            f"{name} twice as long", with_policy("bodies", name, max=2 * body.max), "body_too_large", policy=name
        )
        if body.types:
            yield Mutation(
                f"{name} of any type", with_policy("bodies", name, types=()), "media_type_refused", policy=name
            )
        if body.query:
            yield Mutation(
                f"{name} with any query", with_policy("bodies", name, query=None), "target_too_long", policy=name
            )
    yield Mutation("json in a GET", with_policy("bodies", "json", without_content=()), "body_malformed")


def of_the_rest() -> Iterator[Mutation]:
    for change in ({"failures": 50}, {"recover_after": 5.0}, {"slow_after": None}, {"count": ("timeout",)}):
        yield Mutation(f"breaker with {change}", with_policy("breakers", "external", **change), "upstream_resting")
    yield Mutation("responses without fields", with_policy("response_headers", "secure", set={}), "pass")
    for section, found in policies().items():
        for name in found:
            if section not in ("fallbacks", "breakers", "response_headers"):
                reason = REASON_OF[section]
                yield Mutation(
                    f"{section}.{name} only reports", with_policy(section, name, mode="report"), reason, policy=name
                )


def of_upstreams() -> Iterator[Mutation]:
    trpc = shipped().upstreams["tutor"].trpc
    assert trpc is not None
    yield Mutation(
        "any batch", with_upstream("tutor", trpc=trpc.model_copy(update={"max_batch": 100})), "batch_too_large"
    )
    yield Mutation("no aliases", with_upstream("tutor", trpc=trpc.model_copy(update={"aliases": {}})), "pass")
    for name in ("toolkit", "stt"):
        edits = shipped().upstreams[name].request_headers
        for change in ({"set": {}}, {"remove": ()}):
            changed = with_upstream(name, request_headers=edits.model_copy(update=change))
            yield Mutation(f"{name} with {list(change)} emptied", changed, "pass")
        yield Mutation(f"{name} without a breaker", with_upstream(name, breaker=None), "upstream_resting")
        yield Mutation(f"{name} without a fallback", with_upstream(name, fallback=()), "upstream_resting")


def is_seen(mutation: Mutation, runner: Runner) -> bool:
    """Whether a shipped test fails: one of those that the mutation concerns, the shortest first, and no further than it has to."""
    wanted = (mutation.reason, mutation.route, mutation.policy)
    concerned = [test for test in written() if wanted in seen_by_tests().seen[test.name]]
    return any(next(runner.failures(test), None) for test in sorted(concerned, key=lambda test: test.requests))


def unseen(mutations: Iterable[Mutation]) -> list[str]:
    parts = DryParts()
    return [one.name for one in mutations if not is_seen(one, Runner(one.config, NOON, parts))]


@cache
def mutations() -> Sequence[Mutation]:
    return (*of_routes(), *of_counts(), *of_websites_and_tokens(), *of_bodies(), *of_the_rest(), *of_upstreams())


@pytest.mark.slow
def test_each_protection_that_is_taken_away_fails_a_test() -> None:
    assert len(mutations()) > 200
    assert sorted(unseen(mutations())) == sorted(UNSEEN)
