"""A review as Markdown for a pull request. Who reads nothing else can say of each change which door opens, and for whom.

Names and values come from the files, and so from whoever opened the pull request. They stand in code spans and code blocks,
whose fences are longer than any run of backticks in them: there nothing is a link, a mention, HTML or a heading (CommonMark
4.5 and 6.1).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

from gateway.config.acknowledgements import BY, REASON, day_of
from gateway.ops.plain import clean
from gateway.policy.base.order import Effect
from gateway.review.diff.change import Witness
from gateway.review.diff.curl import command, times_of
from gateway.review.diff.review import Review, ReviewedChange
from gateway.review.diff.sentences import NO_EFFECT, routes, title, verdicts

LONGEST = 60_000
"""Characters of all, since a comment on a pull request takes 65,536."""

MARK = "<!-- gateway diff -->"
"""The first line, by which the comment of before is found."""

_VALUE = 400  # characters of a value
_SENTENCES = 2000  # of what is said of one change
_MOST_FILES = 12
_LONG_BODY = 1024  # bytes, from which on the length is worth a word
_OTHERS = {
    Effect.CHANGES: "Changes, and neither opens nor closes",
    Effect.TIGHTENS: "Closes: what passed is refused now, and whoever sends it gets an error",
}
_ORIGIN = "origin_refused"
_DAYS = 90  # until an acknowledgement that is proposed ends


def markdown(review: Review, now: float) -> str:
    """The whole text; ``now``, in Unix seconds, is for the day that an acknowledgement is proposed to end on."""
    parts = [MARK, _headline(review), _prose(review.compared)]
    until = day_of(now) + timedelta(days=_DAYS)
    room = LONGEST - sum(len(part) + 2 for part in parts) - 300
    left_out = 0
    for part in _sections(review, until):
        if len(part) + 2 <= room and not left_out:
            parts.append(part)
            room -= len(part) + 2
        else:
            left_out += 1
    if left_out:
        parts.append(
            f"**{left_out} more parts are left out here, none of them looked at:** run `gateway diff` to see all of it."
        )
    return "\n\n".join(parts) + "\n"


def _headline(review: Review) -> str:
    opened = len(review.of(Effect.LOOSENS))
    if not review.changes:
        edited = ", ".join(_code(file) for file in review.edited[:_MOST_FILES])
        more = f" and {len(review.edited) - _MOST_FILES} more" if len(review.edited) > _MOST_FILES else ""
        files = f" Edited: {edited}{more} ({NO_EFFECT})." if edited else ""
        return f"### No change in effect\n\nEvery request is decided as before.{files}"
    known = len(review.of(Effect.LOOSENS, acknowledged=True))
    if not opened:
        return f"### Nothing opens that nobody answers for, {known} acknowledged" if known else "### Nothing opens"
    counted = f"{opened} change opens a door" if opened == 1 else f"{opened} changes open a door"
    return f"### {counted}{f', {known} more acknowledged' if known else ''}"


def _sections(review: Review, until: date) -> Iterator[str]:
    opened = review.of(Effect.LOOSENS)
    known = review.of(Effect.LOOSENS, acknowledged=True)
    for number, change in enumerate(opened, 1):
        yield _loosening(number, change, review)
    if opened:
        yield _proposal(opened, until)
    if known:
        yield "#### Opens too, and somebody answers for it"
        for number, change in enumerate(known, len(opened) + 1):
            yield _loosening(number, change, review)
    for effect, heading in _OTHERS.items():
        found = review.of(effect)
        if found:
            yield f"#### {heading}"
            yield from (_line(change, review) for change in found)
    if review.notes:
        yield "#### Notes"
        yield from (f"- {_prose(note)}" for note in review.notes)


def _loosening(number: int, change: ReviewedChange, review: Review) -> str:
    first, rest = title(change)
    lines = [f"#### {number}. {_prose(first)}", ""]
    if rest:
        lines += [_prose(rest), ""]
    lines += [f"- **Setting in effect:** {_what(change)}", f"- **Where:** {_where(change)}"]
    if change.routes:
        lines.append(f"- **Routes:** {_prose(routes(change, review))}")
    shown = next(iter(change.witnesses.items()), None)
    if shown is not None:
        route, witness = shown
        of_route = f" (route {_code(route)})" if len(change.routes) > 1 and route else ""
        lines.append(f"- **For example:** {_who(witness)}{of_route}")
    elif change.unwitnessed:
        lines.append(f"- **No command to try:** {_prose(change.unwitnessed)}")
    if change.acknowledged is not None:
        by, reason, ends = change.acknowledged
        lines.append(f"- **Acknowledged:** by {_code(by)} until {_code(ends)}: {_code(reason)}")
    if shown is not None:
        lines += ["", _block(command(witness, review.public, review.egress), "sh"), "", _prose(verdicts(witness))]
    return "\n".join(lines)


def _proposal(changes: list[ReviewedChange], until: date) -> str:
    """What to paste where somebody answers for ``changes``: one list for all, since a file has the key once."""
    lines = ["acknowledge:"]
    for number, change in enumerate(changes, 1):
        lines += [
            f"  # {number}. {clean(change.setting)}",
            f'  - loosens: "{change.id}"',
            f'    by: "{BY}"',
            f'    reason: "{REASON}"',
            f"    until: {until}",
        ]
    block = _block("\n".join(lines), "yaml")
    files = (change.where_new.rpartition(":")[0] for change in changes)
    file = next((each for each in files if each.endswith((".yaml", ".yml"))), "")
    where = (
        f"{_code(file)} or another file of the configuration"
        if file
        else "the entry file (`upstreams.yaml`, unless it has another name)"
    )
    how = (
        f"Paste what is meant at the top level of {where}, with your name and reason; where the file has the key"
        f" {_code('acknowledge')} already, add to its list. The check stays red until each change that opens a door is acknowledged"
        f" or taken back. After the day {_code('until')} an entry counts for nothing: {_code('gateway check')} warns, and the check"
        " is red again for what is not merged by then."
    )
    return f"<details><summary>To acknowledge what is meant</summary>\n\n{how}\n\n{block}\n\n</details>"


def _line(change: ReviewedChange, review: Review) -> str:
    concerned = f" Routes: {_prose(routes(change, review))}." if change.routes else ""
    return f"- {_prose(change.why)} {_what(change)}.{concerned} {_where(change)}"


def _what(change: ReviewedChange) -> str:
    return f"{_code(change.setting)}: {_code(change.before or 'none')} → {_code(change.after or 'none')}"


def _where(change: ReviewedChange) -> str:
    if change.where_new and change.where_old:
        return f"{_code(change.where_new)}, before {_code(change.where_old)}"
    if change.where_new:
        return f"{_code(change.where_new)}, not written before"
    return f"{_code(change.where_old)}, not written any more" if change.where_old else "by what is not written"


def _who(witness: Witness) -> str:
    fields = {name.lower(): value for name, value in witness.headers}
    who = "anybody, without a token," if witness.claims is None else "whoever has a token with the claims below"
    if "authorization" in fields:
        who = "whoever sends the field Authorization below"
    if witness.before == _ORIGIN and "origin" in fields:
        who = f"a page of {_code(fields['origin'])}, in the browser of its visitor,"
    long = f" with a body of {len(witness.body):,} bytes" if len(witness.body) > _LONG_BODY else ""
    times = f" {times_of(witness)}" if witness.repeat > 1 else ""
    listener = " on the listener for egress" if witness.listener == "egress" else ""
    before = ", after the requests before it" if witness.earlier else ""
    return f"{who} may send {_code(f'{witness.method} {witness.target}')}{long}{times}{listener}{before}"


def _code(text: str) -> str:
    """``text`` in a code span, on one line."""
    shown = clean(text, _VALUE) or " "
    fence = "`" * (max((len(run) for run in re.findall("`+", shown)), default=0) + 1)
    padded = f" {shown} " if shown[0] in "` " or shown[-1] in "` " else shown
    return f"{fence}{padded}{fence}"


def _block(text: str, language: str) -> str:
    fence = "`" * max(3, max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    shown = "\n".join(clean(line, 4 * LONGEST) for line in text.split("\n"))
    return f"{fence}{language}\n{shown}\n{fence}"


def _prose(text: str) -> str:
    """Sentences of ours, in which names and values stand between backticks: these become code spans, and nothing else is read as
    Markdown."""
    parts = clean(text, _SENTENCES).strip().split("`")
    if len(parts) % 2 == 0:  # one of them has no other
        parts[-2:] = [f"{parts[-2]}`{parts[-1]}"]
    shown = "".join(_code(part) if index % 2 else _escaped(part) for index, part in enumerate(parts))
    # At its beginning a hyphen or a number would begin a list (CommonMark 5.2).
    return re.sub(r"^([0-9]*)([-+=.)])", r"\1\\\2", shown) or _code("")


def _escaped(text: str) -> str:
    """``text`` as it is: nothing of it is read as Markdown, and nobody is mentioned."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#@&~|!$])", r"\\\1", text)
    # Addresses are found in the source, mentions and issues in what is shown, where the backslashes are gone.
    quiet = escaped.replace("://", ":\\//").replace("www.", "www\\.")
    return quiet.replace("\\@", "@\u200b").replace("\\#", "#\u200b")
