"""The content that is judged while it is read, as those who read it see it."""

from __future__ import annotations

import asyncio

from gateway.core.exchange import read_to_end
from gateway.core.verdict import Refusal, refuse
from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.judged_content import JudgedContent, ObservedContent
from gateway.policy.upload.refused import UploadRefused
from gateway.policy.upload.settings import Settings
from gateway.proxy.message.body import RequestBody
from tests.policy.upload.forms import BOUNDARY, WEBM, arriving, cut, file, form

PARTS = Settings.model_validate({"parts": {"audio": {"types": ["audio/webm"], "max": "1MB", "required": True}}}).parts
BODY = form(file(WEBM * 50))


def judge() -> FormJudge:
    return FormJudge({name: PartRule(name, part) for name, part in PARTS.items()}, BOUNDARY)


def refusal(error: UploadRefused) -> Refusal:
    return refuse(error.slug)


def judged(content: RequestBody, changes: bool = False) -> JudgedContent:
    return JudgedContent(content, judge(), refusal, changes)


def slug(found: object) -> str:
    return found.reason.slug if isinstance(found, Refusal) else ""


def test_a_whole_one() -> None:
    content = judged(arriving(BODY, len(BODY)))
    assert not content.complete, "it is not judged"
    assert content.whole() == BODY
    assert content.complete
    assert content.received == len(BODY)
    assert judged(arriving()).whole() is None
    assert slug(judged(arriving(BODY[:-9])).whole()) == "upload_malformed"


async def test_in_pieces_the_end_comes_last() -> None:
    source = arriving()
    content = judged(source)
    got = b""
    for piece in cut(BODY, 5000):
        source.feed(piece)
        got += await content.read() or b""  # type: ignore[operator]  # no refusal
    assert got == BODY[: BODY.rindex(b"\r\n--")]
    assert not content.complete
    waiting = asyncio.ensure_future(content.read())
    await asyncio.sleep(0)
    assert not waiting.done(), "nothing is known of what follows"
    source.end()
    assert await waiting == BODY[len(got) :]
    assert content.complete
    assert await content.read() == b""


async def test_a_refusal_ends_it() -> None:
    source = arriving()
    content = judged(source)
    source.feed(BODY[:5000])
    assert await content.read() == BODY[:5000]
    source.feed(b"\r\n--" + BOUNDARY + b"x")
    assert slug(await content.read()) == "upload_malformed"
    assert not content.complete


async def test_the_refusal_of_the_client_s_pace_goes_on() -> None:
    source = arriving()
    source.end(refuse("body_timeout"))
    assert slug(await judged(source).read()) == "body_timeout"
    assert slug(await read_to_end(judged(source))) == "body_timeout"
    assert slug(await judged(source).start(10)) == "body_timeout"
    assert slug(judged(source).whole()) == "body_timeout"


async def test_what_is_put_back_is_read_again() -> None:
    content = judged(arriving(BODY))
    first = await content.read()
    assert isinstance(first, bytes)
    content.put_back(first)
    assert content.received == 0
    assert await read_to_end(content) == BODY


async def test_the_start_is_judged_and_kept() -> None:
    source = arriving()
    content = judged(source, changes=True)
    source.feed(BODY[:9000])
    assert await content.start(8000) is None
    assert content.received == 0
    assert content.length is None
    assert await content.gather(8000) is None, "it is here"
    source.feed(BODY[9000:])
    source.end()
    assert await content.read() == BODY[:9000]
    assert await read_to_end(content) == BODY[9000:]
    whole = judged(arriving(BODY))
    assert await whole.start(8000) is None
    assert whole.complete
    assert whole.whole() == BODY
    assert slug(await judged(arriving(BODY[:-9])).start(8000)) == "upload_malformed"


def test_the_length_is_kept_where_nothing_is_changed() -> None:
    assert judged(arriving(BODY, len(BODY))).length == len(BODY)
    assert judged(arriving(BODY, len(BODY)), changes=True).length is None


async def test_an_observed_one_is_passed_as_it_is_and_noted_once() -> None:
    for body, expected in (
        (BODY, []),
        (BODY[:-9], ["upload_malformed"]),
        (form(file(b"x" * 99)), ["upload_type_refused"]),
    ):
        noted: list[str] = []

        def observed(noted: list[str] = noted, body: bytes = body) -> ObservedContent:
            return ObservedContent(arriving(body, len(body)), judge(), lambda error: noted.append(error.slug))

        assert observed().whole() == body
        assert noted == expected
        noted.clear()
        assert await read_to_end(observed()) == body
        assert noted == expected
        noted.clear()
        content = observed()
        first = await content.read()
        assert isinstance(first, bytes)
        content.put_back(first)
        assert await content.read() == body
        assert await content.read() == b""
        assert noted == expected
        assert (content.received, content.complete, content.late) == (len(body), True, False)
