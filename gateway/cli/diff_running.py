"""What the files of a running gateway would change if they were loaded now, as it says itself: in its own environment."""

from __future__ import annotations

from datetime import date
from typing import Any

from gateway.cli.ops_client import RELOADING, OpsListener, ask, expect
from gateway.config.acknowledgements import Acknowledgement
from gateway.config.tree import Position
from gateway.ops.plain import clean
from gateway.review.diff.record import from_record
from gateway.review.diff.review import Review, reviewed

_UNABLE = 409


def running_review(gateway: OpsListener, now: float) -> Review:
    """The review that ``gateway`` has made. Raises ValueError with a sentence where it cannot, or is none."""
    response = ask(gateway, "POST", "/v1/diff", {}, RELOADING)
    if response.status == _UNABLE:
        problems = "; ".join(clean(str(problem), 512) for problem in response.body.get("problems", []))
        raise ValueError(f"the gateway cannot compare its files: {problems}")
    body = expect(response)
    try:
        changes = [from_record(record) for record in body["changes"]]
        acknowledgements = [_acknowledgement(each) for each in body.get("acknowledgements", [])]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(
            f"what answers on {gateway.label} compares in another way: it is of another version"
        ) from error
    found, notes = reviewed(changes, acknowledgements, now, str, str)
    digest = str(body.get("digest", ""))[:12]
    return Review(old=f"what runs (digest {digest})", new="its files", changes=found, notes=notes)


def _acknowledgement(written: dict[str, Any]) -> Acknowledgement:
    file, _, line = str(written["where"]).rpartition(":")
    return Acknowledgement(
        loosens=str(written["loosens"]),
        finding=None,
        by=str(written["by"]),
        reason=str(written["reason"]),
        until=date.fromisoformat(str(written["until"])),
        position=Position(file, int(line), 1),
    )
