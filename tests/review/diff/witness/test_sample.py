"""A request that a route lets pass."""

from __future__ import annotations

import json

import pytest

from gateway.review.diff.classes import RequestClass
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.witness.sample import Sample
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.request import DryRequest
from tests.review.diff.written import NOON, POLICIES, UPSTREAMS, Compare

ROUTES = """
defaults: {auth: token, cors: app, body: json, schema: inputs}
routes:
  - {name: get, procedures: [one.get], upstream: api}
  - {name: login, procedures: [auth.login], methods: [POST], upstream: api, auth: public, lockout: accounts}
  - {name: two, paths: [/two], methods: [GET, POST], upstream: files}
"""
NAME = '{"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]{3}$"}}, "required": ["name"]}'
LOGIN = '{"type": "object", "properties": {"email": {"type": "string", "format": "email"}}, "required": ["email"]}'


@pytest.mark.parametrize("transformer", ["none", "superjson"])
@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("GET", "/trpc/one.get"),
        ("POST", "/trpc/one.get"),
        ("POST", "/trpc/auth.login"),
        ("POST", "/trpc/one.get,one.get?batch=1"),
        ("GET", "/trpc/one.get,one.get?batch=1"),
        ("GET", "/two"),
        ("POST", "/two"),
    ],
)
def test_it_passes(compare: Compare, transformer: str, method: str, target: str) -> None:
    config = compare.side(
        ROUTES,
        POLICIES.replace("no_origin: allow", "no_origin: refuse"),
        UPSTREAMS.replace("transformer: none", f"transformer: {transformer}"),
        **{"one.get": NAME, "auth.login": LOGIN, "two": NAME, "two.query": NAME},
    )
    run = DryRun(config, at=NOON)
    side = RoutedSide(config, run.runtime)
    found = side.match("public", method, target)
    transition = Transition(RequestClass("public", target, ""), method, found, found)
    sent = Sample(side, side.routes[found.route], transition).request(7)
    outcome = run.run(DryRequest(sent.method, sent.target, sent.headers, sent.body, sent.address, sent.claims))
    assert outcome.verdict == "pass", outcome.detail


def test_each_number_is_another_client(compare: Compare) -> None:
    config = compare.side(ROUTES, **{"one.get": NAME, "auth.login": LOGIN, "two": NAME})
    side = RoutedSide(config, DryRun(config, at=NOON).runtime)
    found = side.match("public", "POST", "/trpc/auth.login")
    transition = Transition(RequestClass("public", "/trpc/auth.login", ""), "POST", found, found)
    several = [Sample(side, side.routes["login"], transition).request(number) for number in (1, 2, 300)]
    assert len({sent.address for sent in several}) == 3
    assert len({json.loads(sent.body)["email"] for sent in several}) == 3
