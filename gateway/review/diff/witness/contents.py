"""Requests whose content is judged: its size, type, form and schema."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from gateway.core.methods import WITH_CONTENT
from gateway.policy.body import Settings as Body
from gateway.policy.schema.settings import Settings as Schemas
from gateway.policy.upload.pattern import compiled
from gateway.policy.upload.settings import MEDIA_TYPE, Part
from gateway.policy.upload.settings import Settings as Upload
from gateway.review.diff.change import SentRequest
from gateway.review.diff.witness.forms import BOUNDARY, content, encoded, form
from gateway.review.diff.witness.probe import Probe, Question
from gateway.review.pattern_texts import texts

LARGEST = 64 * 1024 * 1024
"""Bytes of a body that are tried."""

_WRONG: tuple[object, ...] = (None, "witness", 0, [], {"witness": True}, {})


def body(question: Question) -> Iterator[Probe]:
    """One byte more, another type, a compressed body, a longer query, and a body where there was none."""
    base, (old, new) = question.base, question.policies
    if not isinstance(old, Body):
        return
    after = new if isinstance(new, Body) else Body()
    if old.max is not None and old.max < LARGEST and (after.max is None or after.max > old.max):
        yield Probe(_typed(replace(base, body=base.body.ljust(old.max + 1)), base))
    for kind in (*after.types, "text/plain", "application/octet-stream"):
        if kind not in old.types:
            media_type = kind.replace("*", "plain")
            yield Probe(replace(base, headers=_headers(base, media_type), body=base.body or b"a"))
    if old.without_content and question.transition.method in old.without_content:
        yield Probe(_typed(replace(base, body=b"{}"), base))
    if old.inflate != after.inflate and base.body:
        fields = (*base.headers, ("content-encoding", "gzip"))
        yield Probe(replace(base, headers=fields, body=gzip.compress(base.body)))
        long = base.body.ljust(200_000)
        yield Probe(replace(base, headers=fields, body=gzip.compress(long)))
    if old.query is not None:
        query = base.target.partition("?")[2]
        start = base.target + ("&q" if query else "?q")
        if old.query.max is not None:
            yield Probe(replace(base, target=start + "x" * max(0, old.query.max - len(query) - bool(query))))
        if old.query.parameters is not None:
            there = query.count("&") + bool(query)
            yield Probe(replace(base, target=start + "&q" * max(0, old.query.parameters - there)))


def _typed(sent: SentRequest, base: SentRequest) -> SentRequest:
    return (
        sent
        if any(name == "content-type" for name, _ in base.headers)
        else replace(sent, headers=_headers(base, "application/json"))
    )


def _headers(base: SentRequest, media_type: str) -> tuple[tuple[str, str], ...]:
    return (*(pair for pair in base.headers if pair[0] != "content-type"), ("content-type", media_type))


def upload(question: Question) -> Iterator[Probe]:
    """Forms with a part that is larger, of another type, of another name or missing."""
    base, (old, new) = question.base, question.policies
    if not isinstance(old, Upload) or question.transition.method not in WITH_CONTENT:
        return
    after = new if isinstance(new, Upload) else None
    rest = after or old

    def with_form(octets: bytes) -> Probe:
        return Probe(replace(base, headers=_headers(base, f"{MEDIA_TYPE}; boundary={BOUNDARY}"), body=octets))

    for name, part in (after or old).parts.items():
        was = old.parts.get(name)
        if after is None or was != part:
            for media_type in (*part.types, *part.as_):
                yield with_form(form(rest, {name: content(part, media_type)}))
            for octets in () if part.types else _texts(part, was):
                yield with_form(form(rest, {name: (octets, "")}))
            if was is not None and part.max > was.max and part.max < LARGEST:
                yield with_form(form(rest, {name: _longer(part, was.max + 1)}))
            if was is not None and was.required and not part.required:
                others = {
                    other: content(each) for other, each in rest.parts.items() if not each.types and other != name
                }
                yield with_form(form(rest, others, without=name))
    if after is None:
        yield with_form(encoded({"witness": (b"a", "")}))


def _texts(part: Part, was: Part | None) -> Iterator[bytes]:
    """Texts that ``part`` takes, one that ``was`` does not among them."""
    yield content(part)[0]
    yield b"a"
    if was is None or part.pattern is None or was.pattern is None:
        return
    now, before = compiled(part.pattern), compiled(was.pattern)
    for text in texts(part.pattern):
        # Both patterns have been found to be fast for texts of that length.
        if len(text.encode()) <= min(part.max, was.max) and now.fullmatch(text) and not before.fullmatch(text):
            yield text.encode()
            return


def _longer(part: Part, length: int) -> tuple[bytes, str]:
    octets, media_type = content(part)
    return octets.ljust(length, b"a"), media_type


def schema(question: Question) -> Iterator[Probe]:
    """The input that the comparison found, or one that no object is."""
    draft, number, sample = question.draft, question.number, question.sample
    if draft.example:
        yield Probe(sample.with_input(number, json.loads(draft.example)))
    deep = (question.policies[0] is not None and cast(Schemas, question.policies[0]).max_depth) or 0
    if question.path == ("max_depth",):
        value: object = 0
        for _ in range(deep):
            value = [value]
        yield Probe(sample.with_input(number, {"deep": value}))
        yield Probe(sample.with_input(number, value))
    for wrong in _WRONG:
        yield Probe(sample.with_input(number, wrong))
    yield Probe(question.base)
