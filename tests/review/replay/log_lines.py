"""One line of a log, with whatever else a test wants in it."""

from __future__ import annotations

import json
from typing import Any

from gateway.review.replay.recorded import RecordedRequest, read

LINE = {
    "ts": "2026-11-28T10:00:01.250Z",
    "event": "request",
    "id": "abc",
    "method": "POST",
    "path": "/api/trpc/auth.login",
    "route": "login",
    "config": "0123456789ab",
    "client": "192.0.2.7",
    "status": 200,
    "bytes_in": 12,
    "bytes_out": 3,
    "duration_ms": 250.0,
    "worker": 3,
    "procedures": ["auth.login"],
    "content_type": "application/json",
}


def of(**more: Any) -> RecordedRequest:
    found = read(json.dumps({**LINE, **more}).encode())
    assert isinstance(found, RecordedRequest)
    return found
