"""Requests whose input is as the schema of its procedure or route says. YAML section ``schemas``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Literal, NamedTuple

from gateway.core.exchange import Exchange
from gateway.core.issue import Issue
from gateway.core.methods import SAFE
from gateway.core.reason import REASONS
from gateway.core.superjson import Input
from gateway.core.verdict import Details, Refusal, refuse
from gateway.policy.base.inputs import InputError, checked_inputs, malformed
from gateway.policy.base.pointer import MISSING
from gateway.policy.base.report import covered
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.schema.cost import Cost, cost_of
from gateway.policy.schema.dates import Positions, are_dates
from gateway.policy.schema.document import read
from gateway.policy.schema.issues import MOST, issues_of, values_of
from gateway.policy.schema.query import parameters
from gateway.policy.schema.sentences import REQUIRED
from gateway.policy.schema.settings import QUERY, Settings
from gateway.policy.schema.validator import Validator, compiled

SECTION = "schemas"

MOST_JUDGED = 150_000
"""Values, each counted as often as its schema may judge it, at 9 ns or less. 64 KiB may hold 32,000 values."""

_REASON = REASONS["schema_refused"]
_OF_CALLS = 400
"""The status of a refused call: that of the backend's own refusal, which its apps know."""
_OF_CALL = replace(_REASON, status=_OF_CALLS)


class InputSchema(NamedTuple):
    """The schema of one file, compiled."""

    schema: object
    validator: Validator
    cost: Cost
    octets: int
    """What is no longer than this has so few values that they need not be counted."""
    positions: Positions


class Schema(Stage):
    """Judges the input of each call whose route names this policy, or the body and the query of a route.

    May refuse with ``json_malformed``, ``schema_refused``, ``media_type_refused`` and, for a query, ``path_ambiguous``.
    """

    __slots__ = ("_max_depth", "_name", "_schemas", "_section")

    def __init__(
        self,
        name: str,
        max_depth: int,
        schemas: Mapping[str, InputSchema],
        mode: Literal["enforce", "report"] = "enforce",
    ) -> None:
        self._name = name
        self._section = covered(SECTION, mode)
        self._max_depth = max_depth
        self._schemas = schemas

    def on_request(self, exchange: Exchange) -> Refusal | None:
        try:
            if hasattr(exchange, "form"):  # judged while it is read
                return None if exchange.calls else self._judge_query(exchange)
            if exchange.calls:
                return self._judge_calls(exchange)
            return self._judge_query(exchange) or self._judge_body(exchange)
        except ValueError as error:  # of a value that the package does not take, too: half a surrogate pair
            return malformed(self._name, error)

    def _judge_calls(self, exchange: Exchange) -> Refusal | None:
        inputs = checked_inputs(exchange, self._max_depth)
        issues: list[Issue] = []
        refused: list[str] = []
        work = 0
        octets = len(exchange.body or exchange.query)
        for index, call in enumerate(exchange.calls):
            if self._name not in call.route.named[self._section]:
                continue
            found = self._schemas.get(call.procedure)
            if found is None:
                return self._without(call.procedure, exchange)
            value, dates = inputs[index]
            if value is MISSING:
                value = None
            work += _work(found, value, octets)
            wrong = _issues(found, value, work, index, before=len(refused))
            if wrong:
                refused.append(call.procedure)
                issues += wrong
                if len(issues) >= MOST:
                    break
            elif dates:
                self._check_dates(found, inputs[index], index if len(exchange.calls) > 1 else None)
        return self._refusal(refused[0], exchange, issues) if refused else None

    def _judge_query(self, exchange: Exchange) -> Refusal | None:
        name = exchange.route.name + QUERY
        found = self._schemas.get(name)
        if found is None:
            return None
        try:
            value = parameters(exchange.query)
        except ValueError as error:
            return refuse("path_ambiguous", f"{self._name}: {error}")
        issues = _issues(found, value, _work(found, value, len(exchange.query)), query=True)
        return self._refusal(name, exchange, issues) if issues else None

    def _judge_body(self, exchange: Exchange) -> Refusal | None:
        if not exchange.body and exchange.method in SAFE:
            return None
        name = exchange.route.name
        found = self._schemas.get(name)
        if found is None:
            return self._without(name, exchange)
        (given,) = checked_inputs(exchange, self._max_depth)
        value = None if given.value is MISSING else given.value
        issues = _issues(found, value, _work(found, value, len(exchange.body or b"")))
        return self._refusal(name, exchange, issues) if issues else None

    @staticmethod
    def _check_dates(found: InputSchema, given: Input, call: int | None) -> None:
        """Raise ValueError for a text that is made a date after the check, where it is none by the schema."""
        if not are_dates(found.positions, given.value, given.dates):
            raise InputError(ValueError("its meta makes a date of what is none by its schema"), call)

    def _without(self, name: str, exchange: Exchange) -> Refusal:
        return self._refusal(name, exchange, [], "there is no schema for ")

    def _refusal(self, name: str, exchange: Exchange, issues: Sequence[Issue], why: str = "") -> Refusal:
        """``name``: the schema that refuses, of a batch that of the first call. The log gets the fields of each call and what is
        wrong with them, each once, and no value."""
        reason = _REASON if exchange.route.error_format == "problem" else _OF_CALL
        found: dict[str, dict[str, None]] = {} if issues else {name: {}}
        for issue in issues[:MOST]:
            schema = exchange.calls[issue.call].procedure if exchange.calls else name
            wrong = "missing" if issue.expected == REQUIRED else issue.code
            found.setdefault(schema, {})[f"{'.'.join(map(str, issue.path)) or '(whole)'} {wrong}"] = None
        where = "; ".join(f"{schema}{': ' if at else ''}{', '.join(at)}" for schema, at in found.items())
        return Refusal(reason, f"{self._name}: {why}{where}", details=Details(tuple(issues[:MOST])))


def _work(found: InputSchema, value: object, octets: int) -> int:
    """How many judgements ``value`` comes to, which came in so many ``octets``; 0 where they are few."""
    return values_of(value, MOST_JUDGED) * found.cost.work if octets > found.octets else 0


def _issues(
    found: InputSchema, value: object, work: int, call: int = 0, query: bool = False, before: int = 0
) -> Sequence[Issue]:
    """What is wrong with ``value``; empty where the schema takes it. ``work`` is that of all calls so far, and ``before`` how many of
    them are refused: errors of the next ones are looked for less far. Raises ValueError, whose sentence quotes nothing, where
    the package cannot say: it reads no text with half a surrogate pair."""
    if work > MOST_JUDGED:
        return [Issue((), "too_big", "", "Has too many entries.", call, query)]
    try:
        if found.validator.is_valid(value):
            return ()
        return issues_of(found.validator, found.schema, found.cost, value, call, query, before)
    except (ValueError, OverflowError):
        raise ValueError("the content holds a value that no schema can judge") from None


def build(name: str, settings: Settings, tools: Tools) -> Schema:
    """The stage for the policy ``name``."""
    depth = settings.max_depth
    schemas = {
        stem: tools.parts.part(("schema", octets, depth), partial(_input_schema, octets, depth))
        for stem, octets in settings.files.contents.items()
    }
    return Schema(name, depth, schemas, settings.mode)


def _input_schema(octets: bytes, max_depth: int) -> InputSchema:
    schema = read(octets)[1]
    cost = cost_of(schema, max_depth)
    return InputSchema(schema, compiled(schema).validator, cost, 2 * MOST_JUDGED // cost.work, Positions(schema))
