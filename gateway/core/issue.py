"""What is wrong with one value of a request, in words for an app and for its user; never the value itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Token = str | int
"""The name of a member, or the index of an item."""


class Issue(NamedTuple):
    """``path`` leads to the value. ``code`` and ``expected`` are for programs, in the words of zod 4; ``message`` is a sentence for
    users. ``call`` is the index of the call of a batch; ``query``: the path begins with the name of a parameter."""

    path: tuple[Token, ...]
    code: str
    expected: str
    message: str
    call: int = 0
    query: bool = False


def pointer(path: Iterable[Token]) -> str:
    """``path`` as a JSON Pointer (RFC 6901)."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)


def problem_members(issues: Sequence[Issue]) -> dict[str, object]:
    """``errors`` of problem details, as in RFC 9457 section 3."""
    return {"errors": [_error(issue) for issue in issues]}


def _error(issue: Issue) -> dict[str, object]:
    detail = {"detail": issue.message}
    if issue.query and issue.path:
        return {"parameter": str(issue.path[0]), **detail}
    return {**({} if issue.query else {"pointer": pointer(issue.path)}), **detail}


def trpc_members(issues: Sequence[Issue]) -> dict[str, object]:
    """``issues`` of all calls, and ``zodError`` as zod's ``flattenError`` has it: that of the first call, since an app reads
    the fields of one form from it."""
    first = [issue for issue in issues if issue.call == issues[0].call]
    fields: dict[str, list[str]] = {}
    for issue in first:
        if issue.path:
            fields.setdefault(str(issue.path[0]), []).append(issue.message)
    return {
        "zodError": {"formErrors": [issue.message for issue in first if not issue.path], "fieldErrors": fields},
        "issues": [
            {
                "call": issue.call,
                "path": list(issue.path),
                "code": issue.code,
                "expected": issue.expected,
                "message": issue.message,
            }
            for issue in issues
        ],
    }
