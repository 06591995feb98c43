"""The rule about fallbacks that hide an error from whoever reads the response."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.fallback.fallback import Settings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject

SECTION = "fallbacks"
_MARKS = (
    "mock",
    "fallback",
    "degraded",
    "stale",
    "error",
    "errors",
    "reason",
    "unavailable",
    "offline",
    "resting",
    "partial",
)
"""Members by which a client can tell that the response is none of the upstream's."""
_GOOD = ("ok", "success")
"""Members that say so by being false."""


def _hiding(subject: Subject) -> Iterator[Spot]:
    for upstream, settings in subject.config.upstreams.items():
        for name in settings.fallback:
            fallback = subject.config.policies.get(SECTION, {}).get(name)
            if isinstance(fallback, Settings) and _hides(fallback):
                sentence = f"gives {fallback.status} in place of an error of {upstream}, and nothing in it tells so"
                yield Spot((SECTION, name), sentence)


def _hides(fallback: Settings) -> bool:
    if fallback.stale is not None or fallback.upstream is not None or fallback.status >= 400:
        return False
    value = fallback.value
    members = value.values() if isinstance(value, dict) else ()
    return not any(map(_tells, (value, *members)))  # one level down too, as in {data: [], meta: {degraded: true}}


def _tells(value: object) -> bool:
    """Whether ``value`` has a member that marks the response, and does not deny it."""
    if not isinstance(value, dict):
        return False
    return any(value.get(key) for key in _MARKS) or any(value.get(key) is False for key in _GOOD)


RULES = (
    LintRule(
        "fallback-hides-error",
        Severity.MEDIUM,
        "A made-up success in place of an error",
        "The client takes what was made up for true: it stores it, shows it, or goes on as if it had been done. Whoever can make "
        "the upstream fail chooses when everybody gets it.",
        "write a status of an error, or a member by which the client can tell, such as mock: true",
        "fallbacks:\n  ai-unavailable: {status: 503, json: {error: resting}}\n  stt-mock: {json: {text: '', mock: true}}",
        _hiding,
    ),
)
