"""All findings in one configuration, and which of them somebody answers for."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.config.acknowledgements import EVERYWHERE, Acknowledgement
from gateway.config.model import Config
from gateway.review.diff.where import Places
from gateway.review.lint.finding import Finding, LintRule, Severity, Spot
from gateway.review.lint.subject import Subject
from gateway.review.lint.table import BY_ID, RULES, close_to

ABOUT_ACCEPTING = LintRule(
    "acceptance-idle",
    Severity.LOW,
    "A finding that is accepted and not there",
    "It was mended, or its name is misspelt. Left in the file it accepts the same finding when it comes back, unseen.",
    "remove it, or write the id and the path that gateway check shows",
    "acknowledge:\n  - {finding: schema-waived, at: routes.hook, by: Ada, reason: the sender signs it, until: 2027-01-31}",
    lambda _: (),
)
"""The one rule that looks at the findings of the others."""

ALL_RULES = (*RULES, ABOUT_ACCEPTING)


def findings(config: Config, now: float) -> Sequence[Finding]:
    """The findings in ``config`` at ``now`` (Unix seconds), from the worst on, then by where they are; accepted ones too."""
    subject, places = Subject(config, now), Places(config)
    accepting = [one for one in config.acknowledgements if one.finding is not None and not one.expired(now)]
    found = [
        _finding(rule, spot, _where(spot.path, places, config), accepting)
        for rule in RULES
        for spot in dict.fromkeys(rule.judge(subject))
    ]
    used = {id(one.accepted) for one in found}
    for idle in accepting:
        if id(idle) not in used and not any(_accepts(idle, one.id, one.path) for one in found):
            where = f"{idle.position.file}:{idle.position.line}"
            found.append(_finding(ABOUT_ACCEPTING, Spot(("acknowledge",), _idle(idle)), where, accepting))
    return sorted(found, key=lambda one: (one.severity.rank, _line(one.where), one.path, one.id))


def _finding(rule: LintRule, spot: Spot, where: str, accepting: Sequence[Acknowledgement]) -> Finding:
    path = ".".join(spot.path)
    accepted = next((one for one in accepting if _accepts(one, rule.id, path)), None)
    return Finding(rule.id, rule.severity, where, path, spot.sentence, rule.title, rule.why, rule.mend, accepted)


def _accepts(one: Acknowledgement, rule: str, path: str) -> bool:
    return one.finding == rule and (one.at in (EVERYWHERE, path) or path.startswith(f"{one.at}."))


def _idle(one: Acknowledgement) -> str:
    name = one.finding or ""
    if name in BY_ID:
        return f"accepts {name} at {one.at}, where nothing is found"
    close = close_to(name)
    return f"accepts {name}, which is no finding" + (f": did you mean {close[0]}?" if close else "")


def _where(path: tuple[str, ...], places: Places, config: Config) -> str:
    """``file:line`` of ``path``; the entry file where nothing of it is written."""
    found = config.named_at.get(".".join(path)) or places.setting(path)
    if path[0] == "routes" and (len(path) == 2 or not found):
        found = places.route(path[1])
    return found or f"{config.files[0] if config.files else 'upstreams.yaml'}:1"


def _line(where: str) -> tuple[str, int]:
    file, _, line = where.rpartition(":")
    return file, int(line)
