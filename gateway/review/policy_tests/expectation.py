"""What came of a request, compared with what was expected of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from gateway.core.fields import Pair
from gateway.proxy.compile.routes import UNMATCHED
from gateway.proxy.routing.egress import NO_ROUTE as EGRESS_UNMATCHED
from gateway.review.dry_run.outcome import Outcome
from gateway.review.policy_tests.language import Expectation, Sent
from gateway.review.policy_tests.matching import fits, mismatches, shown

NOTHING = "none"
ANOTHER = "a value that is not shown"
"""What an upstream gets may hold the secrets of the configuration."""


class Unmet(NamedTuple):
    """One thing that came otherwise than expected. ``path`` leads to it in the expectation."""

    path: tuple[str, ...]
    expected: str
    got: str

    @property
    def name(self) -> str:
        """What it is, such as ``headers.retry-after``."""
        return ".".join(self.path)


def unmet(expected: Expectation, outcome: Outcome) -> Iterator[Unmet]:
    """What of ``expected`` did not come, in the order of the language."""
    named = expected.model_fields_set
    for name, wanted, got in (
        ("verdict", expected.verdict, outcome.verdict),
        ("status", expected.status, outcome.status),
        ("route", _of_files(expected.route), _of_files(outcome.route)),
        ("fallback", expected.fallback, outcome.fallback or None),
    ):
        if name in named and wanted != got:
            yield Unmet((name,), _or_none(wanted), _or_none(got))
    if "would_refuse" in named and sorted(expected.would_refuse) != sorted(set(outcome.reported)):
        yield Unmet(("would_refuse",), _listed(expected.would_refuse), _listed(outcome.reported))
    yield from _fields(expected.headers, outcome.fields, ("headers",))
    if "json_body" in named:
        yield from _members(expected.json_body, outcome.body)
    if expected.body is not None and not fits(expected.body, outcome.body.decode("utf-8", "replace")):
        yield Unmet(("body",), shown(expected.body), shown(outcome.body.decode("utf-8", "replace")))
    if "sent" in named:
        yield from _forwarded(expected.sent, outcome)


def _of_files(route: str | None) -> str | None:
    """``route``, None for that of requests that no route takes, on either listener."""
    return None if route in (UNMATCHED, EGRESS_UNMATCHED) else route


def _or_none(value: object) -> str:
    return NOTHING if value is None else str(value)


def _listed(slugs: Sequence[str]) -> str:
    return ", ".join(sorted(set(slugs))) or NOTHING


def _fields(
    expected: Mapping[str, str | None], got: Sequence[Pair], path: tuple[str, ...], secret: bool = False
) -> Iterator[Unmet]:
    """Where the fields ``got`` are not as ``expected``. Values are not shown where they may be ``secret``."""
    present: dict[str, list[str]] = {}
    for name, value in got:
        present.setdefault(name.decode("latin-1").lower(), []).append(value.decode("utf-8", "replace"))
    for field, wanted in expected.items():
        values = present.get(field, [])
        shown_values = ", ".join(values) if not secret else ANOTHER
        if wanted is None:
            if values:
                yield Unmet((*path, field), NOTHING, shown_values)
        elif not values:
            yield Unmet((*path, field), wanted, NOTHING)
        elif not any(fits(wanted, value) for value in (*values, ", ".join(values))):
            yield Unmet((*path, field), wanted, shown_values)


def _members(expected: object, body: bytes) -> Iterator[Unmet]:
    try:
        got = json.loads(body)
    except ValueError:
        yield Unmet(("json",), shown(expected), f"no JSON: {shown(body.decode('utf-8', 'replace'))}")
        return
    for one in mismatches(expected, got):
        yield Unmet(("json", one.path) if one.path else ("json",), one.expected, one.got)


def _forwarded(expected: Sent | None, outcome: Outcome) -> Iterator[Unmet]:
    last = outcome.forwarded[-1] if outcome.forwarded else None
    if expected is None or last is None:
        if (expected is None) != (last is None):
            got = f"{last.method} {last.target} to {last.upstream}" if last else NOTHING
            yield Unmet(("sent",), NOTHING if expected is None else "a request to the upstream", got)
        return
    for name, wanted, value in (
        ("upstream", expected.upstream, last.upstream),
        ("method", expected.method, last.method),
    ):
        if wanted is not None and wanted != value:
            yield Unmet(("sent", name), wanted, value)
    if expected.target is not None and not fits(expected.target, last.target):
        yield Unmet(("sent", "target"), expected.target, last.target)
    yield from _fields(expected.headers, last.fields, ("sent", "headers"), secret=True)
