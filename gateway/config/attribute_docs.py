"""The texts under the attributes of settings classes: they become the descriptions of the JSON Schemas.

They are read from the sources, and only when a schema is asked for. Pydantic's ``use_attribute_docstrings`` reads the source
of every class while it is defined: 35 to 100 ms more for the start of each process of the gateway, and of each command.
"""

from __future__ import annotations

import ast
import inspect
import textwrap

from gateway.policy.base.settings import Model


def attribute_docs(model: type[Model]) -> dict[str, str]:
    """The texts under the attributes of ``model`` and of its bases, by the attribute's name."""
    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, Model):
            found |= _own(one)
    return found


def _own(model: type[Model]) -> dict[str, str]:
    body = ast.parse(textwrap.dedent(inspect.getsource(model))).body[0]
    assert isinstance(body, ast.ClassDef)
    return {
        attribute.target.id: inspect.cleandoc(text.value.value)
        for attribute, text in zip(body.body, body.body[1:], strict=False)
        if isinstance(attribute, ast.AnnAssign)
        and isinstance(attribute.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
