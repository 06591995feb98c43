"""What is raised when a call to an upstream fails."""

from __future__ import annotations

from gateway.core.failure import CallFailure


class UpstreamError(Exception):
    """A call that failed. ``kind`` says how, ``detail`` is for the log."""

    def __init__(self, kind: CallFailure, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail


class NotSent(UpstreamError):
    """A call that failed before any byte of it was sent, so that every method may be tried again (RFC 9110 9.2.2)."""
