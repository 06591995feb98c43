"""The JSON values that the upstream reads from a request, for the policies that look inside: one reading, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.strict_json import check, decoded
from gateway.core.superjson import NO_JSON, Input, deserialize_plain
from gateway.core.trpc import first_words, inputs, is_batch, payloads, query_input, written_input
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.coding import IDENTITY, NOT_CODED, coding_of
from gateway.policy.base.pointer import MISSING, find, loosened
from gateway.policy.base.quick_json import call_at_fault, read_quickly

MEDIA_TYPE = "application/json"

LONGEST_BODY = 2**20
"""Bytes of a body that policies look into, at most."""

LONGEST_CHECKED = 4 * 2**20
"""Bytes of a body that a schema judges, at most: a recording may be in it as text."""

# A backend decodes by what charset says (Express, aiohttp), and parsers differ on every other parameter, on an empty one and
# on a second charset.
_JSON = re.compile(rb'application/json[ \t]*+(?:;[ \t]*+charset=(?:utf-8|"utf-8")[ \t]*+)?', re.IGNORECASE).fullmatch

_WITHOUT_CONTENT = ("GET", "HEAD")

_JSON_ONLY = ((b"accept", MEDIA_TYPE.encode()),)


class MediaTypeError(ValueError):
    """The content is of a media type, or coded in a way, that no policy reads. ``headers`` say what would be read."""

    def __init__(self, sentence: str, headers: tuple[Pair, ...]) -> None:
        super().__init__(sentence)
        self.headers = headers


def inputs_of(exchange: Exchange) -> Sequence[object]:
    """The input of each call; the whole JSON body where there are no calls. MISSING stands for an absent one.

    Read once for each request, however many policies ask. ``exchange.body`` must have been read before. Raises ValueError
    for a request that two parsers may read differently; the sentence quotes nothing of it, and ``unreadable`` makes a
    refusal of it.
    """
    try:
        return exchange.inputs
    except AttributeError:
        exchange.inputs = values = _read(exchange)
        return values


_NO_INPUT = Input(MISSING)


class InputError(ValueError):
    """An input has no reading that is certain to be the upstream's. ``call`` is its index in a batch, None where it is not known
    or there is none."""

    def __init__(self, trouble: ValueError, call: int | None = None) -> None:
        super().__init__(str(trouble) if call is None else f"call {call} of the batch, counted from 0: {trouble}")
        self.call = call


def checked_inputs(exchange: Exchange, max_depth: int) -> Sequence[Input]:
    """The input of each call as a schema may judge it; of a route without calls its whole JSON body.

    ``exchange.body`` must have been read before. Raises ValueError as ``inputs_of`` (``InputError`` for what is sent), except
    for names that differ in case only; and for objects and lists more than ``max_depth`` inside each other, the wrapping
    counted, for integers that JavaScript does not read exactly, and for every annotation of superjson but ``undefined`` of a
    member and ``Date``. ``malformed`` makes a refusal of it. What was read is what ``inputs_of`` gives later.
    """
    sent = _sent(exchange, LONGEST_CHECKED)
    count = len(exchange.calls)
    if sent is None:
        found: Sequence[Input] = (_NO_INPUT,) * (count or 1)
    elif not count:
        found = (_checked(sent, max_depth),)
    elif is_batch(exchange.query):
        found = _checked_batch(sent, max_depth, count, exchange.route.error_format)
    else:
        found = (_checked(sent, max_depth, exchange.route.error_format),)
    exchange.checked = found
    return found


def _checked(sent: bytes, max_depth: int, transformer: str = "none") -> Input:
    try:
        return _unwrapped(read_quickly(sent, max_depth), transformer)
    except ValueError as error:
        raise InputError(error) from None


def _checked_batch(sent: bytes, max_depth: int, count: int, transformer: str) -> Sequence[Input]:
    try:
        whole = read_quickly(sent, max_depth)
    except ValueError as error:
        raise InputError(error, call_at_fault(sent, count, max_depth)) from None
    found = [_NO_INPUT] * count
    for call, payload in payloads(whole, True, count).items():
        try:
            found[call] = _unwrapped(payload, transformer)
        except ValueError as error:
            raise InputError(error, call) from None
    return found


def _unwrapped(payload: object, transformer: str) -> Input:
    if transformer == "none":
        return Input(payload)
    plain = deserialize_plain(payload)
    return _NO_INPUT if plain is None else plain


def _read(exchange: Exchange) -> Sequence[object]:
    checked = getattr(exchange, "checked", None)
    if checked is not None:
        return [_as_looked_into(one) for one in checked]
    sent = _sent(exchange)
    count = len(exchange.calls)
    if sent is None:
        return [None] * count if count and exchange.method in _WITHOUT_CONTENT else (MISSING,) * (count or 1)
    if not count:
        return inputs(decoded(sent), False, 1, "none")
    return inputs(decoded(sent), is_batch(exchange.query), count, exchange.route.error_format)


def _as_looked_into(checked: Input) -> object:
    """What ``inputs_of`` gives for an input that is read already. Raises ValueError as ``core.strict_json.read``."""
    value, dates = checked
    if value is MISSING:
        return None
    check(value)
    return _without_texts(value, dates) if dates else value


def _without_texts(value: object, dates: Iterable[tuple[str, ...]]) -> object:
    """A copy of ``value`` with ``NO_JSON`` at each of ``dates``."""
    value = orjson.loads(orjson.dumps(value))
    for *above, last in dates:
        parent: Any = value
        for name in above:
            parent = parent[int(name) if isinstance(parent, list) else name]
        parent[int(last) if isinstance(parent, list) else last] = NO_JSON
    return value


def _sent(exchange: Exchange, longest: int = LONGEST_BODY) -> bytes | None:
    """The JSON that holds the inputs of ``exchange``, in a body of at most ``longest`` bytes; None without any."""
    body = exchange.body
    if body:
        _check_head(exchange, longest)
    if not exchange.calls:
        return body or None
    if exchange.method in _WITHOUT_CONTENT:
        text = query_input(exchange.query)
        return None if text is None else text.encode()
    if written_input(exchange.query) is not None:
        raise ValueError("the query holds an input that belongs into the content")
    if not body and b"content-type" in exchange.fields:
        _check_type(exchange)  # @trpc/server reads a form or a stream also where nothing is
    return body or None


def value_at(exchange: Exchange, value: object, tokens: tuple[str, ...]) -> object:
    """What ``tokens`` lead to in ``value``, an input of ``exchange``, or MISSING (``policy.base.pointer``).

    Raises ValueError as ``find``, and for a path whose query has a parameter of that name: many frameworks put the
    parameters of the query and the members of the body into one map.
    """
    if exchange.query and not exchange.calls and loosened(tokens[0]) in map(loosened, first_words(exchange.query)):
        raise ValueError("the query has a parameter of the name that is looked for in the content")
    return find(value, tokens)


def unreadable(policy: str, error: ValueError) -> Refusal:
    """The refusal by ``policy`` of a request that has no reading."""
    if isinstance(error, MediaTypeError):
        return refuse("media_type_refused", f"{policy}: {error}", headers=error.headers)
    return refuse("body_malformed", f"{policy}: {error}")


def malformed(policy: str, error: ValueError) -> Refusal:
    """The refusal by ``policy``, a schema, of a request that two parsers may read differently."""
    if isinstance(error, MediaTypeError):
        return unreadable(policy, error)
    return refuse("json_malformed", f"{policy}: {error}")


def _check_head(exchange: Exchange, longest: int) -> None:
    """Raise ValueError when the fields or the method say that ``exchange.body`` may be read as something else than JSON."""
    fields = exchange.fields
    if exchange.method in _WITHOUT_CONTENT:
        raise ValueError("a request without content by its method has one")  # RFC 9110 9.3.1: it has no defined meaning
    _check_type(exchange)
    if coding_of(fields) != IDENTITY:
        raise MediaTypeError("the content is coded", NOT_CODED)
    if len(exchange.body or b"") > longest:
        raise ValueError("the content is too long to be looked into")


def _check_type(exchange: Exchange) -> None:
    if _JSON(exchange.fields.get(b"content-type", b"")) is None:
        raise MediaTypeError("the content is not declared as JSON in UTF-8", _JSON_ONLY)
