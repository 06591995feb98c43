"""How names, paths, methods, fields and addresses are spelled in the files: one check and one sentence for each."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from gateway.core.fields import HOP_BY_HOP
from gateway.core.grammar import FIELD_VALUE, HOST, PORT, TOKEN
from gateway.core.identity_fields import identity_below, is_identity, seems_identity
from gateway.core.loopback import is_loopback
from gateway.core.methods import METHODS
from gateway.core.origin import canonical_origin, parse_origin
from gateway.core.pattern import path_problem, procedure_problem
from gateway.core.secret import Secret
from gateway.policy.base.settings import Advice, Duration, SecretField, whole
from gateway.policy.cors import split_lists
from gateway.state.redis.address import address_problem

NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
NOT_A_NAME = "is not a name: use up to 64 letters, digits, dots, hyphens and underscores"
TOKEN_PATTERN = f"^{TOKEN}$"
PASSED_PATTERN = r"^([A-Za-z0-9-]+\*?|\*)$"

# Framing and connection fields are written by the gateway itself (RFC 9110 section 7.6.1, RFC 9112 section 6).
OWN_FIELDS = frozenset(
    (
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)


# A whole segment that is a parameter elsewhere: ``:id``, ``{id}``, ``<id>``, ``[id]``, ``$id``, ``**``, ``(.*)``. A colon within one,
# as in ``/v1/models:predict``, is an ordinary character.
_PARAMETER = re.compile(
    r"(?<=/)(?::[A-Za-z_]\w*[?*+]?|\{[^/]*\}|<[^/]*>|\[[^/]*\]|\$[A-Za-z_]\w*|\*\*|\(.*\)[*+?]?)(?=/|$)"
)


def matches(pattern: str, text: str) -> bool:
    """Whether ``pattern`` matches the whole of ``text``."""
    return re.fullmatch(pattern, text) is not None


def _matching(text: str, pattern: str, sentence: str) -> str:
    if not matches(pattern, text):
        raise ValueError(sentence)
    return text


def _name(text: str) -> str:
    return _matching(text, NAME_PATTERN, NOT_A_NAME)


def _without_problem(text: str, problem: str | None) -> str:
    if problem:
        raise ValueError(f"is not accepted: {problem}")
    return text


def _exact_origin(text: str) -> str:
    if "*" in text and text != "*":
        raise ValueError("is a pattern: here every origin is written in full")
    if text.isascii() and text != "*" and text.lower() != "null" and parse_origin(text) is None:
        raise ValueError("is not an origin: write https://host or https://host:port, without a path")
    return canonical_origin(text)


def _procedure(text: str) -> str:
    if text.endswith("*"):
        raise ValueError("is not accepted: here it takes one procedure, such as lessons.getAll")
    return _without_problem(text, procedure_problem(text))


def _procedures(text: str) -> str:
    return _without_problem(text, procedure_problem(text))


def _path(text: str) -> str:
    if text.endswith("*"):
        raise ValueError("is not accepted: here it takes one path, without a *")
    return _path_pattern(text)


def _path_pattern(text: str) -> str:
    parameter = _PARAMETER.search(text)
    if parameter:
        above = text[: parameter.start()].rpartition("/")[0]
        raise Advice(
            f"is not accepted: {parameter[0]} would match only itself, since paths have no parameters",
            f"write {above}/* for everything below {above or '/'}",
        )
    wrong = path_problem(text)
    if wrong:
        path = re.sub(r"^[a-z]+://[^/]*/?", "", text)  # of a whole address
        raise Advice(f"is not accepted: {wrong}", f"write /{path}" if re.match(r"\w", path) else "")
    return text


def _prefix(text: str) -> str:
    if text.endswith("/"):
        raise ValueError("must not end with a slash")
    return _path(text)


def _method(text: str) -> str:
    known = ", ".join(METHODS)
    if text not in METHODS:
        raise ValueError(f"is not a method that can be routed: use {known}")
    return text


def _environment(text: str) -> str:
    if not matches(r"[a-z][a-z0-9-]*", text):
        word = re.sub(r"[^a-z0-9-]", "", text.lower())
        meant = "production" if word in ("prod", "prd", "live") else word
        hint = f"write {meant}" if matches(r"[a-z][a-z0-9-]*", meant) else ""
        raise Advice("must be one word in lower case, such as development or production", hint)
    return text


def _field_name(text: str) -> str:
    _matching(text, TOKEN_PATTERN, "is not the name of a header")
    if text.lower() == "host":
        raise ValueError("is a header that the gateway itself writes: name that host in the url of the endpoint")
    if text.lower() in OWN_FIELDS:
        raise ValueError(
            "is a header that the gateway itself writes: it is about one connection, or frames the content; leave it out"
        )
    return text.lower()


def _via_name(text: str) -> str:
    _matching(text, TOKEN_PATTERN, "is not a name for Via: write letters, digits and hyphens")
    if len(text) > 64:
        raise ValueError("is longer than 64 characters")
    return text


def _passed_field(text: str) -> str:
    _matching(text, PASSED_PATTERN, "is not a header name of letters, digits and hyphens, with a * at its end or none")
    name = text.lower().removesuffix("*")
    forged = "from a client it is forged: set it here with set, or leave it out"
    if text.endswith("*"):
        known = identity_below(name.encode())
        if known is not None:
            raise ValueError(
                f"stands for {known.decode()} too, by which backends know who is asking: name headers one by one"
            )
        if seems_identity(name.encode().rstrip(b"-")):
            raise ValueError(f"reads like the headers by which backends know who is asking; {forged}")
        return name + "*"
    if name in OWN_FIELDS or name.encode() in HOP_BY_HOP:
        raise ValueError("is a header of one connection: the gateway itself writes it, or does without")
    if is_identity(name.encode()):
        raise ValueError(f"is a header by which backends know who is asking; {forged}")
    return name


def _field_value(value: Secret) -> Secret:
    # The sentence never repeats the value.
    if not re.fullmatch(FIELD_VALUE, value.reveal()):
        raise ValueError(
            "is not a header value: it is empty, or holds a line break, an outer blank or a non-ASCII byte"
        )
    return value


def _is_host(host: str) -> bool:
    """Whether ``host`` is an address, or a name that can be looked up: labels of 1 to 63 characters (RFC 1035 2.3.4)."""
    labels = host.removesuffix(".").split(".")
    return ":" in host or (len(host) <= 253 and all(re.fullmatch(r"[a-z0-9_-]{1,63}", label) for label in labels))


def _endpoint(text: str) -> str:
    sentence = "is not the address of a server: write scheme, host and port only, such as http://127.0.0.1:8787"
    try:
        parts = urlsplit(text)
        sound = _is_host(parts.hostname or "") and parts.port != 0 and re.fullmatch(r"[\x21-\x7e]+", text)
    except ValueError:
        raise ValueError(sentence) from None
    if parts.scheme not in ("http", "https") or not sound:
        raise ValueError(sentence)
    if "@" in parts.netloc:
        raise ValueError("holds credentials: set an authorization header in request_headers instead")
    if parts.path not in ("", "/") or "?" in text or "#" in text:
        raise ValueError("has more than scheme, host and port: use rewrite in a route to change the path")
    return text.rstrip("/")


def _host(text: str) -> str:
    sentence = "is not a value for Host: write a name or an address, and perhaps a port"
    return _matching(text, f"{HOST}(:{PORT})?", sentence)


def _loopback(text: str) -> str:
    if not is_loopback(text):
        raise ValueError("must be a loopback address, such as 127.0.0.1: whoever reaches it needs no token")
    return text


def _redis(value: Secret) -> Secret:
    problem = address_problem(value.reveal())
    if problem is not None:
        raise Advice(*problem)
    return value


def positive(value: float) -> float:
    """``value``, which is more than zero. Raises ValueError for another."""
    if value <= 0:
        raise ValueError("must be more than zero: there is no way to say unlimited")
    return value


def _file(value: object, info: ValidationInfo) -> Path:
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError("must name a file")
    base: Path = (info.context or {}).get("base", Path())
    return base / value


def none_if_empty(value: object) -> object:
    """``value``, or None for an empty one: ``"${NAME:-}"`` with no such variable counts as a key that is not written."""
    return None if value == "" else value


Name = Annotated[str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": NAME_PATTERN})]
ExactOrigins = Annotated[tuple[Annotated[str, AfterValidator(_exact_origin)], ...], BeforeValidator(split_lists)]
Procedure = Annotated[str, AfterValidator(_procedure), WithJsonSchema({"type": "string", "pattern": r"^[\w.]+$"})]
Procedures = Annotated[
    str, AfterValidator(_procedures), WithJsonSchema({"type": "string", "pattern": r"^\w[\w.]*(\.\*)?$"})
]
UrlPath = Annotated[str, AfterValidator(_path), WithJsonSchema({"type": "string", "pattern": "^/"})]
UrlPrefix = Annotated[str, AfterValidator(_prefix), WithJsonSchema({"type": "string", "pattern": "^/.*[^/]$"})]
PathPattern = Annotated[str, AfterValidator(_path_pattern), WithJsonSchema({"type": "string", "pattern": "^/"})]
Method = Annotated[str, AfterValidator(_method), WithJsonSchema({"enum": list(METHODS)})]
PassedField = Annotated[
    str, AfterValidator(_passed_field), WithJsonSchema({"type": "string", "pattern": PASSED_PATTERN})
]
"""A header that passes, in lower case: a name, or the beginning of names and ``*``."""
ViaName = Annotated[str, AfterValidator(_via_name), WithJsonSchema({"type": "string", "pattern": TOKEN_PATTERN})]
FieldName = Annotated[str, AfterValidator(_field_name), WithJsonSchema({"type": "string", "pattern": TOKEN_PATTERN})]
FieldValue = Annotated[SecretField, AfterValidator(_field_value)]
EndpointUrl = Annotated[
    str, AfterValidator(_endpoint), WithJsonSchema({"type": "string", "pattern": r"^https?://[^/@?#]+/?$"})
]
HostValue = Annotated[str, AfterValidator(_host), WithJsonSchema({"type": "string", "minLength": 1})]
EnvironmentName = Annotated[
    str, AfterValidator(_environment), WithJsonSchema({"type": "string", "pattern": "^[a-z][a-z0-9-]*$"})
]
LoopbackHost = Annotated[str, AfterValidator(_loopback)]
RedisUrl = Annotated[SecretField, AfterValidator(_redis)]
Positive = Annotated[Duration, AfterValidator(positive)]
"""A duration above zero, in seconds."""

FilePath = Annotated[Path, PlainValidator(_file), WithJsonSchema({"type": "string", "minLength": 1})]
"""A file name; a relative one starts at the folder of the entry file."""
Count = Annotated[int, Field(ge=1), BeforeValidator(whole)]
Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(whole)]
