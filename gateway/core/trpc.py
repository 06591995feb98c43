"""From a target under a tRPC prefix to its procedure calls, read exactly as @trpc/server 11 reads it.

The functions take paths of ``core.path.canonical`` and queries of ``core.query.canonical_query``: every character that a name
may hold is decoded there, so a name with a triplet in it is no name. Nothing here is decoded a second time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

from gateway.core.path import BARE_PERCENT
from gateway.core.spelling import folded
from gateway.core.strict_json import read
from gateway.core.superjson import deserialize

_NAME = r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*"
_one = re.compile(_NAME).fullmatch
_MOST_PARAMETERS = 100
_LONGEST_NAME = 256  # characters of a parameter's name
_NOT_NAME = re.compile("[^a-z0-9_-]")
_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ufffd]").search
_several = re.compile(rf"{_NAME}(?:,{_NAME})*").fullmatch


class ProcedureCalls(NamedTuple):
    """The procedures that a request calls, aliases resolved, and the tail of the path that goes upstream for them.

    ``tail`` spells the resolved names, so the procedures that were matched are those that run, even where an alias is
    configured wrongly.
    """

    procedures: tuple[str, ...]
    batch: bool
    tail: str


def is_batch(query: str) -> bool:
    """True when the first ``batch`` parameter of a canonical query is exactly ``1``; later ones do not count.

    No letter of the name can be a triplet in a canonical query, so nothing is decoded here.
    """
    if query == "batch=1" or query[:8] == "batch=1&":
        return True
    if "batch" not in query:
        return False
    framed = f"&{query}&"
    written, bare = framed.find("&batch="), framed.find("&batch&")
    return written >= 0 and not 0 <= bare < written and framed[written + 7 : written + 9] == "1&"


def calls(path_tail: str, query: str, aliases: Mapping[str, str], max_batch: int) -> ProcedureCalls | str:
    """The calls in the path after the prefix and its slash, or the slug of the refusal.

    Slugs: ``no_route`` (not a batch and not one name), ``batch_malformed`` (an empty name or one that no procedure can
    have), ``batch_too_large``. One trailing slash is dropped, as the backend ignores it. Aliases are resolved once.
    """
    tail = path_tail[:-1] if path_tail[-1:] == "/" else path_tail
    batch = is_batch(query)
    if "," not in tail or not batch:
        if _one(tail) is None:
            return "batch_malformed" if batch else "no_route"
        name = aliases.get(tail, tail)
        return ProcedureCalls((name,), batch, name)
    if tail.count(",") >= max_batch:
        return "batch_too_large"
    if _several(tail) is None:
        return "batch_malformed"
    names = tuple([aliases.get(name, name) for name in tail.split(",")])
    return ProcedureCalls(names, True, ",".join(names))


def query_input(query: str) -> str | None:
    """The text of the ``input`` parameter of a canonical query, None without one. Raises ValueError as ``written_input``."""
    written = written_input(query)
    try:
        return None if written is None else unquote_plus(written, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("the input in the query is not UTF-8") from None


def written_input(query: str) -> str | None:
    """The ``input`` parameter of a canonical query as it is there, None without one or with an empty one.

    Raises ValueError when another parser may find another one, or not the same as to whether it is a batch: where ``input``
    or ``batch`` is there twice, or a name in another case, with brackets, a dot or blanks comes to one of them.
    """
    if not query or query == "batch=1":
        return None
    words = first_words(query)
    values = dict([part.partition("=")[::2] for part in query.split("&")])
    for word in ("input", "batch"):
        if words.count(word) > 1 or (word in words and word not in values):
            raise ValueError(f"the query holds {word} twice, or in another spelling")
    return values.get("input") or None


def first_words(query: str) -> list[str]:
    """What each parameter's name in a query comes to for parsers of brackets, of dots, and without case.

    Raises ValueError for more than 100 parameters, for a semicolon, which separates for some (HTML 4 B.2.2), for a name of more
    than 256 characters, and for one that each decodes in its own way: with a control character, where some end it, with a
    percent sign that begins no triplet (``%u0061`` is an a to ASP.NET), or not UTF-8.
    """
    if ";" in query:
        raise ValueError("the query holds a semicolon, which may separate parameters")
    if query.count("&") >= _MOST_PARAMETERS:
        raise ValueError("the query has too many parameters")
    sent = [part.partition("=")[0] for part in query.split("&")]
    if max(map(len, sent)) > _LONGEST_NAME:
        raise ValueError("the query has a parameter whose name is too long")
    names = [unquote_plus(name) for name in sent]
    if _NOT_TEXT("".join(names)) is not None or BARE_PERCENT.search("&".join(sent)) is not None:
        raise ValueError("the query has a parameter whose name is no plain text")
    return [_NOT_NAME.sub(" ", folded(name)).strip(" ").partition(" ")[0] for name in names]


def inputs(text: str | None, batch: bool, count: int, transformer: str = "superjson") -> list[object]:
    """Each call's input, in call order; None for a call without one. Raises ValueError for input that cannot be read safely.

    ``text`` is the content of a POST, or the ``input`` of the query of a GET. With ``transformer="none"`` the values
    themselves are the inputs. ``core.strict_json`` and ``core.superjson`` say what is refused; of a batch also any member
    that is the input of no call: a second reader may take "00" for 0.
    """
    if text is None:
        return [None] * count
    unwrap = _plain if transformer == "none" else deserialize
    given = payloads(read(text), batch, count)
    return [unwrap(given[index]) if index in given else None for index in range(count)]


def payloads(whole: object, batch: bool, count: int) -> Mapping[int, object]:
    """What ``whole``, the content or the ``input`` of a query, holds for each call that has an input, as it is wrapped.

    Raises ValueError for a batch that is no object, as @trpc/server does, and for a member that is the input of no call.
    """
    if not batch:
        return {0: whole}
    if not isinstance(whole, dict):
        raise ValueError("a batch needs an object of inputs")
    indices = {str(index): index for index in range(count)}
    if not whole.keys() <= indices.keys():
        raise ValueError("a batch has an input of no call")
    return {indices[name]: payload for name, payload in whole.items()}


def _plain(value: object) -> object:
    return value
