"""The text under an attribute is what a schema says of it."""

from __future__ import annotations

from gateway.config.attribute_docs import attribute_docs
from gateway.config.model import Entry
from gateway.policy.base.settings import Model
from gateway.policy.kinds import SECTIONS


class Toy(Model):
    """Not of an attribute."""

    after: float = 1.0
    """How long,
    in seconds."""
    bare: int = 0
    which: str = "a"
    """Which
      one."""


class Child(Toy):
    which: str = "b"
    """Another one."""
    more: int = 1
    "One line."


def test_each_attribute_has_the_text_under_it() -> None:
    assert attribute_docs(Toy) == {"after": "How long,\nin seconds.", "which": "Which\none."}


def test_a_class_has_those_of_its_bases_and_may_say_more() -> None:
    assert attribute_docs(Child) == {
        "after": "How long,\nin seconds.",
        "which": "Another one.",
        "more": "One line.",
    }


def test_a_class_within_another_is_read_too() -> None:
    class Inner(Model):
        deep: int = 0
        """Deep."""

    assert attribute_docs(Inner) == {"deep": "Deep."}


def test_no_class_of_settings_reads_its_source_while_it_is_defined() -> None:
    assert [one for one in SECTIONS.values() if one.settings and _reads(one.settings)] == []
    assert not _reads(Entry)


def _reads(model: type[Model]) -> bool:
    return model.model_config.get("use_attribute_docstrings", False)
