"""The JSON values that the upstream reads from a request, for the policies that look inside: one reading, or a refusal."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gateway.core.exchange import Exchange
from gateway.core.fields import Pair
from gateway.core.strict_json import decoded
from gateway.core.trpc import first_words, inputs, is_batch, query_input, written_input
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.pointer import MISSING, find, loosened

MEDIA_TYPE = "application/json"

LONGEST_BODY = 2**20
"""Bytes of a body that policies look into, at most."""

# A backend decodes by what charset says (Express, aiohttp), and parsers differ on every other parameter, on an empty one and
# on a second charset.
_JSON = re.compile(rb'application/json[ \t]*+(?:;[ \t]*+charset=(?:utf-8|"utf-8")[ \t]*+)?', re.IGNORECASE).fullmatch


NOT_CODED = ((b"accept-encoding", b"identity"),)
"""The field of a refusal of coded content, which says that the coding is to blame (RFC 9110 section 15.5.16)."""

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


def _read(exchange: Exchange) -> Sequence[object]:
    body = exchange.body
    if body:
        _check_head(exchange)
    count = len(exchange.calls)
    if not count:
        return inputs(decoded(body), False, 1, "none") if body else (MISSING,)
    if exchange.method in ("GET", "HEAD"):
        text = query_input(exchange.query)
    elif written_input(exchange.query) is not None:
        raise ValueError("the query holds an input that belongs into the content")
    elif not body:
        return (MISSING,) * count
    else:
        text = decoded(body)
    return inputs(text, is_batch(exchange.query), count, exchange.route.error_format)


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


def _check_head(exchange: Exchange) -> None:
    """Raise ValueError when the fields or the method say that ``exchange.body`` may be read as something else than JSON."""
    fields = exchange.fields
    if exchange.method in ("GET", "HEAD"):
        raise ValueError("a request without content by its method has one")  # RFC 9110 9.3.1: it has no defined meaning
    if _JSON(fields.get(b"content-type", b"")) is None:
        raise MediaTypeError("the content is not declared as JSON in UTF-8", _JSON_ONLY)
    if fields.get(b"content-encoding", b"identity").lower() != b"identity":
        raise MediaTypeError("the content is coded", NOT_CODED)
    if len(exchange.body or b"") > LONGEST_BODY:
        raise ValueError("the content is too long to be looked into")
