"""No figure before the proof that the work is done: a bad token, a foreign origin and one too many are refused."""

from __future__ import annotations

import http.client
import time
from dataclasses import dataclass

from bench.bodies import FORM, JSON, OCTETS, TYPES, bad, body
from bench.contestants import Running
from bench.scenarios import BARE
from bench.tokens import spoilt, token

GOOD_ORIGIN = "https://app.example"
FOREIGN = "https://app.example.evil.test"
START = 30.0  # seconds a contestant may take until it answers


class NotProved(Exception):
    """A contestant does not do the work it is measured by."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


def ask(
    running: Running,
    path: str,
    bearer: str = "",
    origin: str = "",
    method: str = "GET",
    sent: bytes | None = None,
    content: str = OCTETS,
) -> Answer:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", running.setting.port, timeout=10)
    headers = {
        name: value for name, value in (("Authorization", bearer and f"Bearer {bearer}"), ("Origin", origin)) if value
    }
    if sent is not None:
        headers["Content-Type"] = TYPES[content]
    try:
        connection.request(method, path, body=sent, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, {key.lower(): value for key, value in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def wait(running: Running) -> None:
    """Until it serves. Raises NotProved with what it wrote when it does not."""
    good = token(running.setting.secret, "first")
    end = time.monotonic() + START
    status = 0
    while time.monotonic() < end and running.process.poll() is None:
        try:
            status = ask(running, "/api/items", good, GOOD_ORIGIN).status
        except (OSError, http.client.HTTPException):
            status = 0
        if status == 200:
            running.look()
            return
        time.sleep(0.05)  # a peer of any make: none of them tells when it listens
    wrote = running.errors.read_text(errors="replace")[-1500:] if running.errors.exists() else ""
    raise NotProved(f"{running.contestant.name} does not serve {running.setting.mode}: last status {status}\n{wrote}")


def prove(running: Running) -> dict[str, int | None]:
    """Status of each refusal, None where the contestant cannot. Raises NotProved."""
    secret = running.setting.secret
    good = token(secret, "prover")
    right = ask(running, "/api/items", good, GOOD_ORIGIN)
    _expect(running, "a good request", right.status, {200})
    if b"item 7" not in right.body:
        raise NotProved(f"{running.contestant.name}: a good request got another body")
    _expect(running, "an upload", ask(running, "/api/upload", good, method="POST", sent=b"x" * 70000).status, {200})
    if running.setting.mode == BARE:
        return {}
    if right.headers.get("access-control-allow-origin") != GOOD_ORIGIN:
        raise NotProved(f"{running.contestant.name}: the good origin is not told that it may read")
    if right.headers.get("x-content-type-options") != "nosniff":
        raise NotProved(f"{running.contestant.name}: the answer lacks its security headers")
    proved: dict[str, int | None] = {"foreign origin": ask(running, "/api/items", good, FOREIGN).status}
    _expect(running, "a foreign origin", proved["foreign origin"], {403, 404})
    tokens = {
        "no token": "",
        "bad signature": spoilt(good, 0),
        "expired token": token(secret, "late", lifetime=-3600),
        "refresh token": token(secret, "other", kind="refresh"),
    }
    for name, bearer in tokens.items():
        proved[name] = None
        if running.contestant.reads_tokens:
            proved[name] = ask(running, "/api/items", bearer, GOOD_ORIGIN).status
            _expect(running, name, proved[name], {401, 403} if name == "refresh token" else {401})
    statuses = [ask(running, "/tight/items", good).status for _ in range(8)]
    if statuses[0] != 200 or statuses[-1] != 429:
        raise NotProved(f"{running.contestant.name}: eight requests at five a minute were answered {statuses}")
    proved["too many"] = 429
    for kind in (JSON, FORM):
        proved[f"bad {kind}"] = _judged(running, good, kind) if running.contestant.judges else None
    return proved


def _judged(running: Running, bearer: str, kind: str) -> int:
    """The status of a content that breaks the policy. Raises NotProved where that, or a good one, has the wrong status."""
    path = f"/judged/{kind}"
    size = 1024 if kind == JSON else 10_000_000
    right = ask(running, path, bearer, GOOD_ORIGIN, "POST", body(kind, size), kind)
    _expect(running, f"a good {kind}", right.status, {200})
    wrong = ask(running, path, bearer, GOOD_ORIGIN, "POST", bad(kind), kind)
    _expect(running, f"a bad {kind}", wrong.status, {422} if kind == JSON else {415})
    return wrong.status


def _expect(running: Running, what: str, status: int | None, allowed: set[int]) -> None:
    if status not in allowed:
        raise NotProved(f"{running.contestant.name}: {what} was answered {status}, not {sorted(allowed)}")
