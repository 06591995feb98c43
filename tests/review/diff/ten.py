"""Ten prepared changes of one configuration, each with the Markdown that a reviewer gets of it: five open a door, five do not.

``python -m tests.review.diff.ten`` writes the Markdown anew.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from gateway.cli.diff_markdown import markdown
from gateway.cli.sides import read_side
from gateway.review.diff.diff import differences
from gateway.review.diff.references import with_references
from gateway.review.diff.renames import rename_notes
from gateway.review.diff.review import Review, reviewed
from gateway.review.diff.route_words import route_words

FOLDER = Path(__file__).parent / "ten_changes"
NOW = datetime(2027, 1, 15, tzinfo=UTC).timestamp()


class Prepared(NamedTuple):
    """One change: its name, whether it opens a door, and its review."""

    name: str
    opens: bool
    review: Review

    @property
    def text(self) -> str:
        return markdown(self.review, NOW)

    @property
    def golden(self) -> Path:
        return FOLDER / f"{self.name}.md"


def prepared() -> Iterator[Prepared]:
    for change in json.loads((FOLDER / "changes.json").read_text()):
        with tempfile.TemporaryDirectory() as made:
            edited = Path(made) / "new"
            shutil.copytree(FOLDER / "base", edited)
            for file, old, new in change["edits"]:
                text = (edited / file).read_text()
                assert old in text, f"{change['name']}: {old}"
                (edited / file).write_text(text.replace(old, new))
            before, after = (read_side(str(path), path / "upstreams.yaml") for path in (FOLDER / "base", edited))
            names = {**before.stand_ins, **after.stand_ins}
            found = differences(before.config, after.config, at=NOW)
            changes, notes = reviewed(with_references(found, before.config, after.config, names), (), NOW, str, str)
            review = Review(
                old="main",
                new="upstreams.yaml",
                changes=changes,
                notes=(*rename_notes(before.config, after.config), *notes),
                sides="Compared: `main` (0123abc) with the working files (`upstreams.yaml`).",
                edited=tuple(sorted({edit[0] for edit in change["edits"]})),
                route_words=route_words(before.config, after.config),
            )
            yield Prepared(change["name"], change["opens"], review)


if __name__ == "__main__":
    for one in prepared():
        one.golden.write_text(one.text)
