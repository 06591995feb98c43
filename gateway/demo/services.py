"""The demo's two services together: the tutor and its toolkit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from gateway.demo.toolkit import DemoToolkit
from gateway.demo.tutor import DemoTutor

TUTOR_PORT = 8787
TOOLKIT_PORT = 8788
SECRET_LENGTH = 32


def signing_secret(env: Mapping[str, str]) -> str:
    """JWT_SECRET, as the tutor demands it. Raises ValueError with a sentence when it is missing or too short."""
    secret = env.get("JWT_SECRET", "")
    if not secret:
        raise ValueError(
            "JWT_SECRET is not set. Set the same secret, at least 32 characters, here and for the gateway."
        )
    if len(secret) < SECRET_LENGTH:
        raise ValueError(f"JWT_SECRET has {len(secret)} characters; it needs at least {SECRET_LENGTH}.")
    return secret


@asynccontextmanager
async def running_demo(
    env: Mapping[str, str], tutor_port: int = TUTOR_PORT, toolkit_port: int = TOOLKIT_PORT
) -> AsyncIterator[tuple[DemoTutor, DemoToolkit]]:
    """Both services on loopback while the block runs; port 0 picks a free one. Where JWT_SECRET_OLD is set, the tutor takes
    the tokens that it has signed as well, as a backend does while its secret changes.

    Raises ValueError for a bad secret, OSError for a port that is taken.
    """
    old = env.get("JWT_SECRET_OLD", "")
    tutor = DemoTutor(
        signing_secret(env), port=tutor_port, toolkit=env.get("EXPO_PUBLIC_TOOLKIT_URL", ""), old_secret=old
    )
    toolkit = DemoToolkit(env.get("TOOLKIT_API_KEY", ""), port=toolkit_port)
    async with tutor, toolkit:
        yield tutor, toolkit
