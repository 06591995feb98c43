"""The Markdown of a review: who reads nothing else knows which door opens, and nothing of the files is more than text in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from gateway.cli.diff_markdown import LONGEST, MARK, markdown
from gateway.config.acknowledgements import WrittenAcknowledgement
from gateway.config.problem import Report
from gateway.config.source import read
from gateway.config.tree import plain
from gateway.policy.base.order import Effect
from gateway.review.diff.review import Acknowledged
from tests.review.diff.reviews import ADA, HOSTILE, change, review, witness

NOW = datetime(2027, 1, 15, tzinfo=UTC).timestamp()
READER = MarkdownIt("commonmark", {"html": True}).enable("table")
OURS = {"<!-- gateway diff -->", "<details>", "</details>", "<summary>", "</summary>"}


def text(*changes: Any, **more: Any) -> str:
    return markdown(review(*changes, **more), NOW)


def tokens(source: str) -> list[Token]:
    found = []
    for token in READER.parse(source):
        found += [token, *(token.children or ())]
    return found


def test_no_change_is_one_line_and_the_mark() -> None:
    assert text() == (
        f"{MARK}\n\n### No change in effect\n\nEvery request is decided as before.\n\nCompared: `main` with `upstreams.yaml`.\n"
    )


def test_what_was_edited_without_an_effect_is_named_and_the_sides_as_people_know_them() -> None:
    found = text(edited=tuple(f"f{n}.yaml" for n in range(14)), sides="Compared: `main` (0123abc) with `b`.")
    assert (
        "before. Edited: `f0.yaml`, `f1.yaml`," in found
        and "`f11.yaml` and 2 more (nothing there that decides" in found
    )
    assert "\n\nCompared: `main` (0123abc) with `b`.\n" in found


def test_a_loosening_says_what_where_who_and_how_to_try_it() -> None:
    shown = witness(method="POST", target="/api/trpc/auth.login", before="rate_limited", repeat=6, claims={"sub": "u1"})
    found = text(change(routes=("login", "signup"), witnesses={"login": shown}))
    for part in (
        "### 1 change opens a door",
        "#### 1. More may pass: More pages may call.\n",
        "- **Setting in effect:** `cors.app.origins`: `[a]` → `[a, b]`",
        "- **Routes:** `login`, `signup`",
        "- **Where:** `policies/cors.yaml:4`, before `policies/cors.yaml:3`",
        "- **For example:** whoever has a token with the claims below may send `POST /api/trpc/auth.login` 6 times at once",
        "```\n\nBefore: HTTP 429 `rate_limited` by the gateway. Now: passes the gateway; the backend may still refuse it.",
        "Paste what is meant at the top level of `policies/cors.yaml` or another file",
        "stays red until",
        "After the day `until` an entry counts for nothing",
        '```sh\n# TOKEN: an access token with {"sub": "u1"}\nfor i in $(seq 6); do curl',
        '  - loosens: "c12"\n    by: "who answers for it"\n    reason: "why it may be so"\n    until: 2027-04-15',
    ):
        assert part in found, found


def test_what_is_proposed_can_be_pasted_and_is_one_list_for_all() -> None:
    found = text(change(), change(id="c13", setting="a\nb: c"), change(id="c14", acknowledged=ADA))
    (block,) = re.findall(r"```yaml\n(.*?)\n```", found, re.DOTALL)
    report = Report()
    tree = read(block.encode(), "a.yaml", report)
    assert tree is not None and report.problems() == []
    written = plain(tree)["acknowledge"]
    signed = [{**one, "by": "ada", "reason": "agreed"} for one in written]
    assert [WrittenAcknowledgement.model_validate(one).loosens for one in signed] == ["c12", "c13"]
    for one in (written[0], {**signed[0], "by": written[0]["by"]}, {**signed[0], "reason": written[0]["reason"]}):
        with pytest.raises(ValueError, match="still the text that was proposed"):
            WrittenAcknowledgement.model_validate(one)


@pytest.mark.parametrize("file", ["policies/inputs/a.json:1", ""])
def test_what_cannot_hold_an_acknowledgement_is_not_proposed_for_it(file: str) -> None:
    assert "at the top level of the entry file" in text(change(where_new=file))


def test_what_opens_stands_first_and_what_is_acknowledged_says_by_whom() -> None:
    found = text(
        change(id="c1", acknowledged=ADA),
        change(),
        change(Effect.CHANGES, setting="region"),
        change(Effect.TIGHTENS, setting="listen.port"),
        notes=("a.yaml:3: of nothing",),
    )
    order = [
        "### 1 change opens a door, 1 more acknowledged",
        "#### 1.",
        "Opens too",
        "#### 2.",
        "neither opens",
        "Closes",
        "Notes",
    ]
    places = [found.index(part) for part in order]
    assert places == sorted(places)
    assert "- **Acknowledged:** by `ada` until `2027-01-31`: `agreed in the meeting`" in found
    assert "- More pages may call. `region`: `[a]` → `[a, b]`." in found and "- a.yaml:3: of nothing" in found
    assert text(change(Effect.TIGHTENS)).splitlines()[2] == "### Nothing opens"
    assert "### Nothing opens that nobody answers for, 1 acknowledged" in text(change(acknowledged=ADA))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_of_the_files_is_more_than_text(hostile: str) -> None:
    shown = witness(method="GET", target=hostile, headers=(("x", hostile),), before=hostile, body=hostile.encode())
    every = change(
        setting=hostile,
        before=hostile,
        after=hostile,
        why=f"Of {hostile} and more.",
        routes=(hostile, "b"),
        where_old=hostile,
        where_new=hostile,
        witnesses={hostile: shown},
    )
    known = change(id="c2", acknowledged=Acknowledged(hostile, hostile, "2027-01-31"), unwitnessed=hostile)
    harmless = [change(effect, **{"setting": hostile, "why": hostile}) for effect in (Effect.CHANGES, Effect.TIGHTENS)]
    source = text(every, known, *harmless, old=hostile, new=hostile, notes=(hostile,))
    plain_text = text(
        change(routes=("a", "b"), witnesses={"a": witness(headers=(("x", "y"),), body=b"z")}),
        change(id="c2", acknowledged=ADA, unwitnessed="x"),
        change(Effect.CHANGES),
        change(Effect.TIGHTENS),
        notes=("n",),
    )
    found, expected = tokens(source), tokens(plain_text)
    blocks = [token.type for token in found if token.block]
    assert blocks == [token.type for token in expected if token.block]  # not one heading, list or table more
    for token in found:
        if token.type in ("html_inline", "html_block"):
            assert set(re.findall(r"<[^>]*>", token.content)) <= OURS
        assert token.type not in ("link_open", "image", "table_open")
        if token.type == "text":
            assert not re.search(r"@\w|#\d", token.content)  # which are found in what is shown
    outside = "".join(token.content for token in found if token.type in ("text", "code_inline", "fence", "html_block"))
    assert outside.replace("\n", "").replace("\u200b", "").isprintable()
    # What a reader of GitHub's dialect finds in the source itself.
    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", source, flags=re.DOTALL)
    assert not re.search(r"(?:https?://|www\.)", prose)


@pytest.mark.parametrize("begin", ["- ", "+ ", "1. ", "1) ", "=== ", "# ", "    ", "> ", "`", "<!-- ", "* "])
def test_no_sentence_begins_a_list_or_anything_else(begin: str) -> None:
    plain_text = text(change(why="a. b"), change(Effect.TIGHTENS, why="a"), notes=("a",))
    source = text(change(why=f"a. {begin}b"), change(Effect.TIGHTENS, why=f"{begin}a"), notes=(f"{begin}a",))
    blocks, expected = ([token.type for token in tokens(one) if token.block] for one in (source, plain_text))
    assert blocks == expected


def test_a_very_large_review_says_what_is_left_out() -> None:
    found = text(*(change(id=f"c{n}", why="x" * 300) for n in range(500)))
    assert len(found) < LONGEST + 200
    assert "parts are left out here, none of them looked at" in found
    assert "### 500 changes open a door" in found


def test_many_routes_are_some_and_a_number() -> None:
    assert "`r11` and 8 more" in text(change(routes=tuple(f"r{n}" for n in range(20))))
