"""Secrets and known keys are found at any depth of a settings class, through unions, lists and mappings."""

from pydantic import BaseModel, Field

from gateway.config.problem import Report
from gateway.config.shape import holds_secret, known_keys, secrets
from gateway.config.source import read
from gateway.config.tree import Node
from gateway.policy.base.settings import SecretField


class Inner(BaseModel):
    word: SecretField | None = None
    words: tuple[SecretField, ...] = ()


class Outer(BaseModel):
    inner: Inner | None = None
    more: dict[str, Inner] = Field(default_factory=dict)
    listed: tuple[Inner | str, ...] = ()
    mode: str = Field("", alias="kind")


def node(text: str) -> Node:
    tree = read(text.encode(), "a.yaml", Report())
    assert tree is not None
    return tree


def test_the_secrets_of_a_policy_are_found_wherever_they_stand() -> None:
    text = (
        "inner: {word: a, words: [b, c]}\nmore: {x: {word: d, other: e}}\nlisted: [f, {word: g}]\nkind: h\nunknown: i"
    )
    assert [(path, scalar.value) for path, scalar in secrets(Outer, node(text))] == [
        (("inner", "word"), "a"),
        (("inner", "words", 0), "b"),
        (("inner", "words", 1), "c"),
        (("more", "x", "word"), "d"),
        (("listed", 1, "word"), "g"),
    ]


def test_whether_a_path_holds_a_secret_is_known_before_anything_is_there() -> None:
    secret_paths = [("inner", "word"), ("inner", "words", 7), ("more", "x", "words", 0), ("listed", 1, "word")]
    assert all(holds_secret(Outer, path) for path in secret_paths)
    others = [(), ("inner",), ("inner", "words"), ("more", "x"), ("listed", 1), ("kind",), ("unknown", "word")]
    assert not any(holds_secret(Outer, path) for path in others)


def test_known_keys() -> None:
    assert known_keys(Outer, ()) == ["inner", "kind", "listed", "more"]
    assert known_keys(Outer, ("inner",)) == ["word", "words"]
    assert known_keys(Outer, ("more", "x")) == ["word", "words"]
    assert known_keys(Outer, ("listed", 3)) == ["word", "words"]


def test_values_without_known_keys() -> None:
    assert known_keys(Outer, ("kind",)) == []
    assert known_keys(Outer, ("unknown", "deeper")) == []
