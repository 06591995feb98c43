"""``mode: report``: a policy that refuses nothing, and notes what it would have refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, Reply, Verdict

REPORTING = " in report mode"


def covered(section: str, mode: Literal["enforce", "report"]) -> str:
    """Under which key ``MatchedRoute.named`` has the policies of ``section`` that judge the calls of a route in that mode."""
    return section if mode == "enforce" else section + REPORTING


Decide = Callable[[Exchange], Verdict | Awaitable[Verdict]]


def reporting(decide: Decide, policy: str = "") -> Decide:
    """``decide`` without its refusals: the request passes, and the refusal is noted in ``exchange.reported``, as that of
    ``policy``."""

    def noted(exchange: Exchange, verdict: Verdict) -> Verdict:
        if isinstance(verdict, Refusal):
            exchange.reported.append(replace(verdict, policy=policy))
            exchange.refused_by += tuple((section, name, "report") for section, name, _ in verdict.limits)
            return None
        return verdict

    async def later(exchange: Exchange, verdict: Awaitable[Verdict]) -> Verdict:
        return noted(exchange, await verdict)

    def decided(exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        verdict = decide(exchange)
        if verdict is None or isinstance(verdict, (Refusal, Reply)):
            return noted(exchange, verdict)
        return later(exchange, verdict)

    return decided
