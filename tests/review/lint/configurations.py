"""Small configurations for the rules: one without findings, and edits of it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from gateway.config.load import load
from gateway.config.model import Config
from gateway.review.lint.finding import Finding
from gateway.review.lint.findings import findings

Tree = dict[str, Any]
Judged = Callable[..., Sequence[Finding]]
"""``judged(*edits)``: the findings in the configuration without any, with these edits one after the other, each a text of
YAML or a tree."""

ENV = {
    "JWT": "d1f0b8a36c4e97521a0c6e8b93f47d25",
    "OPS": "2c71d4e8ab5036cd17e49a02b6f85d9f",
    "KEY": "97be03d5c1a846f2b8e7d9013c5a6f42",
    "AI": "5e19c7a2f08b4d63915c0e7fa2d8b346",
}
NOW = 1_800_000_000.0  # 2027-01-15

CLEAN = yaml.safe_load("""\
version: 1
environment: ${GATEWAY_ENV:-development}
listen: {limits: {per_address: {connections: 100, requests: 50}}}
ops: {token: "${OPS}"}
state: {path: ., key: "${KEY}"}
upstreams:
  tutor:
    endpoints: [{url: "http://127.0.0.1:8787"}]
    health_check: {path: /health}
    trpc: {prefix: /api/trpc}
    request_headers: {remove: [cookie]}
defaults: {auth: token, cors: app, rate_limits: [per-client], body: json, schema: inputs, response_headers: secure}
auth:
  token: {kind: jwt, algorithms: [HS256], secret: "${JWT}", require: {type: access}, leeway: 5s}
cors:
  app: {origins: ["https://app.example.com"], credentials: true}
rate_limits:
  per-client: {limit: 60/minute, burst: 20, key: [address]}
  per-user: {limit: 5/minute, key: [principal]}
  per-account: {limit: 5/minute, key: [address, "input:/email"]}
bodies:
  json: {max: 64KiB, types: [application/json]}
schemas:
  inputs: {files: inputs/*.json}
lockouts:
  accounts: {account: /email, everywhere: {failures: 100, within: 1h, lock_for: 1h}}
response_headers:
  secure: {set: {cache-control: no-store}}
routes:
  - {name: no-admin, procedures: [admin.drop], auth: public, deny: "closed"}
  - name: login
    procedures: [auth.login]
    methods: [POST]
    upstream: tutor
    auth: public
    rate_limits: [per-client, per-account]
    lockout: accounts
    batch: deny
  - {name: content, procedures: [lessons.getAll], upstream: tutor, auth: public}
  - {name: user, procedures: [user.get], upstream: tutor}
  - {name: hook, paths: [/hook], methods: [POST], upstream: tutor}
""")


def edited(tree: Tree, edit: Tree) -> Tree:
    """``tree`` with ``edit`` in it: mappings are merged, routes by their names, everything else is replaced, and null takes
    away (``written null`` is null). A new route comes last, or first with ``first: true``."""
    made = copy.deepcopy(tree)
    for key, value in edit.items():
        if value is None:
            made.pop(key, None)
        elif key == "routes":
            made[key] = _routes(made[key], value)
        elif isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key] = edited(made[key], value)
        else:
            made[key] = None if value == "written null" else value
    return made


def _routes(routes: list[Tree], edits: list[Tree]) -> list[Tree]:
    made = [*routes]
    for edit in edits:
        first = edit.get("first", False)
        edit = {key: value for key, value in edit.items() if key != "first"}
        index = next((index for index, each in enumerate(made) if each["name"] == edit["name"]), None)
        if index is not None:
            made[index] = edited(made[index], edit)
        else:
            made.insert(0 if first else len(made), edit)
    return made


def loaded(folder: Path, tree: Tree, schemas: dict[str, str]) -> Config:
    """``tree`` as a configuration with a schema for each input, of the texts in ``schemas`` or else of anything."""
    (folder / "inputs").mkdir(exist_ok=True)
    for route in tree["routes"]:
        for stem in (*route.get("procedures", ()), route["name"]):
            (folder / "inputs" / f"{stem.replace('*', 'one')}.json").write_text(schemas.get(stem, "true"))
    for stem, text in schemas.items():
        (folder / "inputs" / f"{stem}.json").write_text(text)
    (folder / "upstreams.yaml").write_text(yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False))
    made = load(folder / "upstreams.yaml", ENV)
    assert isinstance(made, Config), "\n".join(map(str, made))
    return made


class Case(NamedTuple):
    """A configuration with one finding, and its mended twin. ``found`` are the paths of the finding."""

    rule: str
    found: list[str]
    bad: Tree
    mended: Tree
    schemas: dict[str, str]

    def __str__(self) -> str:
        return f"{self.rule} at {' '.join(self.found)}"


def cases_of(module: str) -> list[Case]:
    """The cases for the rules of one module, from ``cases/MODULE.yaml``."""
    written = yaml.load((Path(__file__).parent / "cases" / f"{module}.yaml").read_text(), yaml.CSafeLoader)
    return [
        Case(rule, each["found"], each["bad"], each["mended"], each.get("schemas", {}))
        for rule, of_rule in written.items()
        for each in of_rule
    ]


def check(case: Case, folder: Path) -> None:
    """The edit has the finding and no other, and mended it has none."""
    bad = edited(CLEAN, case.bad)
    found = findings(loaded(folder, bad, case.schemas), NOW)
    assert [(one.id, one.path) for one in found] == [(case.rule, path) for path in case.found]
    assert all(one.sentence and one.why and one.hint and "upstreams.yaml:" in one.where for one in found)
    mended = findings(loaded(folder, edited(bad, case.mended), case.schemas), NOW)
    assert [f"{one.id} {one.path}: {one.sentence}" for one in mended] == []
