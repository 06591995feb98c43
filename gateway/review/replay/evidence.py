"""What the line of a request says of each stage that it went through: which let it pass, which refused it, and which never saw it."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.core.failure import CallFailure
from gateway.review.replay.recorded import RecordedRequest
from gateway.review.replay.steps import SLUGS, AskedStage

PASSED = "pass"
"""The verdict on a request that no stage refuses."""

OUTCOMES = frozenset(
    (
        *(failure.slug for failure in CallFailure if failure is not CallFailure.BUSY),
        "no_healthy_endpoint",
        "loop_detected",
        "client_stalled",
        "stream_quiet",
        "body_timeout",
        "draining",
        "internal_error",
    )
)
"""Reasons that no policy decides: what became of the call, of the client, or of the gateway."""

UNROUTED = "requests that no limit of a route counts"
"""The detail of a refusal by the limit of what no limit of a route counts (``proxy.flow.unrouted``)."""

_IN_FLIGHT = "are in flight"
_OF_UPLOADS = frozenset(("no form", "a coded form", "a form for several calls"))
_FULL = ": the state store is full"


def verdict_of(line: RecordedRequest) -> str:
    """The verdict that the line records, ``PASSED`` or the reason that the client was given."""
    return PASSED if line.fallback or not line.reason else line.reason


class Evidence:
    """What ``line`` says of ``steps``, the stages of its route when it came."""

    __slots__ = ("_first", "_last", "_line", "_steps")

    def __init__(self, line: RecordedRequest, steps: Sequence[AskedStage]) -> None:
        self._line = line
        self._steps = steps
        self._first, self._last = self._refused_at()

    def of(self, index: int) -> str | None:
        """What the stage at ``index`` has decided: ``PASSED``, the reason for which it has refused the request (or would have, in
        report mode), or None: it never saw it, or is one of several that may have refused it."""
        line = self._line
        if index < self._first:
            step = self._steps[index]
            slugs = SLUGS[step.kind]
            if step.report and line.reported:
                return next((slug for slug in line.reported if slug in slugs), PASSED)
            return PASSED
        return line.reason if index == self._first == self._last else None

    def of_itself(self, index: int) -> str | None:
        """The same for the side that has decided: of several stages that may have refused the request, the first did."""
        return self._line.reason if index == self._first else self.of(index)

    def _refused_at(self) -> tuple[int, int]:
        """From the first to the last stage that may have refused the request; both are behind the last one when none has."""
        line, steps = self._line, self._steps
        end = len(steps)
        if not (line.reason or line.reached or line.status):
            return -1, end  # its client has left, whoever was about to decide
        if not line.reason or line.reached:
            return end, end
        found = [index for index, step in enumerate(steps) if not step.report and line.reason in SLUGS[step.kind]]
        if len(found) > 1 or line.reason in ("rate_limited", "batch_refused", "path_ambiguous"):
            found = [index for index in found if _names(line, steps[index])]
        if found:
            return found[0], found[-1]
        if line.reason in ("rate_limited", *_OF_STAGES_ALONE):
            return -1, end  # whichever
        return end, end


_OF_STAGES_ALONE = frozenset().union(*SLUGS.values()) - {"batch_refused", "path_ambiguous", "upstream_busy"}
"""Reasons that only a stage has: where no stage of the route can have refused for one, another configuration did."""


def _names(line: RecordedRequest, step: AskedStage) -> bool:
    """Whether the detail of a refusal is one that ``step`` writes."""
    detail = line.detail
    if step.kind == "in_flight":
        return detail.endswith(_IN_FLIGHT)
    if step.kind == "upload":
        return line.reason.startswith("upload_") or detail in _OF_UPLOADS
    if step.kind == "rate_limit" and line.reason == "rate_limited":
        return not set(step.names).isdisjoint(detail.removesuffix(_FULL).split(", "))
    if step.kind in ("rate_limit", "schema", "lockout"):
        return detail.startswith(tuple(f"{name}: " for name in step.names))
    if step.kind == "body":
        return detail not in _OF_UPLOADS and ": " not in detail.partition(" ")[0] + " "
    return True
