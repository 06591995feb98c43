"""From a target under a tRPC prefix to its procedure calls, read exactly as @trpc/server 11 reads it.

The functions take the result of ``core.path.canonical``: every character that a name may hold is decoded there, so a name
with a triplet in it is no name. Nothing here is decoded a second time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote_plus

_NAME = r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+"
_one = re.compile(_NAME).fullmatch
_several = re.compile(rf"{_NAME}(?:,{_NAME})*+").fullmatch


class ProcedureCalls(NamedTuple):
    """The procedures that a request calls, aliases resolved, and the tail of the path that goes upstream for them.

    ``tail`` spells the resolved names, so the procedures that were matched are those that run, even where an alias is
    configured wrongly.
    """

    procedures: tuple[str, ...]
    batch: bool
    tail: str


def is_batch(query: str) -> bool:
    """True when the first ``batch`` parameter of a canonical query is exactly ``1``; later ones do not count."""
    if query == "batch=1" or query[:8] == "batch=1&":
        return True
    return parameter(query, "batch") == "1" if "batch" in query else False


def parameter(query: str, wanted: str) -> str | None:
    """The first value of a parameter, decoded as the URL Standard's form parser does, or None without one."""
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name == wanted or (("%" in name or "+" in name) and unquote_plus(name) == wanted):
            return unquote_plus(value)
    return None


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


def inputs(body: bytes | None, query: str, batch: bool, count: int, transformer: str = "superjson") -> list[object]:
    """Each call's input, in call order; None for a call without one. Raises ValueError for input that cannot be read safely.

    ``body`` is the request body of a POST and must be None for a GET, where the backend reads ``input`` of the query
    whatever the body holds. With ``transformer="none"`` the values themselves are the inputs.

    Refused although the backend may read them: an object key twice (parsers differ on which counts), any coding but UTF-8,
    and superjson's ``referentialEqualities``, which let one field take the value of another after it was checked.
    """
    text = parameter(query, "input") if body is None else body.decode()
    if text is None or (body is None and not text):
        return [None] * count
    whole = _parse(text)
    if not batch:
        return [_unwrap(whole, transformer)]
    if not isinstance(whole, dict):
        raise ValueError("a batch needs an object of inputs")
    return [_unwrap(whole[key], transformer) if key in whole else None for key in map(str, range(count))]


def _unwrap(value: object, transformer: str) -> object:
    if transformer == "none":
        return value
    if not isinstance(value, dict):
        raise ValueError("an input needs an object with json in it")
    meta = value.get("meta")
    if isinstance(meta, dict) and "referentialEqualities" in meta:
        raise ValueError("an input may not refer to another part of itself")
    return value.get("json")


def _parse(text: str) -> object:
    try:
        value: object = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text that can be keyed on
    except RecursionError:
        raise ValueError("the input is nested too deeply") from None
    return value


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("the input holds an object key twice")
    return members


def _constant(name: str) -> object:
    raise ValueError("the input holds a number JSON does not have")
