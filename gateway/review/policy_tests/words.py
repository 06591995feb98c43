"""The values that policy tests are written with: verdicts, header fields, targets, moments. One check and one sentence for each."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from datetime import datetime
from typing import Annotated

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema

from gateway.config.names import TOKEN_PATTERN, matches
from gateway.config.problem import nearest
from gateway.core.failure import CallFailure
from gateway.core.reason import REASONS
from gateway.policy.base.settings import Advice, whole

PASS = "pass"
"""The verdict of a request that nothing refuses."""

VERDICTS = (PASS, *REASONS)

FAILURES = {failure.label: failure for failure in CallFailure if failure is not CallFailure.RESET_REUSED}
"""How the upstream may fail a call, by the word for it. Each test has new connections, so none that has served before."""

NUMBER = "<n>"
"""In a request's texts: which one of the repeated requests it is, from 1 on."""

MOST_REPEATS = 10_000


def numbered(text: str, number: int) -> str:
    """``text`` of the request ``number``."""
    return text.replace(NUMBER, str(number))


def _verdict(value: object) -> object:
    if isinstance(value, str) and value not in VERDICTS:
        raise Advice(f"is neither {PASS} nor a reason to refuse", _nearest_reason(value))
    return value


def _reason(value: object) -> object:
    if isinstance(value, str) and value not in REASONS:
        raise Advice("is no reason to refuse", _nearest_reason(value))
    return value


def _nearest_reason(value: str) -> str:
    return nearest(value, VERDICTS) or "docs/reasons.md has all reasons"


def _failure(value: object) -> object:
    if isinstance(value, str) and value not in FAILURES:
        raise Advice("is no way in which a call fails", nearest(value, FAILURES))
    return value


def _several(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _several_texts(value: object) -> object:
    return value if value is None or isinstance(value, list | tuple | dict) else (value,)


def _token(value: object) -> object:
    if isinstance(value, str) and not matches(TOKEN_PATTERN, value):
        raise ValueError("is not a token of HTTP, such as POST or content-type (RFC 9110 section 5.6.2)")
    return value


def _field_name(value: object) -> object:
    _token(value)
    return value.lower() if isinstance(value, str) else value


def _field_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value) if isinstance(value, int | float) else value
    if isinstance(text, str) and any(c in text for c in "\r\n\0"):
        raise ValueError("must be one line, as a header field is (RFC 9110 section 5.5)")
    return text


def _target(value: object) -> object:
    # A request line is split at blanks (RFC 9112 section 3), so no client can send such a target. Everything else one can.
    if isinstance(value, str) and any(not "!" <= c <= "~" for c in value):
        raise Advice("has a blank or another character that no request line has", "percent-encode it")
    return value


def _address(value: object) -> object:
    if isinstance(value, str):
        try:
            ipaddress.ip_address(numbered(value, 1))
        except ValueError:
            raise Advice("is not an address", "write one such as 203.0.113.7, 2001:db8::7 or 10.0.<n>.7") from None
    return value


def _moment(value: object) -> float:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Advice("is not a moment with its time zone", "write it like 2027-01-31T12:00:00Z")
    return found.timestamp()


def _octets(value: object) -> bytes:
    try:
        return base64.b64decode("".join(str(value).split()), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64 (RFC 4648 section 4)") from None


Verdict = Annotated[
    str,
    BeforeValidator(_verdict),
    WithJsonSchema(
        {
            "type": "string",
            "enum": list(VERDICTS),
            "markdownEnumDescriptions": [
                "Nothing refuses it.",
                *(f"**{reason.status} {reason.title}**: {reason.sentence}" for reason in REASONS.values()),
            ],
        }
    ),
]
Reasons = Annotated[
    tuple[Annotated[str, BeforeValidator(_reason)], ...],
    BeforeValidator(_several),
    WithJsonSchema(
        {"anyOf": [{"enum": list(REASONS)}, {"type": "array", "items": {"type": "string", "enum": list(REASONS)}}]}
    ),
]
Failure = Annotated[str, BeforeValidator(_failure), WithJsonSchema({"type": "string", "enum": list(FAILURES)})]
Token = Annotated[str, Field(min_length=1), BeforeValidator(_token, json_schema_input_type=str)]
FieldName = Annotated[str, Field(min_length=1), BeforeValidator(_field_name, json_schema_input_type=str)]
FieldText = Annotated[str, BeforeValidator(_field_text, json_schema_input_type=str | int | float | bool)]
FieldTexts = Annotated[
    tuple[FieldText, ...], BeforeValidator(_several_texts, json_schema_input_type=FieldText | tuple[FieldText, ...])
]
Target = Annotated[str, Field(min_length=1), BeforeValidator(_target, json_schema_input_type=str)]
Address = Annotated[str, BeforeValidator(_address, json_schema_input_type=str)]
Moment = Annotated[
    float, PlainValidator(_moment), WithJsonSchema({"type": "string", "examples": ["2027-01-31T12:00:00Z"]})
]
Octets = Annotated[bytes, PlainValidator(_octets), WithJsonSchema({"type": "string", "contentEncoding": "base64"})]
Repeats = Annotated[int, Field(ge=1, le=MOST_REPEATS), BeforeValidator(whole)]
Status = Annotated[int, Field(ge=200, le=599), BeforeValidator(whole)]
