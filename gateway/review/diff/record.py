"""A change as JSON that loses nothing which is shown of it: for comparisons that are made in another process or on another host."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change, SentRequest, Witness


def as_record(change: Change) -> dict[str, Any]:
    """``change`` as a JSON object. The bytes of a body stand for themselves (latin-1)."""
    return {
        "id": change.id,
        "effect": change.effect.value,
        "routes": list(change.routes),
        "setting": change.setting,
        "before": change.before,
        "after": change.after,
        "where": {"old": change.where_old, "new": change.where_new},
        "why": change.why,
        "danger": change.danger,
        "unwitnessed": change.unwitnessed,
        "witnesses": {
            route: {**_sent(witness), "earlier": [_sent(each) for each in witness.earlier]}
            for route, witness in change.witnesses.items()
        },
    }


def from_record(record: dict[str, Any]) -> Change:
    """The change of a record, with its id. Raises KeyError, TypeError or ValueError for what is none."""
    change = Change(
        effect=Effect(record["effect"]),
        setting=str(record["setting"]),
        before=str(record["before"]),
        after=str(record["after"]),
        why=str(record["why"]),
        danger=int(record["danger"]),
        routes=tuple(str(route) for route in record["routes"]),
        where_old=str(record["where"]["old"]),
        where_new=str(record["where"]["new"]),
        witnesses={str(route): _witness(written) for route, written in record["witnesses"].items()},
        unwitnessed=str(record["unwitnessed"]),
    )
    # What the id was made of beside this, such as a schema, has stayed where it was compared.
    object.__setattr__(change, "id", str(record["id"]))
    return change


def _sent(request: SentRequest) -> dict[str, Any]:
    return {**asdict(request), "body": request.body.decode("latin-1")}


def _witness(written: dict[str, Any]) -> Witness:
    earlier = tuple(SentRequest(**_request(each)) for each in written["earlier"])
    return Witness(**{**_request(written), "earlier": earlier})


def _request(written: dict[str, Any]) -> dict[str, Any]:
    headers = tuple((str(name), str(value)) for name, value in written["headers"])
    return {**written, "headers": headers, "body": written["body"].encode("latin-1")}
