"""What goes on of an upload, when, and what refuses it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.refused import UploadRefused
from gateway.policy.upload.settings import Settings
from gateway.policy.upload.smuggled import WINDOW
from tests.policy.upload.forms import BOUNDARY, WEBM, cut, file, form, text
from tests.policy.upload.made_files import mp4

SPEECH = {
    "audio": {
        "types": ["audio/webm", "audio/mp4"],
        "max": "100KB",
        "required": True,
        "as": {"audio/x-m4a": "audio/mp4"},
    },
    "language": {"max": 16, "pattern": "[a-z]{2,3}(-[A-Z]{2})?"},
    "note": {"max": 64},
}


def judge(**parts: object) -> FormJudge:
    settings = Settings.model_validate({"parts": parts or SPEECH})
    return FormJudge({name: PartRule(name, part) for name, part in settings.parts.items()}, BOUNDARY)


def passed(body: bytes, size: int = 2**20) -> bytes:
    one = judge()
    return b"".join(one.feed(piece) for piece in cut(body, size)) + one.end()


def refused(body: bytes, size: int) -> tuple[str, str, str]:
    with pytest.raises(UploadRefused) as caught:
        passed(body, size)
    return caught.value.slug, caught.value.part, str(caught.value)


SIZES = (1, 13, 2**20)


@pytest.mark.parametrize("size", SIZES)
def test_what_passes_is_passed_on_byte_for_byte(size: int) -> None:
    body = form(text(b"en-US"), file(WEBM * 20), text(b"", name=b"note"))
    assert passed(body, size) == body


@pytest.mark.parametrize("size", SIZES)
def test_a_type_is_written_anew_without_its_parameters_and_nothing_else(size: int) -> None:
    content = mp4()
    body = form(file(content, b"Audio/X-M4A; codecs=mp4a.40.2", filename=b"Content-Type: audio"), text(b"en"))
    assert passed(body, size) == body.replace(b"Audio/X-M4A; codecs=mp4a.40.2", b"audio/mp4")


AUDIO = file()
REFUSED = {
    "no form part": (form(text(b"en")), "upload_malformed", "audio", "The form needs the part audio."),
    "another part": (
        form(AUDIO, text(b"x", b"other")),
        "upload_malformed",
        "",
        "these parts alone: audio, language, note.",
    ),
    "a part twice": (form(AUDIO, AUDIO), "upload_malformed", "audio", "more than once"),
    "a text twice": (form(text(b"en"), text(b"en"), AUDIO), "upload_malformed", "language", "more than once"),
    "ten thousand parts": (form(*[text(b"", b"note")] * 10_000), "upload_malformed", "note", "more than once"),
    "a text for a file": (form(text(WEBM, b"audio")), "upload_malformed", "audio", "must be a file"),
    "a file for a text": (form(file(name=b"language")), "upload_malformed", "language", "must be a text"),
    "an empty file": (form(file(b"")), "upload_malformed", "audio", "is empty"),
    "a file of one byte": (
        form(file(b"\x1a")),
        "upload_type_refused",
        "audio",
        "must be one of audio/webm, audio/mp4.",
    ),
    "another type": (form(file(media_type=b"text/html")), "upload_type_refused", "audio", "must be one of"),
    "no type": (
        form((b'Content-Disposition: form-data; name="audio"; filename="a"\r\n', WEBM)),
        "upload_type_refused",
        "audio",
        "must be one of",
    ),
    "another content": (form(file(b"<script>" * 100)), "upload_type_refused", "audio", "must be one of"),
    "a large file": (form(file(WEBM + bytes(100_000))), "upload_too_large", "audio", "100 KB at most"),
    "a large text": (form(text(b"e" * 17), AUDIO), "upload_too_large", "language", "16 bytes at most"),
    "a text that does not match": (form(text(b"en_US"), AUDIO), "upload_malformed", "language", "not accepted"),
    "a line end behind the text": (form(text(b"en\n"), AUDIO), "upload_malformed", "language", "not accepted"),
    "a text that is no UTF-8": (form(text(b"\xff", b"note"), AUDIO), "upload_malformed", "note", "must be UTF-8"),
    "a text with a BOM": (form(text(b"\xef\xbb\xbfx", b"note"), AUDIO), "upload_malformed", "note", "byte order mark"),
    "a text with a NUL": (form(text(b"a\0b", b"note"), AUDIO), "upload_malformed", "note", "a NUL"),
    "a text of another type": (
        form((b'Content-Disposition: form-data; name="note"\r\nContent-Type: text/html\r\n', b"x"), AUDIO),
        "upload_type_refused",
        "note",
        "plain text",
    ),
    "a text in another charset": (
        form(
            (b'Content-Disposition: form-data; name="note"\r\nContent-Type: text/plain; charset=utf-16\r\n', b"x"),
            AUDIO,
        ),
        "upload_type_refused",
        "note",
        "plain text",
    ),
    "a wrong length": (
        form((b'Content-Disposition: form-data; name="note"\r\nContent-Length: 2\r\n', b"x"), AUDIO),
        "upload_malformed",
        "note",
        "not as long as it says",
    ),
    "a length that is too large": (
        form((b'Content-Disposition: form-data; name="note"\r\nContent-Length: 65\r\n', b"x"), AUDIO),
        "upload_too_large",
        "note",
        "64 bytes at most",
    ),
    "a form that is cut off": (form(AUDIO)[:-8], "upload_malformed", "", "cut off"),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_and_the_sentence(name: str, size: int) -> None:
    body, slug, part, sentence = REFUSED[name]
    found = refused(body, size)
    assert found[:2] == (slug, part)
    assert sentence in found[2]


def test_a_refusal_comes_with_the_byte_that_causes_it() -> None:
    body = form(file(WEBM + bytes(100_000)))
    one = judge()
    one.feed(body[: len(body) - len(WEBM) - 100])
    with pytest.raises(UploadRefused):
        one.feed(body[-len(WEBM) - 100 : -60])


def test_nothing_goes_on_before_it_is_judged() -> None:
    content = WEBM + bytes(6000)
    body = form(text(b"en-US"), file(content), text(b"a note", b"note"))
    ends = {
        "language": body.index(b"en-US") + 5,
        "audio": body.index(content),
        "note": body.index(b"a note") + 6,
    }
    one = judge()
    gone = 0
    for at in range(len(body)):
        gone += len(one.feed(body[at : at + 1]))
        if at < ends["language"]:
            assert gone == 0, "the text is not complete"
        elif at < ends["audio"]:
            assert gone in (0, ends["language"]), "nor is more of it"
        elif at < ends["audio"] + WINDOW - 1:
            assert gone == ends["language"], "what the file is is not known"
        elif ends["audio"] + WINDOW < at <= ends["audio"] + len(content):
            assert at - 4 <= gone <= at + 1, "a file that is known is passed on as it comes"
        elif at >= ends["note"]:
            assert gone <= ends["note"], "nor does the end go on before all is judged"
    assert gone == ends["note"]
    assert one.end() == body[gone:]


# Two things are wrong with each: the one that comes first is the verdict, however the form is cut.
TWICE_WRONG = {
    "no recording, which holds the boundary": (form(file(b"\0" * 200 + BOUNDARY + b"\0")), "upload_type_refused"),
    "no recording, and too large": (form(file(b"\0" * 1_000_001)), "upload_type_refused"),
    "a text that is too long and holds the boundary": (form(text(b"x" * 17 + BOUNDARY)), "upload_too_large"),
}


@pytest.mark.parametrize("name", TWICE_WRONG)
@pytest.mark.parametrize("size", (100, 4096, 2**21))
def test_the_first_of_two_things_that_are_wrong_is_the_verdict(name: str, size: int) -> None:
    body, slug = TWICE_WRONG[name]
    assert refused(body, size)[0] == slug


def outcome(body: bytes, cuts: list[int]) -> object:
    """The bytes that go on, or the refusal and its sentence."""
    one, gone, at = judge(), b"", 0
    try:
        while at < len(body):
            size = cuts.pop(0) if cuts else len(body)
            gone += one.feed(body[at : at + size])
            at += size
        return gone + one.end()
    except UploadRefused as error:
        return error.slug, error.part, str(error)


WRONG_IN_TWO_WAYS = {
    "another content, and too large": form(file(b"<script>" * 200_000)),
    "another content, and its boundary": form(file(b"<script>" * 100 + BOUNDARY)),
    "too large, and its boundary": form(file(WEBM + bytes(1_000_000) + BOUNDARY)),
    "its boundary, and too large": form(file(WEBM + BOUNDARY + bytes(1_000_000))),
    "a text that is too large, and its boundary": form(text(b"e" * 20 + BOUNDARY), AUDIO),
    "a bad head, and nothing that is right after": form(text(b"x", b"other")) + b"x" * 9000,
}


@pytest.mark.parametrize("name", [*REFUSED, *WRONG_IN_TWO_WAYS])
@settings(max_examples=5)
@given(cuts=st.lists(st.integers(1, 3000), max_size=40))
def test_the_cuts_do_not_matter_to_the_verdict_nor_to_its_sentence(name: str, cuts: list[int]) -> None:
    body = WRONG_IN_TWO_WAYS[name] if name in WRONG_IN_TWO_WAYS else REFUSED[name][0]
    if len(body) > 100_000 and sum(cuts) < 2000:
        cuts = [*cuts, *[17] * 200]
    assert outcome(body, list(cuts)) == outcome(body, []) == outcome(body, [1] * min(len(body), 4000))
