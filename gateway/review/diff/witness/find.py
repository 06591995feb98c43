"""Finds witnesses: requests that the old side refuses by name and the new one passes, each confirmed by a dry run of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from time import thread_time
from typing import NamedTuple

from gateway.policy.cors import Settings as Cors
from gateway.policy.kinds import SECTIONS
from gateway.review.diff.change import PASS, Change, SentRequest, Witness
from gateway.review.diff.draft import Draft
from gateway.review.diff.side import RoutedSide
from gateway.review.diff.transitions import Transition
from gateway.review.diff.witness import contents, counts, listeners, requests
from gateway.review.diff.witness.probe import Probe, Probes, Question
from gateway.review.diff.witness.sample import Sample
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Outcome
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse

SECONDS = 0.9
"""Of processor time for all witnesses of one comparison; beyond it the least dangerous changes go without."""

_EACH = 0.3  # of that for one change at one route
_TRIED = 16  # probes of one change at one route
_ROUTES = 8  # routes of one change that are looked for

UNROUTED = frozenset(
    (
        "no_route",
        "method_not_allowed",
        "path_ambiguous",
        "route_denied",
        "batch_malformed",
        "batch_refused",
        "batch_too_large",
    )
)
"""Why a request is refused before any policy judges it."""

NOT_TRIED = "No request was looked for: there was no time left."
NOT_FOUND = "No single request was found that the old side refuses for this alone."
NOTHING_REFUSED = "It refuses no request by name, so none shows it."

_BY_SECTION: Mapping[str, Probes] = {
    "": requests.way,
    "auth": requests.auth,
    "cors": requests.cors,
    "rate_limits": counts.limit,
    "bodies": contents.body,
    "uploads": contents.upload,
    "schemas": contents.schema,
    "lockouts": counts.lockout,
    "breakers": counts.breaker,
}
"""Of a policy, or of the way to a route."""

_BY_PATH: Mapping[tuple[str, ...], Probes] = {
    ("routes", "mode"): requests.only_reports,
    ("listen", "trusted_proxies"): listeners.trusted,
    ("listen", "limits", "header_bytes"): listeners.head,
    ("upstreams", "breaker"): counts.breaker,
    ("upstreams", "trpc", "max_batch"): listeners.batch,
    ("upstreams", "paths", "case"): requests.way,
    ("upstreams", "paths", "slash"): requests.way,
    ("upstreams", "paths", "suffix"): requests.way,
}
"""Of other settings, without the names of routes and upstreams."""


class _Pair(NamedTuple):
    old: DryRun
    new: DryRun


class Finder:
    """Looks for witnesses of the changes from ``old`` to ``new``. ``begin`` makes a dry run of each side that has counted nothing;
    ``requests`` has by route requests that both sides forward; ``now`` is in Unix seconds."""

    def __init__(
        self,
        old: RoutedSide,
        new: RoutedSide,
        begin: Callable[[], tuple[DryRun, DryRun]],
        requests: Mapping[str, Sequence[Transition]],
        now: float,
    ) -> None:
        self._old = old
        self._new = new
        self._begin = begin
        self._requests = requests
        self._now = now
        self._until = thread_time() + SECONDS
        self._number = 0
        self._pair: _Pair | None = None

    def with_witnesses(self, drafts: Sequence[Draft]) -> list[Change]:
        """The changes of ``drafts``, which come in the order of danger. Each has a witness before any has a second one."""
        found: list[dict[str, Witness]] = [{} for _ in drafts]
        why = ["" for _ in drafts]
        for nth in range(_ROUTES):
            for index, draft in enumerate(drafts):
                route = self._route(draft, nth) if draft.change.loosens else None
                if route is None:
                    continue
                probes = _probes_of(draft)
                if probes is None:
                    why[index] = NOTHING_REFUSED
                elif thread_time() >= self._until:
                    why[index] = why[index] or NOT_TRIED
                else:
                    witness = self._witness(draft, route, probes)
                    if witness is not None:
                        found[index][route] = witness
                    elif not why[index]:
                        why[index] = NOT_FOUND
        return [
            replace(draft.change, witnesses=witnesses, unwitnessed="" if witnesses else reason)
            for draft, witnesses, reason in zip(drafts, found, why, strict=True)
        ]

    def _route(self, draft: Draft, nth: int) -> str | None:
        """The route to try after so many others: those first that have the fewest limits, which might refuse a request before."""
        names = sorted(
            draft.change.routes, key=lambda name: len(self._new.routes[name].policies.get("rate_limits", ()))
        )
        if names:
            return names[nth] if nth < len(names) else None
        return "" if nth == 0 else None

    def _witness(self, draft: Draft, route: str, probes: Probes) -> Witness | None:
        until = min(self._until, thread_time() + _EACH)
        tried = 0
        for question in self._questions(draft, route):
            for probe in probes(question):
                if tried >= _TRIED or thread_time() >= until:
                    return None
                tried += 1
                witness = self._confirmed(draft, route, probe)
                if witness is not None:
                    return witness
        return None

    def _questions(self, draft: Draft, route: str) -> Iterator[Question]:
        several = draft.requests.get(route) or self._requests.get(route, ())
        if not route:
            several = [requests[0] for requests in self._requests.values() if requests]
        ranked = sorted(
            several, key=lambda each: (each.request.spelling, each.method not in ("POST", "GET"), each.method != "POST")
        )
        for transition in ranked[:3]:
            self._number += 1
            before = self._old.routes.get(transition.before.route)
            token = before is not None and bool(before.policies.get("auth"))
            there = Sample(self._old, before, transition) if before is not None else None
            cors = there.policy("cors") if there is not None else None
            origins = cors.origins if isinstance(cors, Cors) else ()
            sample = Sample(self._new, self._new.routes[transition.after.route], transition, token, origins)
            yield Question(draft, sample, there, self._number, self._now, self._requests)

    def _confirmed(self, draft: Draft, route: str, probe: Probe) -> Witness | None:
        """The witness that ``probe`` is, None where it shows nothing of ``draft`` at ``route``."""
        fresh = probe.shares or self._pair is None
        pair = self._pair if self._pair is not None and not fresh else _Pair(*self._begin())
        # What it leaves behind is of its own client, unless time has passed or all clients share it.
        keeps = not (probe.shares or probe.sent.every or any(each.every for each in probe.earlier))
        self._pair = pair if keeps else None
        witness = self._shown(draft, route, probe, pair)
        # What was counted before for others may have refused it: only a run that has counted nothing shows it.
        return witness if witness is None or fresh else self._shown(draft, route, probe, _Pair(*self._begin()))

    def _shown(self, draft: Draft, route: str, probe: Probe, pair: _Pair) -> Witness | None:
        before = self._run(pair.old, probe)
        after = self._run(pair.new, probe) if before is not None and _refused_by(draft, before) else None
        if before is None or after is None or after.verdict != PASS:
            return None
        if route and route not in (after.route, *(call.route for call in after.calls)):
            return None
        sent = {name: getattr(probe.sent, name) for name in SentRequest.__dataclass_fields__}
        return Witness(**sent, before=before.verdict, after=after.verdict, earlier=probe.earlier)

    def _run(self, run: DryRun, probe: Probe) -> Outcome | None:
        last = None
        for sent in (*probe.earlier, probe.sent):
            request = DryRequest(
                sent.method, sent.target, sent.headers, sent.body, sent.address, sent.claims, sent.listener
            )
            response = ScriptedResponse(sent.upstream)
            for _ in range(sent.repeat):
                if last is not None:
                    run.clock.advance(sent.every)
                last = run.run(request, response)
        return last


def _probes_of(draft: Draft) -> Probes | None:
    change = draft.change
    if draft.section in ("listen", "routes", "upstreams"):
        keys = change.setting.split(".")
        path = draft.detail.path if draft.detail is not None else (keys[0], keys[-1])
        named = path[0] == "upstreams" and len(path) > 2
        return _BY_PATH.get((path[0], *path[2:]) if named else path)
    if draft.section == "rate_limits" and draft.detail is None:
        return counts.split
    return _BY_SECTION.get(draft.section)


def _refused_by(draft: Draft, outcome: Outcome) -> bool:
    """Whether the old side refuses a request by what the change is of."""
    slug = outcome.verdict
    if slug == PASS:
        return False
    if not draft.section:
        return slug in UNROUTED
    kind = SECTIONS.get(draft.section)
    if kind is None:
        return draft.section != "routes" or slug not in UNROUTED
    if draft.section == "cors" and draft.policies[0] is None:
        return slug == "preflight_refused"
    stages = [stage for stage in outcome.stages if stage.verdict == slug]
    if any(stage.kind == kind.name for stage in stages):
        return True
    policy = draft.policies[0]
    return policy is not None and slug in policy.reasons() and draft.section not in ("rate_limits", "lockouts")
