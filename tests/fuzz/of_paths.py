"""Harnesses for targets: the path, the query and the calls of tRPC. What is said here twice was written a second time, simpler."""

from __future__ import annotations

import re
from posixpath import normpath
from urllib.parse import parse_qsl, unquote, unquote_plus, unquote_to_bytes

from gateway.core.dot_segment import leads_up
from gateway.core.path import PCHAR, Ambiguous, canonical, divided, members, split_target
from gateway.core.path_reading import SAME, PathReading, PathsByReading
from gateway.core.path_sent import below, sent_path, stays_below, unspelled_query
from gateway.core.query import canonical_query, is_canonical
from gateway.core.trpc import ProcedureCalls, calls, first_words, inputs, is_batch, query_input, written_input

ALIASES = {"auth.signin": "auth.login"}
MOST = 5  # calls of a batch

_SPELLED = re.compile(f"/(?:{members(PCHAR + '/')}|%[0-9A-F]{{2}})*").fullmatch
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", re.ASCII).fullmatch
_SLUGS = ("no_route", "batch_malformed", "batch_too_large")
READINGS = [
    PathReading(case, slash, suffix) for case in (True, False) for slash in (True, False) for suffix in (True, False)
]
_GUARDS = [
    PathsByReading([("/api/admin", 1), ("/api/files/*", 2), ("/*", 3), ("/a", 4)], reading) for reading in READINGS
]
PREFIXES = ("/", "/open/", "/api/")


def path(data: bytes) -> None:
    """A request target: one spelling of its path, which decodes to what was sent, or a refusal."""
    target = data.decode("latin-1")
    try:
        authority, rest = split_target(target)
        assert authority is None or target.partition("//")[2].startswith(authority)
        if rest == "*":
            return
        found, query = canonical(rest)
    except Ambiguous as error:
        assert str(error).isascii()
        _unspelled(target)
        return
    assert _SPELLED(found) and "//" not in found[:-1], found
    assert canonical(f"{found}?{query}") == (found, query)
    assert query == rest.partition("?")[2]
    assert unquote_to_bytes(found) == unquote_to_bytes(rest.partition("?")[0])
    assert not {".", ".."}.intersection(unquote(found).split("/"))
    assert "%" not in found or not leads_up(unquote(found))
    assert SAME.segments(found, 64) == tuple(found.split("/")[1:])
    for guards in _GUARDS:
        for pattern, payload in guards.find(found):
            assert pattern.startswith("/") and payload in (1, 2, 3, 4)
    for prefix in PREFIXES:
        if found.startswith(prefix) and not target.startswith(("h", "H")):
            assert canonical(below(prefix, sent_path(target)[0]))[0] == found


def _unspelled(target: str) -> None:
    """A path that has no one spelling: it stays below a pattern in every reading of it, or is refused."""
    query = unspelled_query(target)
    if query is None:
        return
    sent = sent_path(target)[0]
    assert divided(f"{sent}?{query}") == (sent, query)
    for prefix in PREFIXES:
        if sent.startswith(prefix) and stays_below(prefix, sent):
            for read in _read(sent[len(prefix) :]):
                led = normpath(f"/x{prefix}{read}")
                assert f"{led}/".startswith(f"/x{prefix}"), (prefix, sent, read)


def _read(rest: str) -> list[str]:
    """What servers make of the rest of a path: decoded up to three times, backslashes for slashes, parameters cut off."""
    found = []
    for _ in range(4):
        slashed = rest.replace("\\", "/")
        found += [rest, slashed, re.sub(";[^/]*", "", slashed), slashed.partition(";")[0], slashed.partition("\0")[0]]
        rest = unquote(rest)
    return found


def query(data: bytes) -> None:
    """A query of tRPC: one spelling, which says the same, and one reading of what depends on it."""
    try:
        text = divided("/?" + data.decode("latin-1"))[1]
        spelled = canonical_query(text)
    except Ambiguous as error:
        assert str(error).isascii()
        return
    assert canonical_query(spelled) == spelled
    assert is_canonical(text) is None or spelled == text
    assert _pairs(spelled) == _pairs(text)
    firsts = [value for name, value in _pairs(spelled) if name == b"batch"]
    assert is_batch(spelled) == (firsts[:1] == [b"1"])
    try:
        words = first_words(spelled)
        assert len(words) == spelled.count("&") + 1
        written = written_input(spelled)
        found = query_input(spelled)
    except ValueError as error:
        assert str(error).isascii()
        return
    assert (written is None) == (found is None)
    there = [value for name, value in parse_qsl(spelled, keep_blank_values=True) if name == "input"]
    assert found == ((there or [""])[0] or None), (found, there)


def _pairs(query: str) -> list[tuple[bytes, bytes]]:
    """Names and values of a query as bytes."""
    split = [part.partition("=") for part in query.split("&")]
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]


def trpc(data: bytes) -> None:
    """A target below a tRPC mount: calls that a second splitting finds too, and their inputs, or a refusal."""
    try:
        found, sent = canonical("/" + data.decode("latin-1"))
        spelled = canonical_query(sent)
    except Ambiguous:
        return
    called = calls(found[1:], spelled, ALIASES, MOST)
    if not isinstance(called, ProcedureCalls):
        assert called in _SLUGS
        return
    tail = unquote(found[1:]).removesuffix("/")
    names = tail.split(",") if called.batch else [tail]
    assert called.procedures == tuple(ALIASES.get(name, name) for name in names)
    assert called.batch == is_batch(spelled) and 1 <= len(names) <= MOST
    assert all(_NAME(name) for name in names) and called.tail == ",".join(called.procedures)
    assert calls(called.tail, spelled, ALIASES, MOST) == called
    try:
        text = query_input(spelled)
        values = inputs(text, called.batch, len(names))
    except ValueError as error:
        assert str(error).isascii()
        return
    assert len(values) == len(names)
    assert text is None or text in [unquote_plus(part.partition("=")[2]) for part in spelled.split("&")]
