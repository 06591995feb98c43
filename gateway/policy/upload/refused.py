"""Why an upload is refused: a reason, and a sentence for its sender that quotes nothing of what was sent."""

from __future__ import annotations

from typing import ClassVar


class UploadRefused(Exception):
    """An upload is refused. The text is the sentence; ``part`` is the name of the part that is to blame, as the policy has it,
    empty where none is; ``detail`` says more for the log."""

    slug: ClassVar[str]

    def __init__(self, sentence: str, part: str = "", detail: str = "") -> None:
        super().__init__(sentence)
        self.part = part
        self.detail = detail


class MalformedForm(UploadRefused):
    """It is no form that every parser reads alike, or not the form that the policy has."""

    slug = "upload_malformed"


class TypeRefused(UploadRefused):
    """A file is of no type that its part may have."""

    slug = "upload_type_refused"


class TooLarge(UploadRefused):
    """A part is larger than it may be."""

    slug = "upload_too_large"
