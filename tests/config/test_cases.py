"""Every folder under ``cases`` is one configuration and what is said about it.

``upstreams.yaml`` and what it includes, ``env`` (one ``NAME=value`` a line, with Python's escapes), and
``expected.txt``: ``ok``, or the problems as ``gateway check`` prints them.
"""

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def environment(case: Path) -> dict[str, str]:
    file = case / "env"
    lines = file.read_text().splitlines() if file.exists() else []
    pairs = (line.partition("=") for line in lines)
    return {name: value.encode().decode("unicode_escape") for name, _, value in pairs}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    loaded = load(Path("upstreams.yaml"), environment(case))
    told = "ok\n" if isinstance(loaded, Config) else "".join(f"{problem}\n" for problem in loaded)
    assert told == (case / "expected.txt").read_text()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_case_gives_away_a_secret(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(case)
    env = environment(case)
    loaded = load(Path("upstreams.yaml"), env)
    told = repr(loaded) if isinstance(loaded, Config) else " ".join(map(repr, loaded))
    for name, value in env.items():
        if not name.startswith("CORS"):
            assert not value or value not in told, name
    assert "hunter2" not in told and "kX8aa2" not in told
