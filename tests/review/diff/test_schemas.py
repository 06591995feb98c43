"""Schemas input by input: what more they admit, with an example."""

from __future__ import annotations

from tests.review.diff.written import Compare, short

ROUTES = """
defaults: {auth: public, body: json, schema: inputs}
routes:
  - {name: one, procedures: [one.get], upstream: api}
  - {name: two, paths: [/two], methods: [POST], upstream: files}
"""
NAME = '{"type": "object", "properties": {"name": {"type": "string", "pattern": "^[a-z]+$"}}, "required": ["name"]}'


def test_a_pattern_that_is_dropped_shows_an_input_that_passes_now(compare: Compare) -> None:
    old = compare.side(ROUTES, **{"one.get": NAME, "two": NAME})
    new = compare.side(ROUTES, **{"one.get": NAME.replace(', "pattern": "^[a-z]+$"', ""), "two": NAME})
    (change,) = compare(old, new)
    assert short([change]) == [("loosens", "schemas.inputs.one.get", "one")]
    assert (change.before, change.after) == ('properties.name.pattern: "^[a-z]+$"', "properties.name.pattern: none")
    assert change.why == (
        'Any text may now be sent as `name`; before, it had to match `^[a-z]+$`. For example `{"name": ""}` passes now.'
    )
    assert change.where_new.endswith("/inputs/one.get.json:1")
    assert short(compare(new, old)) == [("tightens", "schemas.inputs.one.get", "one")]


def test_another_spelling_of_a_schema_is_no_difference(compare: Compare) -> None:
    old = compare.side(ROUTES, **{"one.get": NAME, "two": NAME})
    new = compare.side(ROUTES, **{"one.get": NAME, "two": NAME.replace(": {", ":\n {")})
    assert compare(old, new) == []


def test_what_cannot_be_compared_loosens(compare: Compare) -> None:
    from gateway.review.diff.diff import differences
    from gateway.review.inputs import unknown

    old = compare.side(ROUTES, **{"one.get": NAME, "two": NAME})
    new = compare.side(ROUTES, **{"one.get": NAME.replace("a-z", "a-y"), "two": NAME})
    (change,) = differences(old, new, witnesses=False, compare_schemas=lambda *_: unknown("it takes too long"))
    assert change.loosens
    assert change.why == "Inputs may pass that were refused: it takes too long."


def test_the_schema_of_a_query_that_goes_loosens(compare: Compare) -> None:
    old = compare.side(ROUTES, **{"one.get": NAME, "two": NAME, "two.query": NAME})
    new = compare.side(ROUTES, **{"one.get": NAME, "two": NAME})
    assert short(compare(old, new)) == [("loosens", "schemas.inputs.two.query", "two")]
    assert short(compare(new, old)) == [("tightens", "schemas.inputs.two.query", "two")]
