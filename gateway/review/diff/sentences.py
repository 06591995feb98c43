"""What the formats for people say of a change in the same words. Names and values stand between backticks (``written.code``)."""

from __future__ import annotations

from gateway.core.reason import REASONS
from gateway.policy.base.order import Danger, Effect, danger_in_words
from gateway.policy.base.written import code
from gateway.review.diff.change import PASS, Witness
from gateway.review.diff.review import Review, ReviewedChange
from gateway.review.diff.uses import ANYBODY

_MOST_ROUTES = 12

NO_EFFECT = "nothing there that decides: names, order, comments, spelling, acknowledgements or what is not in use"

_COUNTS = {"rate_limits": "More tries", "lockouts": "More tries"}
"""How bad a change is, by sections of which that says it better than its danger."""


def title(change: ReviewedChange) -> tuple[str, str]:
    """The first sentence about ``change``, a loosening with how bad it is, and all that follows on it."""
    first, rest = _split(change.why)
    if change.effect is not Effect.LOOSENS:
        return first, rest
    return f"{_danger(change)}: {first}", rest


def _danger(change: ReviewedChange) -> str:
    if change.danger >= Danger.OPEN and change.why.startswith(ANYBODY):
        return "Open to anybody"
    return _COUNTS.get(change.setting.partition(".")[0]) or danger_in_words(change.danger)


def _split(why: str) -> tuple[str, str]:
    """The first sentence of ``why`` and the others. A full stop between backticks ends none."""
    quoted = False
    for at, letter in enumerate(why):
        if letter == "`":
            quoted = not quoted
        elif not quoted and why.startswith(". ", at):
            return why[: at + 1], why[at + 2 :]
    return why, ""


def routes(change: ReviewedChange, review: Review) -> str:
    """The routes that ``change`` concerns, each with the requests that it takes, as far as that is known."""
    shown = [_route(name, review.route_words.get(name, "")) for name in change.routes[:_MOST_ROUTES]]
    more = len(change.routes) - _MOST_ROUTES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _route(name: str, words: str) -> str:
    return f"{code(name)} ({words})" if words else code(name)


def verdicts(witness: Witness) -> str:
    """What a client gets who sends ``witness``, before and now."""
    return f"Before: {_verdict(witness.before)}. Now: {_verdict(witness.after)}."


def _verdict(verdict: str) -> str:
    if verdict == PASS:
        return "passes the gateway; the backend may still refuse it"
    reason = REASONS.get(verdict)
    return f"HTTP {reason.status} {code(verdict)} by the gateway" if reason else f"{code(verdict)} by the gateway"
