"""What a stage may decide about a request: a refusal, a response of its own, or nothing, which lets the request pass."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.core.reason import REASONS, Reason


@dataclass(slots=True)
class Refusal:
    """One request that is refused. One value may refuse many requests, so it is never changed.

    ``detail`` is for the log and is never sent; ``headers`` are raw pairs for the response. ``retry_after`` is in whole
    seconds, 0 when waiting does not help; ``close`` ends the connection after the response.
    """

    reason: Reason
    detail: str = ""
    retry_after: int = 0
    headers: tuple[tuple[bytes, bytes], ...] = ()
    close: bool = False


def refuse(
    slug: str,
    detail: str = "",
    *,
    retry_after: int = 0,
    headers: tuple[tuple[bytes, bytes], ...] = (),
    close: bool = False,
) -> Refusal:
    """The refusal whose reason is named ``slug``. Raises KeyError for a slug that is not in the table."""
    return Refusal(REASONS[slug], detail, retry_after, headers, close)


@dataclass(slots=True)
class Reply:
    """A final response that a stage makes itself and that refuses nothing: a preflight's 204, a stored response."""

    status: int
    headers: tuple[tuple[bytes, bytes], ...] = ()
    body: bytes = b""


Verdict = Refusal | Reply | None
