"""Requests that a listener refused, and batches that were too large."""

from __future__ import annotations

from tests.review.diff.written import UPSTREAMS, Compare, shown

ROUTES = """
defaults: {auth: public, rate_limits: [tries]}
routes:
  - {name: one, procedures: [one.get], upstream: api, rate_limits: [], schema: {none: "a test"}}
  - {name: two, paths: [/two], upstream: files, schema: {none: "a test"}}
"""


def test_of_a_network_whose_word_counts_now(compare: Compare) -> None:
    new = "listen: {trusted_proxies: [10.0.0.0/8]}\n" + ROUTES
    (change,) = compare(ROUTES, new, witnesses=True)
    assert shown([change]) == {"listen.trusted_proxies": ("rate_limited", "pass")}
    witness = change.witnesses[""]
    assert (witness.address, dict(witness.headers)["x-forwarded-for"]) == ("10.0.0.1", "198.51.100.1")


def test_of_a_longer_head(compare: Compare) -> None:
    new = "listen: {limits: {header_bytes: 32KiB}}\n" + ROUTES
    assert shown(compare(ROUTES, new, witnesses=True)) == {"listen.limits.header_bytes": ("headers_too_large", "pass")}


def test_of_a_larger_batch(compare: Compare) -> None:
    new = compare.side(ROUTES, upstreams=UPSTREAMS.replace("transformer: none", "transformer: none, max_batch: 11"))
    assert shown(compare(ROUTES, new, witnesses=True)) == {"upstreams.api.trpc.max_batch": ("batch_too_large", "pass")}
