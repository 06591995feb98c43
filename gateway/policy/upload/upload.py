"""Which uploads may pass: the parts of a form, and what is in them, judged while they arrive. YAML section ``uploads``."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from dataclasses import replace
from functools import partial

from gateway.core.exchange import HEAD_START, Exchange
from gateway.core.grammar import TOKEN
from gateway.core.issue import Issue
from gateway.core.methods import WITH_CONTENT
from gateway.core.reason import REASONS
from gateway.core.verdict import Details, Refusal, refuse
from gateway.policy.base.coding import IDENTITY, NOT_CODED, coding_of
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.upload.form import boundary_of
from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.judged_content import JudgedContent, ObservedContent
from gateway.policy.upload.part_head import LONGEST_HEAD
from gateway.policy.upload.refused import MalformedForm, TooLarge, UploadRefused
from gateway.policy.upload.settings import MEDIA_TYPE, Settings

SECTION = "uploads"

_ACCEPT = ((b"accept", MEDIA_TYPE.encode()),)
# Whoever reads the JSON judges its parameters; a comma would make two types of it, of which undici takes the last.
_JSON = re.compile(rf'application/json[ \t]*(?:;[ \t]*{TOKEN}=(?:{TOKEN}|"[^",\\]*")[ \t]*)*'.encode(), re.I).fullmatch


class UploadPolicy(Stage):
    """Judges the form that a request is. JSON is left to the policies that look into it, any other content is refused.

    May refuse with ``upload_malformed``, ``upload_type_refused``, ``upload_too_large`` and ``media_type_refused``. What is known
    by the head is refused before a client that waits for 100 is asked for the content (RFC 9110 10.1.1). A small form is judged
    whole before anything is taken for its call; one that is still arriving is judged while it is sent on, and its reader
    gets the refusal.
    """

    __slots__ = ("_changes", "_longest", "_needed", "_policy", "_reports", "_rules")

    def __init__(self, settings: Settings, name: str = "") -> None:
        self._policy = f"{SECTION}.{name}"
        self._rules = {name: PartRule(name, part) for name, part in settings.parts.items()}
        self._changes = any(part.as_ for part in settings.parts.values())
        self._longest = sum(part.max + LONGEST_HEAD for part in settings.parts.values()) + LONGEST_HEAD
        self._needed = next((name for name, part in settings.parts.items() if part.required), "")
        self._reports = settings.mode == "report"

    def on_request(self, exchange: Exchange) -> Refusal | Awaitable[Refusal | None] | None:
        sent = exchange.fields.get(b"content-type", b"")
        if _JSON(sent) is not None:
            return None
        stream = exchange.stream
        if stream is None:
            if not self._needed or exchange.method not in WITH_CONTENT:
                return None
            return _refusal(MalformedForm(f"The form needs the part {self._needed}.", self._needed))
        if sent.partition(b";")[0].strip(b" \t").lower() != MEDIA_TYPE.encode():
            return refuse("media_type_refused", "no form", headers=_ACCEPT)
        if len(exchange.calls) > 1:
            return refuse("batch_refused", "a form for several calls")
        if coding_of(exchange.fields) != IDENTITY:
            return refuse("media_type_refused", "a coded form", headers=NOT_CODED)
        try:
            judge = FormJudge(self._rules, boundary_of(sent))
            if stream.length is not None and stream.length > self._longest:
                raise TooLarge(f"The form may have {self._longest} bytes at most.")
        except UploadRefused as error:
            return _refusal(error)
        exchange.form = True
        if self._reports:
            exchange.stream = ObservedContent(stream, judge, partial(_note, exchange, self._policy))
            return None
        content = JudgedContent(stream, judge, _refusal, self._changes)
        return self._take_whole(exchange, content) if stream.complete else self._take_start(exchange, content)

    @staticmethod
    def _take_whole(exchange: Exchange, content: JudgedContent) -> Refusal | None:
        whole = content.whole()
        if isinstance(whole, Refusal):
            return whole
        exchange.body = whole
        return None

    async def _take_start(self, exchange: Exchange, content: JudgedContent) -> Refusal | None:
        """Judge the beginning of a form that is still arriving, before the stages after this one take anything for it."""
        refusal = await content.start(HEAD_START)
        if refusal is None and content.complete:
            return self._take_whole(exchange, content)
        exchange.stream = content
        return refusal


def _refusal(error: UploadRefused) -> Refusal:
    sentence = str(error)
    issues = (Issue((error.part,), error.code, "", sentence),) if error.part else ()
    detail = f"{sentence} ({error.detail})" if error.detail else sentence
    return Refusal(REASONS[error.slug], detail, details=Details(issues, sentence))


def _note(exchange: Exchange, policy: str, error: UploadRefused) -> None:
    exchange.reported.append(replace(_refusal(error), policy=policy))


def build(name: str, settings: Settings, tools: Tools) -> UploadPolicy:
    """The stage for the policy ``name``."""
    return UploadPolicy(settings, name)
