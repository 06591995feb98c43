"""A review as JSON for programs. One entry of ``changes`` for each route that a change concerns, so that "a loosening on that
route" can be read off. A route without a witness of its own has that of another route which the same change concerns: ``route``
of the witness says which."""

from __future__ import annotations

import base64
from typing import Any

from gateway.policy.base.order import Effect
from gateway.review.diff.change import SentRequest, Witness
from gateway.review.diff.curl import command
from gateway.review.diff.review import Review, ReviewedChange

JsonObject = dict[str, Any]

_LONGEST = 100_000
"""Bytes of a body that are written for each route."""


def as_json(review: Review) -> JsonObject:
    """``loosens`` and ``tightens`` count entries, ``acknowledged`` those loosenings that somebody answers for."""
    return {
        "loosens": review.entries(Effect.LOOSENS),
        "tightens": review.entries(Effect.TIGHTENS),
        "acknowledged": sum(each.entries for each in review.of(Effect.LOOSENS, acknowledged=True)),
        "changes": [_entry(change, route, review) for change in review.changes for route in change.routes or ("",)],
        "notes": list(review.notes),
        "old": review.old,
        "new": review.new,
    }


def _entry(change: ReviewedChange, route: str, review: Review) -> JsonObject:
    shown_by = route if route in change.witnesses else next(iter(change.witnesses), "")
    witness = change.witnesses.get(shown_by)
    unwitnessed = change.unwitnessed
    if witness is not None and shown_by != route and len(witness.body) > _LONGEST:
        witness, unwitnessed = None, f"The request that shows it is that of {shown_by}, and too long to be here again."
    return {
        "id": change.id,
        "effect": change.effect.value,
        "route": route,
        "setting": change.setting,
        "before": change.before,
        "after": change.after,
        "where": {"old": change.where_old, "new": change.where_new},
        "witness": {"route": shown_by, **_witness(witness, review)} if witness is not None else None,
        "unwitnessed": unwitnessed,
        "why": change.why,
        "danger": change.danger,
        "acknowledged": change.acknowledged._asdict() if change.acknowledged is not None else None,
    }


def _witness(witness: Witness, review: Review) -> JsonObject:
    return {
        **_sent(witness),
        "before": witness.before,
        "after": witness.after,
        "earlier": [_sent(each) for each in witness.earlier],
        "curl": command(witness, review.public, review.egress),
    }


def _sent(sent: SentRequest) -> JsonObject:
    try:
        body, encoded = sent.body.decode(), False
    except UnicodeDecodeError:
        body, encoded = base64.b64encode(sent.body).decode(), True
    return {
        "method": sent.method,
        "target": sent.target,
        "headers": dict(sent.headers),
        "body_base64" if encoded else "body": body,
        "address": sent.address,
        "claims": dict(sent.claims) if sent.claims is not None else None,
        "listener": sent.listener,
        "repeat": sent.repeat,
        "every": sent.every,
        "upstream": sent.upstream,
    }
