"""The two forms of a response: JSON, and a problem."""

from __future__ import annotations

import orjson

from gateway.ops.api.problem import json_response, problem


def test_a_problem_has_the_members_of_rfc_9457() -> None:
    response = problem(401, "Operators only", **{"www-authenticate": "Bearer"})
    assert (response.status, response.content_type) == (401, "application/problem+json")
    assert response.headers["www-authenticate"] == "Bearer"
    assert isinstance(response.body, bytes)
    assert orjson.loads(response.body) == {"type": "about:blank", "title": "Operators only", "status": 401}


def test_json() -> None:
    response = json_response({"a": [1]})
    assert (response.status, response.content_type, response.body) == (200, "application/json", b'{"a":[1]}')
