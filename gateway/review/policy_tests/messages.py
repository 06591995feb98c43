"""From a written request or response to the one that a dry run sends."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.policy_tests.language import FormPart, WrittenRequest, WrittenResponse
from gateway.review.policy_tests.words import FAILURES, numbered

BOUNDARY = "policy-test-boundary-7MA4YWxkTrZu0gW"
_FORM = f"multipart/form-data; boundary={BOUNDARY}"
_JSON = "application/json"


def request_of(written: WrittenRequest, number: int) -> DryRequest:
    """The request ``number`` of those that ``written`` is repeated for."""
    content, media_type = _content(written, number)
    fields = [(name, numbered(value, number)) for name, values in written.headers.items() for value in values]
    if written.origin is not None:
        fields.append(("origin", numbered(written.origin, number)))
    if media_type and "content-type" not in written.headers:
        fields.append(("content-type", media_type))
    return DryRequest(
        method=written.method or ("GET" if content is None else "POST"),
        target=_target(written, number),
        fields=fields,
        body=content or b"",
        address=numbered(written.address, number),
        claims=None if written.claims is None else _numbered(written.claims, number),
        listener=written.listener,
    )


def response_of(written: WrittenResponse) -> ScriptedResponse:
    """What the upstream is to say."""
    if written.fails is not None:
        return ScriptedResponse(failure=FAILURES[written.fails], after=written.takes)
    fields = dict(written.headers)
    if written.body is not None:
        fields.setdefault("content-type", "text/plain; charset=utf-8")
        body = written.body.encode()
    else:
        body = _as_json(written.json_body if "json_body" in written.model_fields_set else {})
    return ScriptedResponse(written.status, fields, body, after=written.takes)


def _as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _numbered(value: Any, number: int) -> Any:
    """``value`` with the number of the request in each of its texts."""
    if isinstance(value, str):
        return numbered(value, number)
    if isinstance(value, Mapping):
        return {key: _numbered(below, number) for key, below in value.items()}
    return [_numbered(below, number) for below in value] if isinstance(value, list) else value


def _target(written: WrittenRequest, number: int) -> str:
    target = numbered(written.target or "/", number)
    if not written.query:
        return target
    given = _numbered(written.query, number)
    pairs = ((name, value if isinstance(value, str) else _as_json(value).decode()) for name, value in given.items())
    added = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs)
    return f"{target}{'&' if '?' in target else '?'}{added}"


def _content(written: WrittenRequest, number: int) -> tuple[bytes | None, str]:
    """The body, None without one, and the media type that goes with it."""
    if "json_body" in written.model_fields_set:
        return _as_json(_numbered(written.json_body, number)), _JSON
    if written.form is not None:
        return _form(written.form, number), _FORM
    if written.body is not None:
        return numbered(written.body.text or "", number).encode().ljust(written.body.bytes, b"x"), ""
    return None, ""


def _form(parts: Mapping[str, FormPart], number: int) -> bytes:
    """A form as browsers write it (RFC 7578 section 4)."""
    written = b""
    for name, part in parts.items():
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"'
        if part.filename is not None:
            head += f'; filename="{part.filename}"'
        if part.type is not None:
            head += f"\r\ncontent-type: {part.type}"
        content = part.base64 or numbered(part.text or "", number).encode()
        written += head.encode() + b"\r\n\r\n" + content.ljust(part.bytes, b"\0") + b"\r\n"
    return written + f"--{BOUNDARY}--\r\n".encode()
