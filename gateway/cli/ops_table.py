"""Tables of what a gateway answers its operators, on a terminal and in a pipe."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text

from gateway.cli.load import console
from gateway.ops.plain import clean

NOTHING = "-"


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]], styles: Iterable[str] = ()) -> None:
    """Prints ``rows`` below ``headings``. None and empty texts are ``-``; control characters are escaped, since some of the
    texts come from clients. ``styles`` has one for each row, empty for none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    chosen = list(styles)
    for index, row in enumerate(rows):
        style = chosen[index] if index < len(chosen) else ""
        table.add_row(*(Text(shown(cell)) for cell in row), style=style or None)
    console().print(table)


def shown(value: object) -> str:
    """``value`` for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(str(value), 512) if value not in (None, "", []) else NOTHING


def failure(last: object) -> str:
    """A ``last_failure`` of health or of the circuits for people: what, where, and when."""
    if not isinstance(last, dict):
        return NOTHING
    what = last.get("error") or " ".join(str(last[key]) for key in ("failure", "status") if last.get(key))
    where = f" ({shown(last['address'])})" if last.get("address") else ""
    return f"{shown(what)}{where}, last at {shown(last.get('at'))}"
