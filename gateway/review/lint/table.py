"""All rules, one row each, from the files of their subjects: ``gateway check``, its pages and its tests go by this table."""

from __future__ import annotations

import difflib

from gateway.review.lint import (
    bodies,
    browsers,
    fallbacks,
    limits,
    listeners,
    routes,
    secrets,
    sign_ins,
    tokens,
    trials,
    upstreams,
)
from gateway.review.lint.finding import LintRule

RULES: tuple[LintRule, ...] = (
    *sign_ins.RULES,
    *limits.RULES,
    *tokens.RULES,
    *secrets.RULES,
    *routes.RULES,
    *bodies.RULES,
    *browsers.RULES,
    *upstreams.RULES,
    *fallbacks.RULES,
    *listeners.RULES,
    *trials.RULES,
)

BY_ID = {rule.id: rule for rule in RULES}


def close_to(name: str) -> list[str]:
    """The ids that somebody may have meant by ``name``: those that are spelled like it, then those with a word of it."""
    spelled = difflib.get_close_matches(name.lower(), BY_ID, 3, 0.6)
    words = {word for word in name.lower().replace("_", "-").split("-") if len(word) > 3}
    return list(dict.fromkeys([*spelled, *(each for each in BY_ID if words & set(each.split("-")))]))[:6]
