"""What is wrong with a schema beyond its grammar, and what looks like a mistake."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

from gateway.policy.schema.cost import MOST_VISITS, Endless, cost_of
from gateway.policy.schema.keywords import BY_ANCHOR, KNOWN, Path, subschemas, target
from gateway.policy.schema.mistakes import mistakes

MOST_SHOWN = 10
"""Remarks of one kind on one file: the place of each is looked for from the beginning of the file on, and a reload waits for it."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class Remark(NamedTuple):
    """``at`` leads to the keyword, or the value, that it is about."""

    at: Path
    sentence: str
    hint: str = ""
    warning: bool = False


def remarks(schema: object, max_depth: int) -> Iterator[Remark]:
    """The remarks on ``schema``, which judges documents that are nested ``max_depth`` deep: first what is wrong, then what looks
    like a mistake, and then the names that are no keywords, of each at most ``MOST_SHOWN``."""
    if isinstance(schema, dict) and str(schema.get("$schema", _DIALECT)).rstrip("#") != _DIALECT:
        yield Remark(("$schema",), "is another version of JSON Schema", f"write {_DIALECT}, or leave it out")
    found = list(subschemas(schema))
    keywords = [((*path, keyword), keyword, value) for path, one in found for keyword, value in one.items()]
    wrong = [remark for each in keywords if (remark := _of_keyword(*each, schema)) is not None]
    yield from wrong[:MOST_SHOWN]
    hardly_meant = (
        Remark((*path, keyword), sentence, hint, True)
        for path, one in found
        for keyword, sentence, hint in mistakes(one)
    )
    yield from islice(hardly_meant, MOST_SHOWN)
    yield from islice(_unknown(keywords), MOST_SHOWN)
    if not wrong:
        yield from _of_cost(schema, max_depth)


def _of_keyword(at: Path, keyword: str, value: object, schema: object) -> Remark | None:
    if keyword == "$ref" and target(schema, value) is None:
        return _of_reference(at, value)
    if keyword in BY_ANCHOR:
        return Remark(at, "is not taken here", "refer by position: #/$defs/NAME")
    if keyword == "$id" and len(at) > 1:
        return Remark(at, "is not taken inside of a schema: a file is one schema", "leave it out")
    if keyword == "x-message" and not isinstance(value, str):
        return Remark(at, "must be a text: the sentence to show")
    return None


def _unknown(keywords: Iterable[tuple[Path, str, object]]) -> Iterator[Remark]:
    for at, keyword, value in keywords:
        if keyword.startswith("x-"):
            if keyword != "x-message" and difflib.get_close_matches(keyword, ["x-message"], cutoff=0.8):
                yield Remark(at, "is a name of your own, so it says nothing", "did you mean x-message?", True)
        elif keyword not in KNOWN:
            yield Remark(at, "is no keyword of JSON Schema, so it checks nothing", _meant(keyword, value), True)


def _meant(keyword: str, value: object) -> str:
    """What an unknown keyword is meant for, as a hint."""
    if keyword == "nullable":  # of OpenAPI 3.0
        return 'write "type": ["string", "null"]'
    close = difflib.get_close_matches(keyword, sorted(KNOWN), n=1)
    if close:
        return f"did you mean {close[0]}?"
    return "write fields below properties" if isinstance(value, dict) else "begin names of your own with x-"


def _of_reference(at: Path, value: object) -> Remark:
    hint = "write what is referred to under $defs of this file, and #/$defs/NAME here"
    if not isinstance(value, str):
        return Remark(at, "must be a text such as #/$defs/NAME")
    if value.startswith("#"):
        return Remark(at, "refers to nothing in this file", hint)
    shown = value if value.isprintable() and len(value) < 100 else "another document"
    return Remark(at, f"refers to {shown}, and nothing is fetched: a file stands alone", hint)


def _of_cost(schema: object, max_depth: int) -> Iterator[Remark]:
    try:
        visits = cost_of(schema, max_depth).visits
    except Endless as error:
        yield Remark((), str(error), "let a $ref that leads back stand below properties or items")
        return
    if visits > MOST_VISITS:
        sentence = f"may judge one value more than {MOST_VISITS} times in a document nested {max_depth} deep"
        yield Remark((), sentence, "let fewer alternatives lead back to the same schema, or set a smaller max_depth")
