"""Two kinds of policy that do not ship, and the four edits that add each to a copy of the package."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_MODULE = '''\
"""Refuses requests that hold a word. YAML section ``{name}s``."""

from __future__ import annotations

from gateway.core.exchange import Exchange
from gateway.core.verdict import Refusal, refuse
from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools


class Settings(Policy):
    """One word."""

    word: str


class {title}(Stage):
    def __init__(self, settings: Settings) -> None:
        self._word = settings.word.encode()

    def on_request(self, exchange: Exchange) -> Refusal | None:
        return refuse("{name}_refused") if self._word in {where} else None


def build(name: str, settings: Settings, tools: Tools) -> {title}:
    return {title}(settings)
'''

_TEST = '''\
"""The test of a kind that does not ship."""

import time

from gateway.core.exchange import Exchange
from gateway.policy import {name}
from gateway.policy.base.tools import Tools


def test_the_word_is_refused() -> None:
    stage = {name}.build("any", {name}.Settings(word="black"), Tools(None, time.time))
    exchange = Exchange("POST", "/", {{b"x-word": b"black"}}, "192.0.2.1", 0.0)
    exchange.body = b"black"
    assert stage.on_request(exchange).reason.slug == "{name}_refused"
'''

_ROW = """\
    Kind(
        name="{name}",
        section="{name}s",
        settings={name}.Settings,
        route_key="{name}",
        about="{about}",
        build=each({name}.build),
        {more},
    ),
"""

_REASON = '    Reason("{name}_refused", 403, "Refused", "This word is not for you."),\n'


@dataclass(frozen=True)
class Toy:
    """``where`` is the expression for what is searched, ``before`` the row that the toy's row comes before."""

    name: str
    where: str
    more: str
    before: str

    def add(self, house: Path) -> None:
        """Adds the kind to the copy at ``house``: its file, its test, its row and its reason."""
        words = {"name": self.name, "title": self.name.title(), "where": self.where, "more": self.more}
        (house / f"gateway/policy/{self.name}.py").write_text(_MODULE.format(**words))
        test = house / f"tests/policy/test_{self.name}.py"
        test.parent.mkdir(parents=True, exist_ok=True)
        test.write_text(_TEST.format(**words))
        row = _ROW.format(about=f"Names a {self.name}.", **words)
        table = house / "gateway/policy/kinds.py"
        text, rows = re.subn(rf'(    # [^\n]*\n)?    Kind\(\s*name="{self.before}"', rf"{row}\g<0>", table.read_text())
        assert rows == 1
        table.write_text(
            text.replace(
                "\nfrom gateway.policy import",
                f"\nfrom gateway.policy import {self.name}\nfrom gateway.policy import",
                1,
            )
        )
        reasons = house / "gateway/core/reason.py"
        text = reasons.read_text()
        assert text.count("_TABLE = (\n") == 1
        reasons.write_text(text.replace("_TABLE = (\n", "_TABLE = (\n" + _REASON.format(**words)))


MOTTO = Toy("motto", 'exchange.fields.get(b"x-word", b"")', "inherited=True,\n        many=True", before="auth")
SLOGAN = Toy("slogan", '(exchange.body or b"")', "needs_body=True", before="lockout")


def copied(house: Path) -> Path:
    """The package as it is, copied to ``house``."""
    shutil.copytree(ROOT / "gateway", house / "gateway", ignore=shutil.ignore_patterns("__pycache__"))
    return house


def edited(house: Path) -> set[str]:
    """The files of the copy that are not those of the package: new, changed or gone."""

    def contents(root: Path, *folders: str) -> dict[str, bytes]:
        paths = (path for folder in folders for path in (root / folder).rglob("*") if path.is_file())
        return {str(path.relative_to(root)): path.read_bytes() for path in paths if "__pycache__" not in path.parts}

    before, after = contents(ROOT, "gateway"), contents(house, "gateway", "tests")
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
