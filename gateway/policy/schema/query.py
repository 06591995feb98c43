"""The query of a route as one value that a schema can judge."""

from __future__ import annotations

from urllib.parse import unquote_plus

from gateway.core.path import BARE_PERCENT
from gateway.core.trpc import first_words

Parameters = dict[str, str | list[str]]


def parameters(query: str) -> Parameters:
    """The parameters of ``query``: a text for each, a list of texts for one that is there several times.

    They are decoded once. Raises ValueError, whose sentence quotes nothing, for a query that another reader may take for
    something else: names that come to the same for one who overlooks case and brackets, a percent sign that begins no triplet,
    and what is not UTF-8.
    """
    if not query:
        return {}
    words = first_words(query)
    if BARE_PERCENT.search(query) is not None:
        raise ValueError("the query has a percent sign that begins no triplet")
    found: Parameters = {}
    meanings: dict[str, str] = {}
    for word, part in zip(words, query.split("&"), strict=True):
        if not part:
            continue
        written, _, encoded = part.partition("=")
        try:
            name, value = unquote_plus(written, errors="strict"), unquote_plus(encoded, errors="strict")
        except UnicodeDecodeError:
            raise ValueError("the query is not UTF-8") from None
        if meanings.setdefault(word, name) != name:
            raise ValueError("the query has a parameter in two spellings")
        before = found.get(name)
        if before is None:
            found[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            found[name] = [before, value]
    return found
