"""A request that a running gateway has refused, explained by its line in the log.

The line has what decided and by which configuration, and neither the body nor the token: so the verdict is taken from the line,
and only the route and the stages with their settings from the configuration.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from gateway.config.model import Config
from gateway.core.reason import REASONS
from gateway.review.dry_run.dry_run import DryRun
from gateway.review.dry_run.outcome import Canonical, TracedCall
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.trace import NOT_REACHED, PASS, TracedStage
from gateway.review.explain.explain import Explained
from gateway.review.explain.explanation import Explanation

# The kinds whose stages refuse with reasons that begin so, the most exact first.
_KINDS = (
    ("preflight_", "cors"),
    ("origin_", "cors"),
    ("cross_site_", "cors"),
    ("forwarded_", "client"),
    ("rate_limited", "rate_limit"),
    ("token_", "auth"),
    ("claim_", "auth"),
    ("scope_", "auth"),
    ("body_", "body"),
    ("media_type_", "body"),
    ("target_too_long", "body"),
    ("upload_", "upload"),
    ("schema_", "schema"),
    ("json_", "schema"),
    ("account_locked", "lockout"),
    ("address_locked", "lockout"),
    ("upstream_busy", "concurrency"),
    ("upstream_resting", "breaker"),
)


class Recorded:
    """Explains lines of the log by ``config``. ``at`` is in Unix seconds."""

    def __init__(self, config: Config, at: float) -> None:
        self._config = config
        self._dry_run = DryRun(config, at=at)
        self._explained = Explained(config)

    def explanation(self, line: Mapping[str, Any]) -> Explanation:
        """The explanation of the request that ``line`` is about."""
        request = _request_of(line)
        found = self._dry_run.run(request)
        reason, detail = str(line.get("reason") or ""), str(line.get("detail") or "")
        route = str(line.get("route") or found.route)
        # Without a path nothing was routed: the head could not be read, or has no canonical spelling.
        path = str(line.get("path") or "")
        known = found.route == route and bool(path or line.get("path_sent"))
        outcome = replace(
            found,
            canonical=Canonical(request.method, path, "") if path else Canonical("", "", ""),
            verdict=reason or PASS,
            detail=detail,
            status=_number(line.get("status")),
            stages=_judged(found.stages, reason, detail) if known else (),
            route=route,
            calls=found.calls or tuple(TracedCall(name, route) for name in _procedures(line)),
            fields=(),
            body=b"",
            fallback=str(line.get("fallback") or ""),
            reported=tuple(map(str, line.get("reported") or ())),
            forwarded=(),
            request_id=str(line.get("id") or ""),
        )
        notes = [*self._explained.refused_by(outcome), *_notes(self._config, line, found.route == route)]
        return replace(self._explained.outcome(outcome, request), notes=notes)


def _request_of(line: Mapping[str, Any]) -> DryRequest:
    """What the line has of the request: enough for its route. Raises ValueError for a line that no gateway has written."""
    path = str(line.get("path") or line.get("path_sent") or "/")
    fields = {"origin": str(line["origin"])} if line.get("origin") else {}
    listener: Literal["public", "egress"] = "egress" if line.get("listener") == "egress" else "public"
    target = f"{path}?batch=1" if len(_procedures(line)) > 1 else path
    return DryRequest(str(line.get("method") or "GET"), target, fields, listener=listener)


def _procedures(line: Mapping[str, Any]) -> list[str]:
    names = line.get("procedures")
    return list(map(str, names)) if isinstance(names, list) else []


def _judged(stages: Sequence[TracedStage], reason: str, detail: str) -> tuple[TracedStage, ...]:
    """``stages`` with the verdict of the line at the one that gave it: those before have passed."""
    at = _refusing(stages, reason, detail)
    if at is None:
        return tuple(stage._replace(verdict=PASS, detail="") for stage in stages)
    before = [stage._replace(verdict=PASS, detail="") for stage in stages[:at]]
    behind = [stage._replace(verdict=NOT_REACHED, detail="") for stage in stages[at + 1 :]]
    return (*before, stages[at]._replace(verdict=reason, detail=detail), *behind)


def _refusing(stages: Sequence[TracedStage], reason: str, detail: str) -> int | None:
    """Which of ``stages`` has refused: the one whose policy the detail names, or the first of the kind that has such reasons."""
    names = detail.partition(":")[0].split(", ")
    for index, stage in enumerate(stages):
        if stage.kind != "concurrency" and stage.policy and stage.policy in names:  # which is named by its upstream
            return index
    if reason == "rate_limited" and detail.endswith("in flight"):
        kind = "in_flight"
    elif reason == "media_type_refused" and detail.endswith("form"):
        kind = "upload"
    else:
        kind = next((kind for start, kind in _KINDS if reason.startswith(start)), "")
    return next((index for index, stage in enumerate(stages) if stage.kind == kind), None)


def _notes(config: Config, line: Mapping[str, Any], same_route: bool) -> list[str]:
    notes = [
        f"as the gateway has logged it at {line.get('ts', 'some time')}: the line has no query, no body and no token"
    ]
    digest = str(line.get("config") or "")
    if digest and not config.digest.startswith(digest):
        notes.append(f"the configuration {digest} decided, and these files are {config.digest[: len(digest)]}")
    if not same_route:
        notes.append("with these files the request takes another route, so its stages are not shown")
    reason = str(line.get("reason") or "")
    if reason in REASONS:
        notes.append(REASONS[reason].sentence.replace("{retry_after} ", "some "))
    return notes


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
