"""Configurations as they are written, for tests of what differs between two."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from gateway.config.load import load
from gateway.config.model import Config
from gateway.review.diff.change import Change
from gateway.review.diff.diff import differences

NOON = 1_800_000_000.0
"""When both sides are in force, in Unix seconds."""

POLICIES = """
auth:
  token: {kind: jwt, algorithms: [HS256], secret: "qC7w9ZpT3xVb8LmR2sKf6YhN4dJg1uEa", require: {type: access}}
cors:
  app: {origins: ["https://app.example"], no_origin: allow, methods: [GET, POST]}
rate_limits:
  calls: {limit: 60/minute, key: [address]}
  tries: {limit: 5/minute, key: [address]}
  each: {limit: 20/minute, key: [principal]}
bodies:
  json: {max: 1KiB, types: [application/json]}
lockouts:
  accounts: {account: /email, failures: 3, within: 15m, lock_for: 1h, on_status: [401]}
"""
SCHEMAS = """
schemas:
  inputs: {files: ../inputs/*.json}
"""

UPSTREAMS = """
upstreams:
  api: {endpoints: [{url: "http://127.0.0.1:9"}], trpc: {prefix: /trpc, transformer: none}}
  files: {endpoints: [{url: "http://127.0.0.1:10"}], paths: {case: ignored, slash: ignored}}
"""


def config(folder: Path, text: str, others: Mapping[str, str] | None = None, upstreams: str = UPSTREAMS) -> Config:
    """The configuration of an entry file that says ``text`` beside its version and ``upstreams``. ``others`` are further files by
    name; those below ``policies`` that end with .yaml are included."""
    for name, content in (others or {}).items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(content))
    include = "include: [policies/*.yaml]\n" if any(name.endswith(".yaml") for name in others or {}) else ""
    entry = folder / "upstreams.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    entry.write_text(f"version: 1\n{include}{upstreams}{dedent(text)}")
    loaded = load(entry, {})
    assert isinstance(loaded, Config), "\n".join(str(problem) for problem in loaded)
    return loaded


class Compare:
    """Compares what two entry files say, each below ``folder`` and read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sides: dict[tuple[object, ...], Config] = {}

    def side(self, text: str, policies: str = POLICIES, upstreams: str = UPSTREAMS, **inputs: str) -> Config:
        """The configuration of ``text``; ``inputs`` are schemas by name."""
        key = (text, policies, upstreams, *sorted(inputs.items()))
        if key not in self._sides:
            others = {f"inputs/{name}.json": content for name, content in inputs.items()}
            if inputs:
                others["policies/schemas.yaml"] = SCHEMAS
            folder = self._folder / str(len(self._sides))
            self._sides[key] = config(folder, text, {"policies/all.yaml": policies, **others}, upstreams)
        return self._sides[key]

    def __call__(self, old: Config | str, new: Config | str, witnesses: bool = False) -> list[Change]:
        """The changes from ``old`` to ``new``."""
        before, after = (self.side(each) if isinstance(each, str) else each for each in (old, new))
        return list(differences(before, after, witnesses=witnesses, at=NOON))


def short(changes: list[Change]) -> list[tuple[str, str, str]]:
    """Effect, setting and routes of each, the routes joined by commas."""
    return [(change.effect.value, change.setting, ",".join(change.routes)) for change in changes]


def shown(changes: list[Change]) -> dict[str, tuple[str, str]]:
    """The verdicts of the first witness of each loosening, by its setting; a sentence beside nothing where it has none."""
    found = {}
    for change in changes:
        if change.loosens:
            first = next(iter(change.witnesses.values()), None)
            found[change.setting] = (change.unwitnessed, "") if first is None else (first.before, first.after)
    return found
