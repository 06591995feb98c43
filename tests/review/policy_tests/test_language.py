"""The language of policy tests as editors know it."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.config.attribute_docs import attribute_docs
from gateway.config.schema import schema_of_file
from gateway.config.shape import models_below
from gateway.review.policy_tests.language import MOST_BODY, WrittenBody, WrittenFile, WrittenResponse

MODELS = {model for _, model in models_below(WrittenFile)}


@pytest.mark.parametrize("model", sorted(MODELS, key=lambda model: model.__name__), ids=lambda model: model.__name__)
def test_every_key_has_a_text_for_editors(model: Any) -> None:
    texts = attribute_docs(model)
    assert [name for name in model.model_fields if not texts.get(name)] == []


def test_a_file_has_tests() -> None:
    schema = schema_of_file(WrittenFile, "Tests.")
    assert schema["required"] == ["tests"]
    assert schema["properties"]["tests"]["minItems"] == 1
    assert schema["$defs"]["WrittenTest"]["required"] == ["name"]


def test_no_reference_to_the_environment_stands_in_for_a_value() -> None:
    assert "${" not in str(schema_of_file(WrittenFile, "Tests.")).replace("\\", "")


def test_a_body_has_a_bound() -> None:
    assert WrittenBody(bytes=MOST_BODY).bytes == MOST_BODY
    with pytest.raises(ValueError, match="must be at most 32MiB"):
        WrittenBody(bytes=MOST_BODY + 1)


def test_an_upstream_responds_unless_it_fails() -> None:
    assert (WrittenResponse().status, WrittenResponse().fails, WrittenResponse().takes) == (200, None, 0.0)
