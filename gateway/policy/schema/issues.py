"""What is wrong with a value that its schema does not take: at most ten issues, in a time that the sender does not choose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from jsonschema_rs import ValidationError

from gateway.core.issue import Issue, Token
from gateway.policy.schema.cost import Cost
from gateway.policy.schema.sentences import described
from gateway.policy.schema.validator import Validator

MOST = 10
"""Issues of one refusal."""

MOST_ERRORS = 1000
"""The most errors that all may come to before only the first is looked for. The package finds all at once, at up to 1 us each."""

MOST_COPIES = 3000
"""The most values that the first error may hold copies of before none is looked for: each error has one of the value that it is
about, at 0.25 us for each value in it, and one of alternatives has the errors of all of them."""

_WITH_INNER = (dict, list)  # a tuple: a union of types takes three times as long to ask for
_LARGEST, _SMALLEST = 1e15, 1e-6

_UNNAMED = ("custom", "", "Is not as it should be.")


def issues_of(
    validator: Validator, schema: object, cost: Cost, value: object, call: int, query: bool, before: int = 0
) -> list[Issue]:
    """The issues of ``value``, which ``validator`` does not take. ``schema`` is what it was compiled from; ``before``: so many
    values of the request have issues already, which leaves less time for those of this one."""
    found: list[Issue] = []
    for error in _errors(validator, cost, value, (before + 1) ** 2):
        for one in _narrowed(error):
            words = described(one, schema)
            path = _known((*one.instance_path, *words.below), cost.names)
            issue = Issue(path, words.code, words.expected, words.message, call, query)
            if issue not in found:
                found.append(issue)
        if len(found) >= MOST:
            break
    return found[:MOST] or [Issue((), *_UNNAMED, call, query)]


def _errors(validator: Validator, cost: Cost, value: object, share: int) -> Iterable[ValidationError]:
    count = values_of(value, MOST_COPIES)
    if count * cost.errors * share <= MOST_ERRORS:
        return validator.iter_errors(_shortened(value))
    if count * (1 + cost.alternatives) * share <= MOST_COPIES:
        try:
            validator.validate(_shortened(value))
        except ValidationError as error:
            return (error,)
    return ()


def _shortened(value: object) -> object:
    """A copy of ``value`` whose numbers have few digits: the package writes each error's 1e300 in 301 of them, which takes 20 us.
    A number keeps its sign and whether it is whole, and stays beyond every limit that schemas have."""
    if isinstance(value, float):
        size = abs(value)
        if size > _LARGEST or 0 < size < _SMALLEST:
            return math.copysign(_LARGEST if size > _LARGEST else _SMALLEST, value)
    elif isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    elif isinstance(value, list):
        return [_shortened(each) for each in value]
    return value


def values_of(value: object, most: int) -> int:
    """How many values ``value`` consists of, or more than ``most``."""
    count = 1
    pending = [value]
    while pending:
        inner = pending.pop()
        if not isinstance(inner, _WITH_INNER):
            continue
        count += len(inner)
        if count > most:
            break
        values = inner.values() if isinstance(inner, dict) else inner
        pending += [each for each in values if isinstance(each, _WITH_INNER)]
    return count


def _narrowed(error: ValidationError) -> Sequence[ValidationError]:
    """Of alternatives the errors of the one that is meant: the only one of the right type. Of others the error itself."""
    for _ in range(4):
        context: list[list[ValidationError]] = error.kind.as_dict().get("context") or []
        at = list(error.instance_path)
        meant = [errors for errors in context if errors and not any(_is_of_other_type(one, at) for one in errors)]
        if len(meant) != 1:
            return (error,)
        if len(meant[0]) > 1 or not meant[0][0].kind.as_dict().get("context"):
            return meant[0][:MOST]
        error = meant[0][0]
    return (error,)


def _is_of_other_type(error: ValidationError, at: list[Token]) -> bool:
    """Whether an alternative for the value at ``at`` is for another type, or for another value of its discriminator."""
    path = list(error.instance_path)
    return (error.kind.name == "type" and path == at) or (error.kind.name == "const" and path[:-1] == at)


def _known(path: tuple[Token, ...], names: frozenset[str]) -> tuple[Token, ...]:
    """``path`` up to the first name that the client has chosen."""
    for index, token in enumerate(path):
        if isinstance(token, str) and token not in names:
            return path[:index]
    return path
