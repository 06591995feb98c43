"""The two formats of an error that the gateway sends, as values for a JSON encoder.

``problem`` is the format of RFC 9457; ``superjson`` and ``none`` are the error of @trpc/server 11 with that transformer.
A tRPC error is one object also in reply to a batch: @trpc/client applies it to every call.
"""

from __future__ import annotations

from collections.abc import Mapping

from gateway.core.reason import TRPC_CODES

PROBLEM_JSON = "application/problem+json"
JSON = "application/json"


def refusal_members(slug: str, request_id: str, retry_after: int) -> dict[str, object]:
    """The members that every error of the data plane has; ``retry_after`` in whole seconds, left out when it is 0."""
    members: dict[str, object] = {"reason": slug, "request_id": request_id}
    if retry_after:
        members["retry_after"] = retry_after
    return members


def problem(title: str, status: int, detail: str, members: Mapping[str, object]) -> dict[str, object]:
    """Problem details (RFC 9457 section 3.1) with ``members`` as extension members (section 3.2)."""
    return {"title": title, "status": status, "detail": detail, **members}


def operator_problem(title: str, status: int) -> dict[str, object]:
    """Problem details that add nothing to the status code, so their type is ``about:blank`` (RFC 9457 section 4.2.1)."""
    return {"type": "about:blank", "title": title, "status": status}


def trpc_error(
    error_format: str, message: str, status: int, members: Mapping[str, object], own: Mapping[str, object] = {}
) -> dict[str, object]:
    """The error of a tRPC call. ``own`` are further members of its ``data``, which the members of the format override.

    A status without a code of its own has that of 400 or 500.
    """
    code, name = TRPC_CODES.get(status) or TRPC_CODES[500 if status >= 500 else 400]
    data = {**own, "code": name, "httpStatus": status, "path": None, **members}
    error = {"message": message, "code": code, "data": data}
    return {"error": {"json": error} if error_format == "superjson" else error}
