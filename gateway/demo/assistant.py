"""The tutor's own call to the AI service, with the timeout of the real one."""

from __future__ import annotations

from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar

from gateway.demo.envelope import ProcedureError

ASKING = frozenset({"chat.sendMessage"})
"""The procedures whose result needs the service."""

_TIMEOUT = 300.0  # seconds


async def complete(toolkit: str) -> str:
    """The text that the service at the base address ``toolkit`` returns. Raises ProcedureError when it returns none."""
    timeout = ClientTimeout(total=_TIMEOUT)
    try:
        async with (
            ClientSession(cookie_jar=DummyCookieJar(), timeout=timeout) as session,
            session.post(f"{toolkit}/text/llm/", json={"messages": [{"role": "user", "content": "Hola"}]}) as response,
        ):
            body = await response.json(content_type=None)
    except (ClientError, TimeoutError, ValueError):
        raise ProcedureError(503, "AI service unavailable") from None
    if response.status != 200 or not isinstance(body, dict):
        message = body.get("message") if isinstance(body, dict) else None
        raise ProcedureError(503, message if isinstance(message, str) else "AI service unavailable")
    return str(body.get("completion"))
