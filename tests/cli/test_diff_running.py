"""``gateway diff --running``: what the files of a running gateway would change, as it says itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Change
from gateway.review.diff.record import as_record
from tests.cli.operators import Operators

LOOSENS = Change(
    effect=Effect.LOOSENS,
    setting="cors.app.origins",
    before="[a]",
    after="[b]",
    why="More pages may call.",
    routes=("lessons", "open"),
    where_old="policies/cors.yaml:3",
    where_new="policies/cors.yaml:4",
    content="more than is shown",
)
