"""Requests that a listener judges before there is a route, and batches that are too large."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from gateway.policy.rate_limit.rate_limit import Settings as Limit
from gateway.review.diff.classes import mounts
from gateway.review.diff.witness.counts import MOST
from gateway.review.diff.witness.probe import Probe, Question


def trusted(question: Question) -> Iterator[Probe]:
    """A client of the newly trusted network that says it is another one, after the limit of its address is used up."""
    if question.before is None:
        return
    was, now = question.before.side.config.listen, question.sample.side.config.listen
    fresh = [network for network in now.trusted_proxies if network not in was.trusted_proxies]
    limits = [
        cast(Limit, question.sample.side.policy("rate_limits", name))
        for name in question.sample.route.policies.get("rate_limits", ())
    ]
    limits = [each for each in limits if set(each.key) & {"address", "network"} and each.at_once < MOST]
    if not limits or not fresh:
        return
    count = min(each.at_once for each in limits)
    for network in fresh:
        peer = str(network[1] if network.num_addresses > 1 else network[0])
        pretended = [
            replace(
                question.base,
                address=peer,
                headers=(*question.base.headers, ("x-forwarded-for", address), ("x-forwarded-proto", "https")),
            )
            for address in ("192.0.2.1", "198.51.100.1")
        ]
        yield Probe(pretended[1], (replace(pretended[0], repeat=count),), shares=True)


def head(question: Question) -> Iterator[Probe]:
    """A head that was too large."""
    if question.before is not None:
        most = question.before.side.config.listen.limits.header_bytes
        yield Probe(replace(question.base, headers=(*question.base.headers, ("x-more", "x" * most))))
        lines = tuple((f"x-more-{number}", "x" * 4000) for number in range(most // 4000 + 1))
        yield Probe(replace(question.base, headers=(*question.base.headers, *lines)))


def batch(question: Question) -> Iterator[Probe]:
    """A batch of one call more than was allowed."""
    if question.before is None:
        return
    path = question.base.target.partition("?")[0]
    for prefix, (_, upstream) in mounts(question.before.side.config).items():
        if upstream.trpc is not None and path.startswith(prefix):
            calls = ",".join([path[len(prefix) :]] * (upstream.trpc.max_batch + 1))
            request = question.transition.request._replace(target=f"{prefix}{calls}?batch=1")
            transition = question.transition._replace(request=request)
            yield Probe(replace(question.sample, transition=transition).request(question.number))
