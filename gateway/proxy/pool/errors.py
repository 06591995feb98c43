"""What is raised when a call to an upstream fails."""

from __future__ import annotations

from gateway.core.failure import CallFailure
from gateway.core.verdict import Refusal


class UpstreamError(Exception):
    """A call that failed. ``kind`` says how, ``detail`` is for the log; ``endpoint`` is where the connection led that it
    failed on, if there was one: another address of a name may stand in for the one that was chosen. ``address`` is where it
    failed, as ``host:port``, once known."""

    endpoint: object = None

    def __init__(self, kind: CallFailure, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.address = ""


class NotSent(UpstreamError):
    """A call that failed before any byte of it was sent, so that every method may be tried again (RFC 9110 9.2.2)."""


class ContentRefused(Exception):
    """The client does not send the content of a call as it should, so that the call cannot end: no failure of the upstream.

    ``refusal`` is what the client gets where no response has begun.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
