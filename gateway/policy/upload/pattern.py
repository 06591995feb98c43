"""Regular expressions for the texts of a form, of which every one takes little time, whatever is sent.

The engine of Python tries one way after the other to match a text, and ``(a+)+b`` has so many of them for ``aaaa...`` that it
never ends. So only patterns are taken whose ways can be counted, and are few for the longest text that the part may have.
"""

from __future__ import annotations

import re

MOST_STEPS = 150_000
"""Ways to match a text, times what is tried in each: a few milliseconds at most."""

_token_at = re.compile(
    r"""(?P<escape>\\[dwsDWS]|\\[^a-zA-Z0-9])
    |(?P<set>\[\^?\]?(?:\\[dwsDWS]|\\[^a-zA-Z0-9]|[^\]\\])*\])
    |(?P<open>\((?:\?:)?(?!\?))
    |(?P<close>\))
    |(?P<bar>\|)
    |(?P<repeat>\{[0-9]{1,4}(?:,[0-9]{0,4})?\}|[*+?])
    |(?P<plain>[^\\\[\](){}*+?|])""",
    re.VERBOSE | re.DOTALL,
).match


class _WayCounter:
    """Counts the ways in which the expression of ``tokens`` may match one text of ``longest`` characters."""

    def __init__(self, tokens: list[tuple[str, str]], longest: int) -> None:
        self._tokens = tokens
        self._longest = longest
        self._at = 0
        self.tried = len(tokens)  # in each way, at most

    def _next(self) -> str:
        return self._tokens[self._at][0] if self._at < len(self._tokens) else ""

    def ways(self, depth: int = 0) -> int:
        """Those of the alternatives from here to the end of the group."""
        total, branch = 0, 1
        while True:
            kind = self._next()
            if kind in ("", "close"):
                if (kind == "close") is not (depth > 0):
                    raise ValueError("parentheses")
                return self._bounded(total + branch)
            if kind == "bar":
                total, branch = total + branch, 1
                self._at += 1
                continue
            branch = self._bounded(branch * self._item(depth))

    def _item(self, depth: int) -> int:
        kind = self._next()
        self._at += 1
        one = 1
        if kind == "open":
            one = self.ways(depth + 1)
            self._at += 1
        elif kind == "repeat":
            raise ValueError("nothing to repeat")
        if self._next() != "repeat":
            return one
        least, most = _bounds(self._tokens[self._at][1], self._longest)
        self.tried += least
        self._at += 1
        if self._next() == "repeat":
            raise ValueError("a repeat of a repeat")
        if one == 1:
            return most - least + 1
        return self._bounded(sum(self._bounded(one ** min(times, 64)) for times in range(least, most + 1)))

    @staticmethod
    def _bounded(ways: int) -> int:
        return min(ways, MOST_STEPS + 1)


def _bounds(repeat: str, longest: int) -> tuple[int, int]:
    """The least and the most times of ``repeat`` that fit into a text of ``longest`` characters."""
    if repeat in "*+?":
        least, most = int(repeat == "+"), (1 if repeat == "?" else longest)
    else:
        first, comma, last = repeat[1:-1].partition(",")
        least = int(first)
        most = int(last) if last else longest if comma else least
    if most < least:
        raise ValueError("a repeat of less than nothing")
    return min(least, longest), min(most, longest)


def alternatives(pattern: str) -> frozenset[str]:
    """What stands between the bars of ``pattern`` that are in no group: a text matches when it matches one of them."""
    found, start, depth, at = [], 0, 0, 0
    while at < len(pattern):
        token = _token_at(pattern, at)
        if token is None:  # which ``check`` refuses
            return frozenset((pattern,))
        depth += {"open": 1, "close": -1}.get(str(token.lastgroup), 0)
        if token.lastgroup == "bar" and not depth:
            found.append(pattern[start:at])
            start = token.end()
        at = token.end()
    return frozenset((*found, pattern[start:]))


def compiled(pattern: str) -> re.Pattern[str]:
    """``pattern`` for whole texts, its classes of ASCII alone. Raises re.error. Only what ``check`` has found good may be tried on
    a text that a client sends."""
    return re.compile(pattern, re.ASCII)


def check(pattern: str, longest: int) -> str:
    """What is wrong with ``pattern`` for texts of up to ``longest`` bytes; empty when it is good."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(pattern):
        found = _token_at(pattern, at)
        if found is None:
            return "uses what is not taken here: write characters, sets, groups, | and repeats"
        tokens.append((str(found.lastgroup), found[0]))
        at = found.end()
    try:
        compiled(pattern)
        reader = _WayCounter(tokens, longest)
        steps = reader.ways() * reader.tried
    except (ValueError, re.error, RecursionError, OverflowError):
        return "is no regular expression that is understood here"
    return "" if steps <= MOST_STEPS else f"can match a text of {longest} bytes in too many ways, which takes long"
