"""How a call to an upstream fails."""

from __future__ import annotations


class UpstreamError(Exception):
    """A call that failed. ``slug`` names the refusal; ``untouched`` says that no byte of an answer came."""

    def __init__(self, slug: str, detail: str, *, untouched: bool = False) -> None:
        super().__init__(detail)
        self.slug = slug
        self.detail = detail
        self.untouched = untouched
