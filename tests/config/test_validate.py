"""What pydantic finds is told in plain words, at the right place, and never with a secret in it."""

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, model_validator

from gateway.config.problem import Report
from gateway.config.source import read
from gateway.config.tree import Node
from gateway.config.validate import parse
from gateway.policy.base.settings import Policy, SecretField


class Inner(BaseModel):
    word: SecretField | None = None
    words: tuple[SecretField, ...] = ()


class Outer(Policy):
    inner: Inner | None = None
    more: dict[str, Inner] = Field(default_factory=dict)
    kind: Literal["a", "b"] = "a"
    share: Annotated[float, Field(gt=0, lt=1)] = 0.5
    short: Annotated[str, Field(max_length=3)] = ""
    tags: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _talkative(self) -> "Outer":
        if self.inner and self.inner.word:
            raise ValueError(f"is wrong: {self.inner.word.reveal()}")
        return self


def node(text: str) -> Node:
    found = read(text.encode(), "a.yaml", Report())
    assert found is not None
    return found


def told(text: str) -> list[str]:
    report = Report()
    parse(Outer, node(text), ("p",), Path(), report)
    return [f"{problem.line}:{problem.column} {problem.path} {problem.sentence}" for problem in report.problems()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kind: c", "1:7 p.kind must be a or b"),
        ("share: 0", "1:8 p.share must be more than 0.0"),
        ("share: 1", "1:8 p.share must be less than 1.0"),
        ("share: much", "1:8 p.share must be a number"),
        ("share: [1]", "1:8 p.share must be a number"),
        ("short: long", "1:8 p.short must be at most 3 characters long"),
        ("tags: a", "1:7 p.tags must be a list"),
        ("inner: 1", "1:8 p.inner must be a mapping of keys to values"),
        ("more: {x: {word: 1}}", "1:18 p.more.x.word must be a text: put quotes around it"),
        ("mode: off", "1:7 p.mode must be enforce or report"),
    ],
)
def test_sentences(text: str, expected: str) -> None:
    assert told(text) == [expected]


def test_a_sentence_with_a_secret_in_it_is_not_told() -> None:
    assert told("inner: {word: hunter22}") == ["1:1 p has a value that is not accepted"]
