"""Changes and reviews of them, as the tests of how they are shown need them."""

from __future__ import annotations

from typing import Any

from gateway.policy.base.order import Effect
from gateway.review.diff.change import Witness
from gateway.review.diff.review import Acknowledged, Review, ReviewedChange

HOSTILE = (
    "`",
    "``a`",
    "``` \n# heading",
    "a|b",
    "<script>alert(1)</script><!--",
    "@everyone and #1",
    "[text](http://evil.example)",
    "![x](http://evil.example/x.png)",
    "line\nbreak\r\n- item",
    "\x1b[31mred\x07",
    "\u202eright to left\u2028",
    "$(touch /tmp/owned) `id` ; rm -rf / & | > x",
    "'\"\\'\"",
    "http://evil.example www.evil.example a@evil.example",
    "</details>",
    " ",
    "-->",
)


def witness(**more: Any) -> Witness:
    return Witness(**{"method": "GET", "target": "/a", "before": "no_route", "after": "pass", **more})


def change(effect: Effect = Effect.LOOSENS, **more: Any) -> ReviewedChange:
    given = {
        "id": "c12",
        "setting": "cors.app.origins",
        "before": "[a]",
        "after": "[a, b]",
        "why": "More pages may call.",
    }
    where = {"where_old": "policies/cors.yaml:3", "where_new": "policies/cors.yaml:4"}
    return ReviewedChange(effect=effect, **{**given, **where, **more})


def review(*changes: ReviewedChange, **more: Any) -> Review:
    return Review(**{"old": "main", "new": "upstreams.yaml", "changes": changes, **more})


ADA = Acknowledged("ada", "agreed in the meeting", "2027-01-31")
