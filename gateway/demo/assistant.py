"""The tutor's own call to the AI service, as patient as the real one's."""

from __future__ import annotations

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from gateway.demo.wire import Failure

ASKING = frozenset({"chat.sendMessage"})
"""The procedures whose answer needs the service."""

_PATIENCE = 300.0  # seconds


async def complete(toolkit: str) -> str:
    """What the service at the base address ``toolkit`` answers. Raises Failure when it has no answer."""
    patience = ClientTimeout(total=_PATIENCE)
    try:
        async with (
            ClientSession(cookie_jar=DummyCookieJar(), timeout=patience) as session,
            session.post(f"{toolkit}/text/llm/", json={"messages": [{"role": "user", "content": "Hola"}]}) as answer,
        ):
            said = await answer.json(content_type=None)
    except (ClientError, TimeoutError, ValueError):
        raise Failure(503, "AI service unavailable") from None
    if answer.status != 200 or not isinstance(said, dict):
        told = said.get("message") if isinstance(said, dict) else None
        raise Failure(503, told if isinstance(told, str) else "AI service unavailable")
    return str(said.get("completion"))
