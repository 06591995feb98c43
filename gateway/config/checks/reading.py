"""Checks of what policies look into: a body that can be read as JSON alone, and counts that no stranger can use up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Mapping as Named

from gateway.config.model import Route
from gateway.config.policies import Written
from gateway.config.problem import Location, Report
from gateway.config.tree import NodePath, follow
from gateway.core.methods import SAFE
from gateway.policy import body
from gateway.policy.base.inputs import LONGEST_BODY, MEDIA_TYPE
from gateway.policy.base.settings import Policy
from gateway.policy.kinds import KINDS
from gateway.policy.lockout.settings import Settings as LockoutSettings
from gateway.policy.rate_limit import rate_limit

Policies = Named[str, Named[str, Policy]]
"""The valid policies by section and name."""

_HINT = f"name one of bodies with types: [{MEDIA_TYPE}] and max: 64KiB"


def check_body(route: Route, location: Location, policies: Policies) -> None:
    """Reports a body that may be something else than JSON on a route with a policy that looks into it: the backend could
    read another account than the one that was counted. Also methods without a body, whose requests would all be refused."""
    reader = next(_readers(route, policies), "")
    if not reader or route.deny or route.listener == "egress":
        return
    without = [method for method in route.methods if method in SAFE]
    if route.paths and without:
        sentence = f"lets {' and '.join(without)} pass, refused for want of a body: {reader} looks into it"
        if len(without) == len(route.methods):
            location.add(
                ("methods",), sentence, "write methods with a body, such as [POST], or count by address or principal"
            )
            return
        location.warn(("methods",), sentence, "give them a route of their own, without it")
    if route.procedures and set(route.methods) == {"GET"}:
        return  # the input is in the query, and content beside it is refused
    names = route.policies.get("bodies", ())
    if not names:
        location.add(("body",), f"is missing, and {reader} looks into the body, which may be anything", _HINT)
    for name in names:
        settings = policies.get("bodies", {}).get(name)
        if isinstance(settings, body.Settings) and (wrong := _wrong(settings)):
            location.add(("body",), f"names {name}, {wrong}, and {reader} reads JSON", _HINT)


def _readers(route: Route, policies: Policies) -> Iterator[str]:
    """The policies of ``route`` that look into its input, as they are written there."""
    for kind in KINDS:
        if kind.reads_input is None:
            continue
        known = policies.get(kind.section, {})
        for name in route.policies.get(kind.section, ()):
            if name in known and kind.reads_input(known[name]):
                yield f"{kind.route_key} {name}"


def _wrong(settings: body.Settings) -> str:
    """What is wrong with a body policy for a body that is looked into."""
    if settings.mode == "report":
        return "which only reports"
    others = [one for one in settings.types if one != MEDIA_TYPE]
    if others or not settings.types:
        return f"which lets {others[0] if others else 'any media type'} pass"
    if settings.max is None or settings.max > LONGEST_BODY:
        return "which lets more than 1 MiB pass"
    return ""


def check_strangers(
    routes: Sequence[Route], policies: Policies, written: Named[tuple[str, str], Written], report: Report
) -> None:
    """Warns of each limit and each lockout that a stranger can use up for somebody else, by naming what it counts by."""
    for name, limit in policies.get("rate_limits", {}).items():
        used = _used("rate_limits", name, routes)
        if used and isinstance(limit, rate_limit.Settings) and (named := _nameable(limit)):
            sentence = f"counts by {named} alone, so a stranger can use it up for others{used}"
            _warn(("rate_limits", name), "key", sentence, "add address to the key", written, report)
    for name, rule in policies.get("lockouts", {}).items():
        used = _used("lockouts", name, routes)
        if used and isinstance(rule, LockoutSettings) and not rule.by_address:
            sentence = f"counts by account alone, so a stranger who names one can keep it locked{used}"
            hint = "write everywhere: {failures: 100, within: 1h, lock_for: [1m, 15m, 1h]}, or scope: account+address"
            _warn(("lockouts", name), "scope", sentence, hint, written, report)


def _nameable(limit: rate_limit.Settings) -> str:
    """What a limit counts by when nothing in its key is the client's own; empty when something is."""
    own = {"address", "network", "principal"}
    return "" if own & set(limit.key) else " and ".join(limit.key)


def _used(section: str, name: str, routes: Sequence[Route]) -> str:
    """The route on which a policy counts strangers, as the end of a sentence: a public one first. Empty without one."""
    found = [
        route
        for route in routes
        if name in route.policies.get(section, ()) and not route.deny and route.listener == "public"
    ]
    public = [route for route in found if not route.policies.get("auth")]
    if public:
        return f", on the public route {public[0].name}"
    return f", on the route {found[0].name}" if found else ""


def _warn(
    policy: tuple[str, str],
    key: str,
    sentence: str,
    hint: str,
    written: Named[tuple[str, str], Written],
    report: Report,
) -> None:
    path: NodePath = (*policy, key)
    node, _ = follow(written[policy].node, (key,))
    report.warn(node.position, path, sentence, hint)
