"""Results as SARIF 2.1.0, which code hosts show beside the lines of a pull request.

Pure: values in, one JSON object out. The section numbers are those of the standard (OASIS, 2020).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import quote

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"

JsonObject = dict[str, object]

_OF_LINKS = re.compile(r"[\\\[\]]")
_NUMBER = re.compile(r"[0-9]+").fullmatch


class Level(StrEnum):
    """How bad a result is (3.27.10)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class SarifRule(NamedTuple):
    """What a result may be of: ``id``, one sentence of what it is, and one of what to do about it."""

    id: str
    sentence: str
    help: str = ""


class SarifResult(NamedTuple):
    """One result. ``rule`` is the id of its rule; ``where`` is ``file:line`` or ``file:line:column``, empty for nowhere, with a
    file from the root of the repository; ``fingerprint`` is the same for the same result in another version of the files.
    ``accepted`` says who answers for it and why, and is empty where nobody does."""

    rule: str
    level: Level
    message: str
    where: str
    fingerprint: str = ""
    accepted: str = ""


def sarif(version: str, rules: Sequence[SarifRule], results: Iterable[SarifResult]) -> JsonObject:
    """The log of one run of this tool, ``version`` being its own. Raises ValueError for a result without its rule."""
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "gateway",
        "version": version,
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, index) for one in results],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: SarifRule) -> JsonObject:
    found: JsonObject = {"id": rule.id, "shortDescription": _message(rule.sentence)}
    return {**found, "help": _message(rule.help)} if rule.help else found


def _result(one: SarifResult, index: dict[str, int]) -> JsonObject:
    if one.rule not in index:
        raise ValueError(f"there is no rule {one.rule}")
    found: JsonObject = {
        "ruleId": one.rule,
        "ruleIndex": index[one.rule],
        "level": one.level,
        "message": _message(one.message),
    }
    if one.where:
        found["locations"] = [{"physicalLocation": _location(one.where)}]
    if one.fingerprint:
        found["partialFingerprints"] = {"gateway/v1": one.fingerprint}
    if one.accepted:
        found["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": one.accepted}]
    return found


def _message(text: str) -> JsonObject:
    # In a plain text message [text](target) is a link (3.11.6), and what is quoted here is of whoever wrote the files.
    return {"text": _OF_LINKS.sub(r"\\\g<0>", text)}


def _location(where: str) -> JsonObject:
    file, numbers = where, list[int]()
    while len(numbers) < 2:
        before, _, last = file.rpartition(":")
        if not (before and _NUMBER(last)):
            break
        file, numbers = before, [int(last), *numbers]
    artifact: JsonObject = {"uri": _uri(file)}
    if not file.startswith("/"):
        artifact["uriBaseId"] = "%SRCROOT%"
    region = {key: max(1, number) for key, number in zip(("startLine", "startColumn"), numbers or [1], strict=False)}
    return {"artifactLocation": artifact, "region": region}


def _uri(file: str) -> str:
    """A file name as a URI reference (RFC 3986 4.1), so that a colon in its first segment begins no scheme."""
    octets = file.encode("utf-8", "surrogateescape")
    return f"file://{quote(octets)}" if file.startswith("/") else quote(octets)
