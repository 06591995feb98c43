"""Rules about secrets that stand where everybody who reads the files has them, or that serve two purposes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from gateway.config.checks.placeholders import is_placeholder, names_credentials
from gateway.config.setting import Setting
from gateway.core.secret import Secret
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject

_PUBLIC = re.compile(r"\.public_key(?:\[[0-9]+\])?$|^routes\.|^defaults\.|\.pattern$|\.files$").search
"""Settings that hold long texts which are no secrets: keys for verifying, names, patterns."""
_SHOWN = re.compile(r"^response_headers\.|^fallbacks\.|^auth\..*\.(?:(?:audience|issuer)$|require\.)").search
"""Settings that clients are sent or have in their tokens: what looks random there is the hash of a script, a picture, or the id
of a client."""

# Of its scheme only the last character: from each letter of a long word the whole of one would be read again.
_CREDENTIALS_IN_URL = re.compile(r"[a-z0-9+.-]://[^/@\s:]*:([^/@\s]+)@", re.IGNORECASE).search
# What services begin their keys with, so that scanners of source code find them. A token (RFC 7519) is known by where its header
# ends and its claims begin: dots end what is read, so that the time is linear.
_KNOWN_KEY = re.compile(
    r"\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|AKIA[0-9A-Z]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|glpat-[\w-]{16,}|"
    r"AIza[\w-]{30,})|[\w-]{8}\.eyJ[\w-]{8,}\.|-----BEGIN [A-Z ]*PRIVATE KEY-----"
).search
_HEXADECIMAL = re.compile(r"[0-9a-f]+|[0-9A-F]+").fullmatch
_INDEX = re.compile(r"\[[0-9]+\]")
_TOKEN = re.compile(r"[A-Za-z0-9+_=-]{24,}").findall
_LEAST_ENTROPY = (
    3.5  # bits a character; 24 random hexadecimal digits have more in 49 cases of 50, words of a language less
)
_SOURCES_OF_FILES = ("file", "default of ")


def _in_the_file(subject: Subject) -> Iterator[Spot]:
    for setting in subject.config.settings:
        where = _where(setting)
        if not where or _PUBLIC(setting.path):
            continue
        for text in _texts(setting.value):
            if why := _is_secret(setting, text):
                yield Spot(_path(setting), f"{why}, and stands in the file{where.rstrip()}")
                break


def _where(setting: Setting) -> str:
    """How the value came into the file, empty where it did not."""
    if not setting.at or setting.source.startswith("file "):  # ${file:PATH} is where secrets belong
        return ""
    if setting.source == "file":
        return " "
    defaults = [each for each in setting.source.split(", ") if each.startswith("default of ")]
    return f" as the default of {defaults[0].removeprefix('default of ')}" if defaults else ""


def _is_secret(setting: Setting, text: str) -> str:
    """Why ``text`` is a secret, without a letter of it; empty where it is none."""
    if found := _CREDENTIALS_IN_URL(text):
        return "" if is_placeholder(found[1]) else "is an address with a password in it"
    if _KNOWN_KEY(text):
        return "is a key"
    name = setting.path.rpartition(".")[2]
    if isinstance(setting.value, Secret) and setting.path != "state.redis":
        if "request_headers" not in setting.path or names_credentials(name):
            return "is a secret"
    elif (
        names_credentials(name) and not setting.path.startswith("response_headers.") and isinstance(setting.value, str)
    ):
        return "is a secret by its name"
    return "looks like a secret" if not _SHOWN(setting.path) and any(map(_is_random, _TOKEN(text))) else ""


def _is_random(text: str) -> bool:
    """Whether ``text`` reads like random bytes: letters and digits mixed, and hardly any of them more often than others."""
    kinds = (any(map(str.isdigit, text)), any(map(str.islower, text)), any(map(str.isupper, text)))
    hexadecimal = _HEXADECIMAL(text) is not None
    if not (all(kinds) or (hexadecimal and kinds[0] and any(kinds[1:]))):
        return False
    counts = Counter(text).values()
    entropy = -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
    return entropy >= (3.0 if hexadecimal else _LEAST_ENTROPY)


def _texts(value: object) -> Iterator[str]:
    """The texts in the value of a setting, at any depth."""
    left = [value]
    while left:
        one = left.pop()
        if isinstance(one, Secret):
            left.append(one.reveal())
        elif isinstance(one, str):
            if one:
                yield one
        elif isinstance(one, Mapping):
            left += one.values()
        elif isinstance(one, list | tuple):
            left += one


def _path(setting: Setting) -> tuple[str, ...]:
    return tuple(_INDEX.sub("", setting.path).split("."))


def _used_twice(subject: Subject) -> Iterator[Spot]:
    first: dict[str, str] = {}
    for setting in subject.config.settings:
        if not isinstance(setting.value, Secret) or not setting.value or setting.path == "state.redis":
            continue
        name = setting.path.rpartition(".")[2]
        if "request_headers" in setting.path and not names_credentials(name):
            continue
        value = setting.value.reveal().rpartition(" ")[2]
        purpose = _purpose(setting.path)
        earlier = first.setdefault(value, purpose)
        if earlier != purpose and not is_placeholder(value):
            yield Spot(_path(setting), f"is the secret of {earlier} too")


def _purpose(path: str) -> str:
    """What a secret is for; the keys of all tokens are one purpose, and so are the credentials of upstreams."""
    part = path.partition(".")[0]
    return {"auth": "auth", "upstreams": "an upstream"}.get(part, path)


RULES = (
    LintRule(
        "secret-in-file",
        Severity.HIGH,
        "A secret in a file",
        "Everybody who reads the repository has it, and whoever leaves keeps it: with the key of the tokens one signs in as "
        "anybody. What was committed once stays in the history.",
        "read it with ${NAME} or ${file:/run/secrets/NAME}, and make a new one: this one is known",
        'auth:\n  access-token: {kind: jwt, algorithms: [HS256], secret: "${JWT_SECRET}", require: {type: access}}',
        _in_the_file,
    ),
    LintRule(
        "secret-used-twice",
        Severity.HIGH,
        "One secret for two purposes",
        "Who is given it for one of them has the other: a service that verifies tokens with it signs them too, and a key of an "
        "upstream that leaks opens the operators' API.",
        "make one for each: openssl rand -base64 32",
        'state: {key: "${GATEWAY_STATE_KEY}"}\nops: {token: "${GATEWAY_OPS_TOKEN}"}',
        _used_twice,
    ),
)
