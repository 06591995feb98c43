"""Every secret of the language, broken by what comes along by accident: refused by name, or taken without its line end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.config.load import load, shipped_kinds
from gateway.config.model import Config, Entry
from gateway.config.problem import Problem
from gateway.config.shape import models_below
from gateway.core.secret import Secret

SECRET = "uG7qZ1xV0pTnB4cYwK9hRr2sLd8fMe6a"
PLACES = {
    "ops.token": "ops: {token: WORD}",
    "state.key": "state: {key: WORD}",
    "auth.a.secret": "auth: {a: {kind: jwt, algorithms: [HS256], secret: WORD}}",
    "auth.a.secret[1]": 'auth: {a: {kind: jwt, algorithms: [HS256], secret: ["a secret that is another one of 32", WORD]}}',
    "upstreams.u.request_headers.set.x-key": "upstreams: {u: {endpoints: [{url: 'http://a'}], request_headers: {set: {x-key: WORD}}}}",
    "upstreams.u.request_headers.set.authorization": (
        "upstreams: {u: {endpoints: [{url: 'http://a'}], request_headers: {set: {authorization: 'Bearer WORD'}}}}"
    ),
    "state.redis": "state: {redis: 'redis://:WORD@cache', key: another-key-of-thirty-two-letters}",
}
BROKEN = {
    "holds a line break": (f"{SECRET}\n\n", f"{SECRET[:9]}\n{SECRET[9:]}", f"{SECRET}\r\r\n"),
    "begins with a byte order mark": (f"\ufeff{SECRET}",),
    "is in quotes": (f'"{SECRET}"', f"'{SECRET}'\n"),
    "begins or ends with a blank": (f" {SECRET}", f"{SECRET}\t\n", "  "),
    "holds a character that cannot be seen": (f"{SECRET}\u200b",),
}
TAKEN = (SECRET, f"{SECRET}\n", f"{SECRET}\r\n")


def loaded(folder: Path, place: str, reference: str, env: dict[str, str]) -> Config | list[Problem]:
    word = PLACES[place].replace(
        "WORD", reference if "'" in PLACES[place].partition("WORD")[0][-12:] else f'"{reference}"'
    )
    (folder / "upstreams.yaml").write_text(f"version: 1\nroutes: []\n{word}\n")
    return load(folder / "upstreams.yaml", env)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(("sentence", "values"), BROKEN.items())
def test_a_broken_secret_is_refused_by_name(tmp_path: Path, place: str, sentence: str, values: tuple[str, ...]) -> None:
    for value in values:
        (tmp_path / "secret").write_bytes(value.encode())
        for reference, name in (("${WORD}", "WORD"), ("${file:secret}", "secret")):
            found = loaded(tmp_path, place, reference, {"WORD": value})
            assert isinstance(found, list), (place, value)
            (problem,) = found
            assert (problem.path, problem.sentence, problem.line) == (place, f"{name} {sentence}", 3)
            assert problem.hint and SECRET[:9] not in str(problem)


@pytest.mark.parametrize("place", PLACES)
def test_one_line_end_is_none_of_it(tmp_path: Path, place: str) -> None:
    first = None
    for value in TAKEN:
        (tmp_path / "secret").write_bytes(value.encode())
        for reference in ("${WORD}", "${file:secret}"):
            found = loaded(tmp_path, place, reference, {"WORD": value})
            assert isinstance(found, Config), found
            revealed = [secret.reveal() for secret in secrets_of(found)]
            assert SECRET in " ".join(revealed)
            first = first or revealed
            assert revealed == first


@pytest.mark.parametrize("place", PLACES)
def test_an_empty_file_is_no_secret(tmp_path: Path, place: str) -> None:
    for content in (b"", b"\n", b"\r\n"):
        (tmp_path / "secret").write_bytes(content)
        found = loaded(tmp_path, place, "${file:secret}", {})
        assert isinstance(found, list)
        assert [problem.sentence for problem in found] == ["needs the file secret, which is empty"]


def test_a_block_of_yaml_ends_with_no_line_end(tmp_path: Path) -> None:
    (tmp_path / "upstreams.yaml").write_text(f"version: 1\nroutes: []\nops:\n  token: |\n    {SECRET}\n")
    found = load(tmp_path / "upstreams.yaml", {})
    assert isinstance(found, Config) and found.ops.token == Secret(SECRET)


def test_every_secret_of_the_language_is_tried() -> None:
    declared = set()
    models = [("", Entry), *shipped_kinds().items()]
    for section, model in models:
        for path, below in models_below(model, (section,) if section else ()):
            for name, field in below.model_fields.items():
                if "Secret" in str(field.annotation):
                    declared.add(".".join((*map(str, path), name)))
    tried = {place.replace(".u.", ".NAME.").replace("auth.a", "auth").partition("[")[0] for place in PLACES}
    assert {name.removesuffix(".x-key").removesuffix(".authorization") for name in tried} == declared


def secrets_of(value: object) -> Iterator[Secret]:
    """The secrets anywhere in a configuration."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from secrets_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from secrets_of(inner)
    elif isinstance(value, Config):
        for part in (value.ops, value.state, value.upstreams, value.policies):
            yield from secrets_of(part)
    elif hasattr(value, "model_fields_set"):
        for name in type(value).model_fields:  # type: ignore[attr-defined]  # it has set fields, so it is a model
            yield from secrets_of(getattr(value, name))


@pytest.mark.parametrize("place", PLACES)
def test_a_secret_knows_what_is_written_of_it(tmp_path: Path, place: str) -> None:
    config = loaded(tmp_path, place, "${WORD:-of the default}", {"WORD": SECRET})
    assert isinstance(config, Config), config
    (found,) = [
        setting.value
        for setting in config.settings
        if isinstance(setting.value, Secret) and setting.value.shown != "<secret>"
    ]
    assert found.shown == "${WORD:-...}"
    assert SECRET in found.reveal() and SECRET not in found.as_written().reveal()
    assert "${WORD:-of the default}" in found.as_written().reveal()
