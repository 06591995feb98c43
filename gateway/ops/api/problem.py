"""Responses of the operators' listener: JSON, and problems by RFC 9457."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
from aiohttp import web

from gateway.core.error_format import PROBLEM_JSON, operator_problem


def json_response(value: Mapping[str, object], status: int = 200) -> web.Response:
    """A response with ``value`` as its JSON body."""
    return web.Response(status=status, body=orjson.dumps(value), content_type="application/json")


def problem(status: int, title: str, **headers: str) -> web.Response:
    """A problem by RFC 9457."""
    body = orjson.dumps(operator_problem(title, status))
    return web.Response(status=status, body=body, content_type=PROBLEM_JSON, headers=headers)
