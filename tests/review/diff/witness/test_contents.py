"""Requests whose content was refused and passes now."""

from __future__ import annotations

import pytest

from tests.review.diff.written import POLICIES, Compare, shown

ROUTES = """
defaults: {auth: public}
routes:
  - {name: one, procedures: [one.get], methods: [POST], upstream: api, body: json, schema: {none: "a test"}}
  - {name: two, paths: [/two], methods: [POST, GET], upstream: files, body: any, schema: {none: "a test"}}
  - {name: form, paths: [/form], methods: [POST], upstream: files, body: any, upload: pictures, schema: {none: "a test"}}
"""
MORE = (
    POLICIES.replace(
        "  json:",
        "  any: {max: 2KiB, types: [application/json, multipart/form-data], without_content: [GET],"
        " query: {max: 100, parameters: 3}}\n  json:",
    )
    + """
uploads:
  pictures:
    parts:
      picture: {types: [image/png], max: 1KiB, required: true}
      size: {max: 16, pattern: "[0-9]{1,3}"}
"""
)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("max: 1KiB, types: [app", "max: 1025, types: [app", "body_too_large"),
        ("max: 1KiB, types: [app", "types: [app", "body_too_large"),
        (
            "max: 2KiB, types: [application/json, ",
            "max: 2KiB, types: [application/json, text/plain, ",
            "media_type_refused",
        ),
        ("without_content: [GET]", "without_content: []", "body_malformed"),
        ("max: 100,", "max: 101,", "target_too_long"),
        ("parameters: 3", "parameters: 4", "target_too_long"),
        ("max: 2KiB,", "max: 2KiB, inflate: {codings: [gzip]},", "media_type_refused"),
        ("types: [image/png], ", "types: [image/png, image/gif], ", "upload_type_refused"),
        ("required: true", "required: false", "upload_malformed"),
        ("[0-9]{1,3}", "[0-9a-z]{1,3}", "upload_malformed"),
        ("[0-9]{1,3}", "[0-9]{1,3}.*", "upload_malformed"),
        ("[0-9]{1,3}", "[0-9]{1,3}|all", "upload_malformed"),
    ],
)
def test_of_a_body(compare: Compare, old: str, new: str, reason: str) -> None:
    before, after = compare.side(ROUTES, MORE), compare.side(ROUTES, MORE.replace(old, new))
    assert (reason, "pass") in shown(compare(before, after, witnesses=True)).values()


def test_of_a_schema(compare: Compare) -> None:
    text = ROUTES.replace('body: json, schema: {none: "a test"}', "body: json, schema: inputs")
    schema = (
        '{"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}, "required": ["name"]}'
    )
    old = compare.side(text, MORE, **{"one.get": schema})
    new = compare.side(text, MORE, **{"one.get": schema.replace(', "pattern": "^[a-z]+$"', "")})
    assert shown(compare(old, new, witnesses=True)) == {"schemas.inputs.one.get": ("schema_refused", "pass")}
    without = compare.side(ROUTES, MORE)
    assert shown(compare(old, without, witnesses=True))["routes.one.schema"] == ("schema_refused", "pass")
