"""Why requests go through another route: the order of routes, one that is gone, new, wider or narrower."""

from __future__ import annotations

import pytest

from tests.review.diff.written import Compare

HEAD = "defaults: {body: json}\nroutes:\n"
WIDE = '  - {name: wide, paths: [/a/*], methods: [GET], upstream: files, auth: public, schema: {none: "a test"}}\n'
OPEN = '  - {name: open, paths: [/a/open/*], methods: [GET, POST], upstream: files, auth: token, schema: {none: "a test"}}\n'
GONE = "  - {name: gone, paths: [/b], methods: [GET], upstream: files, auth: public}\n".replace(
    "public}", 'public, schema: {none: "a test"}}'
)


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (OPEN + WIDE, WIDE + OPEN, "Because route `wide` now stands before `open` (lines 9 and 10)."),
        (OPEN + WIDE, WIDE + GONE, "Because route `open` is gone, and route `wide` takes its requests."),
        (
            OPEN + WIDE,
            GONE.replace("[/b]", "[/a/open/x]") + OPEN + WIDE,
            "Because the new route `gone` takes these requests, before `open` is asked (lines 9 and 10).",
        ),
        (
            GONE + OPEN,
            GONE.replace("[/b]", "[/b, /a/open/x]") + OPEN,
            "Because route `gone` takes more paths or procedures than before (lines 9 and 10).",
        ),
        (
            OPEN + WIDE,
            OPEN.replace("/a/open/*", "/a/open/x") + WIDE,
            "Because route `open` takes fewer requests than before (lines 10 and 9).",
        ),
    ],
)
def test_the_cause_stands_with_what_it_opens(compare: Compare, old: str, new: str, cause: str) -> None:
    whys = [change.why for change in compare(HEAD + old, HEAD + new) if change.setting.endswith(".auth")]
    assert whys and all(
        why.startswith("Anybody, without a token, may now read `/a/open/") and why.endswith(cause) for why in whys
    ), whys
