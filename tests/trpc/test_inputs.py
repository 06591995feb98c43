"""The schemas that scripts/inputs.mjs writes refuse nothing that the live zod takes: for each thing that zod can say
otherwise than JSON Schema, and for the tutor's router."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.schema.validator import Validator, compiled
from tests.trpc.around import around
from tests.trpc.inputs_command import ROOT, written
from tests.trpc.real_peers import HERE
from tests.tutor_inputs import CASES, WITHOUT_INPUT

SHIPPED = ROOT / "policies" / "inputs"
LOSSY = "lossy.mjs"
# What a value of a case is changed into is not superjson's any more where superjson has annotated it.
ANNOTATED = {"date", "dateRange", "bigint", "set", "map"}


def taken(router: str, asked: Iterable[tuple[str, Any]]) -> list[bool]:
    """What zod says about an input, in superjson, of a procedure. Null stands for no input."""
    node = shutil.which("node")
    assert node is not None
    lines = [
        json.dumps({"procedure": name, "input": value if value["json"] is not None else None}) for name, value in asked
    ]
    done = subprocess.run(
        [node, "taken.mjs", f"./{router}"], cwd=HERE, input="\n".join(lines), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return [line == "true" for line in done.stdout.splitlines()]


def samples_of_lossy() -> dict[str, list[Any]]:
    node = shutil.which("node")
    assert node is not None
    code = f'import("./{LOSSY}").then(({{ samples }}) => console.log(JSON.stringify(samples)))'
    done = subprocess.run([node, "-e", code], cwd=HERE, capture_output=True, text=True, check=True, timeout=60)
    samples: dict[str, list[Any]] = json.loads(done.stdout)
    return samples


def candidates(name: str, samples: list[Any]) -> Iterator[Any]:
    """Inputs in superjson: the samples, and what differs from them in one place."""
    seen = set()
    for sample in samples:
        for value in [sample] if name in ANNOTATED else ({"json": value} for value in around(sample)):
            text = json.dumps(value)
            if text not in seen:
                seen.add(text)
                yield json.loads(text)


class Compared:
    """What zod and the schemas say about all candidates, by procedure."""

    def __init__(self, router: str, folder: Path, samples: Mapping[str, list[Any]]) -> None:
        self.refused: dict[str, list[str]] = defaultdict(list)
        """Taken by zod and refused by the schema."""
        self.passed: dict[str, list[str]] = defaultdict(list)
        """The reverse."""
        self.taken: dict[str, int] = defaultdict(int)
        asked = [(name, value) for name, values in samples.items() for value in candidates(name, values)]
        validators = {name: validator_of(folder / f"{name}.json") for name in samples}
        for (name, value), by_zod in zip(asked, taken(router, asked), strict=True):
            by_schema = validators[name].is_valid(value["json"])
            self.taken[name] += by_zod
            if by_zod and not by_schema:
                self.refused[name].append(json.dumps(value))
            elif by_schema and not by_zod and value["json"] is not None:
                self.passed[name].append(json.dumps(value))


def validator_of(path: Path) -> Validator:
    return compiled(json.loads(path.read_text())).validator


@pytest.fixture(scope="module")
def lossy(packages: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The schemas of the router of lossy cases, and what was printed when they were written."""
    folder = tmp_path_factory.mktemp("lossy")
    code, printed = written(LOSSY, folder)
    assert code == 0, printed
    return folder, printed


def test_nothing_that_zod_takes_is_refused_and_what_is_left_to_the_backend_is_said(lossy: tuple[Path, str]) -> None:
    folder, printed = lossy
    samples = samples_of_lossy()
    assert {path.stem for path in folder.glob("*.json")} == {*samples, "none", "streamOfAll"}
    found = Compared(LOSSY, folder, samples)
    assert found.refused == {}
    assert [name for name in samples if found.taken[name] == 0] == [], (
        "a case without a value that zod takes says nothing"
    )
    said = {line.split()[0] for line in printed.splitlines() if "left to the backend" in line}
    assert set(found.passed) - said == {"stream"}, "the server adds lastEventId to what a client subscribes with"
    marked = {path.stem for path in folder.glob("*.json") if "Left to the backend" in path.read_text()}
    assert said == marked, "the file says what the command has said"


def test_a_schema_is_no_looser_than_it_has_to_be(lossy: tuple[Path, str]) -> None:
    """What can be said in JSON Schema beside a thing that cannot stays in force."""
    folder, _ = lossy
    expected = {
        "trimmedLater": {"type": "string", "maxLength": 6},
        "trimmed": {"type": "string"},
        "flagI": {"type": "string", "pattern": "(?i:^abc[k-m]$)"},
        "codePoints": {"type": "string", "minLength": 2, "maxLength": 3},
        "refined": {"type": "string"},
        "transformed": {"type": "string", "minLength": 2},
        "coerced": {},
        "preprocessed": {},
        "date": {"type": "string", "format": "date-time"},
        "bigint": {},
        "integer": {"type": "integer", "minimum": 1, "maximum": 5},
        "defaulted": {"type": "string"},
        "nullable": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }
    for name, schema in expected.items():
        found = json.loads((folder / f"{name}.json").read_text())["properties"]["a"]
        types = found.get("type")
        if name == "nullable" and isinstance(types, list):
            found = {"anyOf": [{"type": one} for one in types]}
        assert {key: value for key, value in found.items() if key != "$comment"} == schema, name


def test_a_procedure_without_input_takes_none(lossy: tuple[Path, str]) -> None:
    folder, _ = lossy
    none = validator_of(folder / "none.json")
    assert [none.is_valid(value) for value in (None, {}, "", 0)] == [True, False, False, False]


def test_a_subscription_may_say_where_it_goes_on(lossy: tuple[Path, str]) -> None:
    folder, _ = lossy
    stream, every = validator_of(folder / "stream.json"), validator_of(folder / "streamOfAll.json")
    assert stream.is_valid({"topic": "x", "lastEventId": "7"}) and not stream.is_valid({"topic": "x", "more": "7"})
    assert [every.is_valid(value) for value in (None, {"lastEventId": "7"}, {"more": 1})] == [True, True, False]


def test_the_shipped_schemas_are_those_of_the_tutors_router(packages: None) -> None:
    code, printed = written("tutor.mjs", SHIPPED, "--check")
    assert code == 0, f"{printed}\nrun: node scripts/inputs.mjs tests/trpc/tutor.mjs --out policies/inputs"


def test_zod_and_the_shipped_schemas_are_of_one_mind(packages: None) -> None:
    """But for the URLs, of which the schemas read the scheme."""
    own = {path.stem for path in SHIPPED.glob("*.*.json")}
    samples = {name: [case.good["json"]] for name, case in CASES.items() if name in own and case is not WITHOUT_INPUT}
    found = Compared("tutor.mjs", SHIPPED, samples)
    assert found.refused == {}
    assert set(found.passed) <= {
        "tutorData.fetch",
        "tutorData.fetchMultiple",
        "tutorData.clearCache",
        "auth.updateProfile",
    }
    assert min(found.taken.values()) > 0
