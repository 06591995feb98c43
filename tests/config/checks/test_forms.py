"""A route with ``upload`` needs methods and a body that let forms pass, and nothing beside it that reads JSON."""

from pathlib import Path

import pytest

from tests.config.problems import Problems

POLICIES = """\
uploads:
  picture: {parts: {image: {types: [image/png], max: 1MB, required: true}}}
lockouts:
  accounts: {account: /email, everywhere: {failures: 100, within: 1h, lock_for: 1m}}
bodies:
  form: {max: 2MB, types: [multipart/form-data]}
  both: {max: 2MB, types: [multipart/form-data, application/json]}
  family: {max: 2MB, types: ["multipart/*"]}
  any: {max: 2MB}
  json: {max: 64KiB, types: [application/json]}
  short: {max: 64KiB, types: [multipart/form-data]}
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:1"}]}}
"""


def entry(more: str, methods: str = "[POST]") -> str:
    route = f"{{name: send, paths: [/send], methods: {methods}, upstream: tutor, auth: public, {more}}}"
    return f"{POLICIES}routes: [{route}]\n"


@pytest.mark.parametrize("body", ["both", "any"])
def test_json_beside_forms_that_no_schema_looks_into_is_warned_of(
    tmp_path: Path, warnings_of: Problems, body: str
) -> None:
    unread = "lets JSON pass too, and neither upload picture nor a schema looks into that"
    route = f"upload: picture, body: {body}"
    assert any(unread in warning for warning in warnings_of(entry(route)))
    (tmp_path / "send.json").write_text("{}")
    schemas = f"schemas: {{inputs: {{files: '{tmp_path}/*.json'}}}}\n"
    assert not any(unread in warning for warning in warnings_of(schemas + entry(f"{route}, schema: inputs")))
    waived = 'schema: {none: "the backend reads it"}'
    assert any(unread in warning for warning in warnings_of(schemas + entry(f"{route}, {waived}")))
    assert not any(unread in warning for warning in warnings_of(entry("upload: picture, body: form")))


@pytest.mark.parametrize("body", ["form", "both", "family", "any"])
def test_a_body_that_lets_forms_pass(problems_of: Problems, body: str) -> None:
    assert problems_of(entry(f"upload: picture, body: {body}")) == []


@pytest.mark.parametrize(
    ("more", "methods", "sentence"),
    [
        ("upload: picture, body: json", "[POST]", "names json, which lets no multipart/form-data pass"),
        ("upload: picture", "[POST]", "is missing, and upload picture needs a longest form"),
        ("upload: picture, body: form", "[GET]", "lets GET pass, and upload picture needs a form"),
        ("upload: picture, body: both, lockout: accounts", "[POST]", "takes forms, and lockout accounts reads JSON"),
        ("upload: other, body: form", "[POST]", "other"),
    ],
)
def test_where_no_form_can_pass(problems_of: Problems, more: str, methods: str, sentence: str) -> None:
    found = problems_of(entry(more, methods))
    assert any(sentence in problem for problem in found), found


def test_a_closed_route_needs_none(problems_of: Problems) -> None:
    assert problems_of(entry('upload: picture, body: json, deny: "closed"')) == []


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ("{max: 1MB, types: [application/zip]}", "is a type whose content"),
        ('{max: 16, pattern: "(a+)+b"}', "pattern can match a text of 16 bytes in too many ways"),
        ('{max: 16, pattern: "("}', "pattern is no regular expression"),
        ("{types: [image/png]}", "is missing"),
    ],
)
def test_parts_that_make_no_sense(problems_of: Problems, part: str, sentence: str) -> None:
    text = entry("upload: picture, body: form").replace("{types: [image/png], max: 1MB, required: true}", part)
    found = problems_of(text)
    assert any(sentence in problem for problem in found), found
