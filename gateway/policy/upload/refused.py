"""Why an upload is refused: a reason, and a sentence for its sender that quotes nothing of what was sent."""

from __future__ import annotations

from typing import ClassVar


class UploadRefused(Exception):
    """An upload is refused. The text is the sentence; ``part`` is the name of the part that is to blame, as the policy has it,
    empty where none is; ``detail`` says more for the log."""

    slug: ClassVar[str]
    code: ClassVar[str]
    """What is wrong, for programs, in the words of zod 4."""

    def __init__(self, sentence: str, part: str = "", detail: str = "") -> None:
        super().__init__(sentence)
        self.part = part
        self.detail = detail


class MalformedForm(UploadRefused):
    """It is no form that every parser reads alike, or not the form that the policy has."""

    slug = "upload_malformed"
    code = "invalid_format"


class TypeRefused(UploadRefused):
    """A file is of no type that its part may have."""

    slug = "upload_type_refused"
    code = "invalid_type"


class TooLarge(UploadRefused):
    """A part is larger than it may be."""

    slug = "upload_too_large"
    code = "too_big"
