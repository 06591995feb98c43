"""Harnesses for uploads: forms, their parts and what is in their files, each whole and in pieces."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from zlib import crc32

from gateway.policy.upload.file_judge import FileJudge
from gateway.policy.upload.form import Form, boundary_of
from gateway.policy.upload.form_judge import FormJudge, PartRule
from gateway.policy.upload.part_head import PartHead, parse_head
from gateway.policy.upload.refused import MalformedForm, UploadRefused
from gateway.policy.upload.settings import Part
from gateway.policy.upload.signatures import KNOWN_TYPES

BOUNDARY = b"Bo-7"
TYPES = sorted(KNOWN_TYPES)
_AUDIO = {"types": ["audio/wav", "audio/mp4", "audio/webm", "audio/mpeg", "image/png"], "max": 2**17, "required": True}
_PARTS = {"audio": _AUDIO, "language": {"max": 16, "pattern": "[a-z]{2,3}(-[A-Z]{2})?"}, "note": {"max": 4000}}
_RULES = {name: PartRule(name, Part.model_validate(part)) for name, part in _PARTS.items()}


def pieces_of(data: bytes, seed: int) -> list[bytes]:
    """``data`` cut at places that ``seed`` chooses."""
    chance = Random(seed)
    longest = chance.choice((1, 2, 7, 60, len(data) + 1)) + len(data) // 100  # more pieces are too many chunks
    pieces, at = [], 0
    while at < len(data):
        size = chance.randint(1, longest)
        pieces.append(data[at : at + size])
        at += size
    return pieces


class Parts:
    """The parts of a form as they are found."""

    def __init__(self) -> None:
        self.found: list[tuple[PartHead, bytes]] = []
        self.passed = bytearray()
        self.open = False

    def on_part(self, head: PartHead, raw: bytes) -> None:
        assert not self.open
        self.open = True
        self.passed += raw
        self.found.append((head, b""))

    def on_content(self, data: bytes) -> None:
        assert self.open
        self.passed += data
        head, before = self.found[-1]
        self.found[-1] = head, before + data

    def on_part_end(self) -> None:
        assert self.open
        self.open = False


def parts_of(pieces: Sequence[bytes], boundary: bytes) -> list[tuple[PartHead, bytes]]:
    """The parts of a form that arrives in ``pieces``. Raises MalformedForm."""
    parts = Parts()
    form = Form(boundary, parts)
    for piece in pieces:
        form.feed(piece)
    parts.passed += form.end()
    assert bytes(parts.passed) == b"".join(pieces) and not parts.open
    return parts.found


def form(data: bytes) -> None:
    """A form: the same parts however it is cut, and every byte of it accounted for; or a refusal."""
    outcomes: list[object] = []
    for pieces in ([data] if data else [], pieces_of(data, crc32(data)), pieces_of(data, crc32(data, 1))):
        try:
            outcomes.append(parts_of(pieces, BOUNDARY))
        except MalformedForm as error:
            assert str(error).isascii()
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1] == outcomes[2], outcomes
    if isinstance(outcomes[0], list):
        for head, content in outcomes[0]:
            assert BOUNDARY not in content and data.count(content) and head.name.isascii()


def upload(data: bytes) -> None:
    """A form by the rules of a policy: the same verdict however it is cut, and nothing that looks whole before it is."""
    outcomes = [_judged(pieces_of(data, seed)) for seed in (crc32(data), crc32(data, 1))]
    assert outcomes[0] == outcomes[1] == _judged([data] if data else []), outcomes


def _judged(pieces: Sequence[bytes]) -> tuple[str, bytes]:
    """The slug of the refusal and empty content, or what passes."""
    judge, passed = FormJudge(_RULES, BOUNDARY), b""
    try:
        for piece in pieces:
            passed += judge.feed(piece)
            assert not passed.rstrip(b"\r\n").endswith(b"\r\n--%b--" % BOUNDARY)
        passed += judge.end()
    except UploadRefused as error:
        assert str(error) and len(str(error)) < 400
        return error.slug, b""
    return "", passed


def head(data: bytes) -> None:
    """The head of a part: names and types that are text, or a refusal."""
    try:
        found = parse_head(data.split(b"\r\n"))
    except MalformedForm as error:
        assert str(error).isascii()
        return
    assert found.name.isprintable() and found.name.isascii()
    assert found.file_name is None or not set(found.file_name) & set('/\\\0\r\n"')
    assert found.type == found.type.lower() and found.type.count("/") <= 1
    try:
        boundary_of(data)
    except MalformedForm as error:
        assert str(error).isascii()


def content(data: bytes) -> None:
    """A file as the type that its first byte chooses: the same verdict however it is cut, and little of it is held."""
    declared, data = TYPES[data[0] % len(TYPES) if data else 0], data[1:]
    whole = _settled([data] if data else [], declared)
    for seed in (crc32(data), crc32(data, 1)):
        assert _settled(pieces_of(data, seed), declared) == whole, declared


def typed(declared: str, data: bytes) -> bytes:
    """``data`` as ``content`` takes it for a file that is ``declared`` as that."""
    return bytes([TYPES.index(declared)]) + data


def _settled(pieces: Sequence[bytes], declared: str) -> str:
    """The slug of what is wrong with a file that arrives in ``pieces``, empty where nothing is."""
    judge = FileJudge(declared, frozenset(TYPES))
    wrong = None
    for piece in pieces:
        wrong = wrong or judge.feed(piece)
    wrong = wrong or judge.end()
    assert (wrong is None) == (judge.slug == "") == judge.settled
    assert wrong is None or (wrong.isascii() and wrong.endswith("."))
    return judge.slug
