"""The users of the soak: what each asks, and whether the answer is the right one."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from bench.tokens import spoilt, token

TRPC = "/api/trpc/"
ORIGIN = "https://linguamate.app"
FOREIGN = "https://linguamate.app.evil.test"
PAUSE = (1.0, 3.0)  # seconds between two requests of a user


@dataclass(frozen=True, slots=True)
class Ask:
    """One request and what may come back."""

    kind: str
    method: str
    path: str
    headers: dict[str, str]
    body: bytes | None
    right: Callable[[int, Any], bool]


@dataclass(slots=True)
class Seen:
    """What the users saw."""

    times: dict[str, list[float]] = field(default_factory=dict)
    """Seconds by kind, without the upstream's think time."""
    statuses: dict[str, dict[int, int]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def note(self, kind: str, status: int, seconds: float) -> None:
        self.times.setdefault(kind, []).append(seconds)
        counts = self.statuses.setdefault(kind, {})
        counts[status] = counts.get(status, 0) + 1


class User:
    """One user with an address, an account and a token of its own."""

    def __init__(self, number: int, secret: str, chance: random.Random) -> None:
        self.number = number
        self.token = token(secret, f"user-{number}")
        self.address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        self.chance = chance
        self.turn = 0

    async def live(self, url: str, end: float, seen: Seen) -> None:
        """Ask once of each kind, then as it comes, with pauses, until ``end`` (monotonic seconds)."""
        opening = self.chance.sample(KINDS, len(KINDS))
        async with aiohttp.ClientSession(
            url, connector=aiohttp.TCPConnector(limit=1), cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            await asyncio.sleep(self.chance.uniform(0, PAUSE[1]))
            while time.monotonic() < end:
                await self._ask(session, seen, opening.pop() if opening else self.chance.choices(KINDS, WEIGHTS)[0])
                await asyncio.sleep(self.chance.uniform(*PAUSE))

    async def _ask(self, session: aiohttp.ClientSession, seen: Seen, kind: Callable[[User], Ask]) -> None:
        self.turn += 1
        ask = kind(self)
        began = time.monotonic()
        try:
            async with session.request(ask.method, ask.path, data=ask.body, headers=ask.headers) as answer:
                said = await answer.json(content_type=None)
                elapsed = time.monotonic() - began - float(answer.headers.get("x-thought", "0"))
                status = answer.status
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            seen.errors.append(f"{ask.kind}: {type(error).__name__}: {error}")
            return
        seen.note(ask.kind, status, elapsed)
        if not ask.right(status, said):
            seen.wrong.append(f"{ask.kind}: {status} {json.dumps(said)[:200]}")

    @property
    def nonce(self) -> str:
        return f"{self.number}-{self.turn}"

    def headers(self, bearer: str | None = None, origin: str = ORIGIN) -> dict[str, str]:
        return {
            "authorization": f"Bearer {bearer or self.token}",
            "origin": origin,
            "x-forwarded-for": self.address,
            "content-type": "application/json",
        }


def _echoes(user: User, *names: str) -> Callable[[int, Any], bool]:
    """Each call's own answer, in order, with this request's nonce."""
    nonce = user.nonce

    def right(status: int, said: Any) -> bool:
        answers = said if isinstance(said, list) else [said]
        told = [one.get("result", {}).get("data", {}).get("json", {}) for one in answers]
        return status == 200 and [(one.get("procedure"), one.get("nonce")) for one in told] == [
            (n, nonce) for n in names
        ]

    return right


def _refused(status: int, *reasons: str) -> Callable[[int, Any], bool]:
    return lambda seen, said: seen == status and any(f'"{reason}"' in json.dumps(said) for reason in reasons)


def lessons(user: User) -> Ask:
    value = quote(json.dumps({"json": {"nonce": user.nonce}}))
    path = f"{TRPC}lessons.getAll?input={value}"
    return Ask("lessons", "GET", path, user.headers(), None, _echoes(user, "lessons.getAll"))


def batch(user: User) -> Ask:
    names = ("user.get", "lessons.getDailyChallenge", "leaderboard.get")
    value = quote(json.dumps({str(place): {"json": {"nonce": user.nonce}} for place in range(len(names))}))
    path = f"{TRPC}{','.join(names)}?batch=1&input={value}"
    return Ask("batch", "GET", path, user.headers(), None, _echoes(user, *names))


def chat(user: User) -> Ask:
    body = json.dumps({"json": {"nonce": user.nonce, "message": "How do I order a coffee? " * 8}}).encode()
    right = _echoes(user, "chat.sendMessage")
    return Ask("chat", "POST", f"{TRPC}chat.sendMessage", user.headers(), body, right)


def login_failure(user: User) -> Ask:
    """Wrong every time: the backend's 401, and once it was too often, a named 429."""
    body = json.dumps({"json": {"email": f"user-{user.number}@example.com", "password": user.nonce}}).encode()
    too_often = _refused(429, "rate_limited", "account_locked")

    def right(status: int, said: Any) -> bool:
        return (status == 401 and "Invalid email" in json.dumps(said)) or too_often(status, said)

    return Ask("login failure", "POST", f"{TRPC}auth.login", user.headers(), body, right)


def upload(user: User) -> Ask:
    edge = "----soak"
    sound = user.chance.randbytes(user.chance.randint(50_000, 400_000))
    head = f'--{edge}\r\nContent-Disposition: form-data; name="audio"; filename="a.webm"\r\nContent-Type: audio/webm\r\n\r\n'
    body = head.encode() + sound + f"\r\n--{edge}--\r\n".encode()
    headers = {**user.headers(), "content-type": f"multipart/form-data; boundary={edge}"}
    digest = hashlib.sha256(body).hexdigest()
    return Ask(
        "upload",
        "POST",
        "/api/stt/transcribe",
        headers,
        body,
        lambda status, said: status == 200 and said.get("sha256") == digest,
    )


def bad_token(user: User) -> Ask:
    headers = user.headers(spoilt(user.token, user.turn))
    return Ask("bad token", "GET", f"{TRPC}user.get", headers, None, _refused(401, "token_invalid"))


def foreign_origin(user: User) -> Ask:
    headers = user.headers(origin=FOREIGN)
    return Ask("foreign origin", "GET", f"{TRPC}lessons.getAll", headers, None, _refused(403, "origin_refused"))


KINDS = (lessons, batch, chat, login_failure, upload, bad_token, foreign_origin)
WEIGHTS = (46, 20, 12, 8, 6, 5, 3)
