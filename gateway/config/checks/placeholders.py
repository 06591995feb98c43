"""Secrets that nobody has replaced: what templates and pages of documentation hold in their place, and one used twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.config.tree import NodePath, Scalar

Finding = tuple[NodePath, Scalar, str, str]
"""A path, the value there, the sentence, and the hint."""

_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|key)\s+", re.IGNORECASE)
_BRACKETS = re.compile(r"<[^<>]*>|\{\{?[^{}]*\}?\}|\$\{?\w*\}?|\[[^\[\]]*\]|%\w+%|__\w+__|@@?\w+@@?")
# What stands for something left out, wherever it is, as in sk-...
_LEFT_OUT = re.compile(r"\.{3}|…|[*•]{3}|x{6}", re.IGNORECASE)
# Where a secret is kept, and not the secret: a program that should have fetched it has not run.
_KEPT_AT = re.compile(
    r"[a-z][a-z0-9+.-]*://|vault:|arn:aws[a-z-]*:(?:secretsmanager|ssm):|projects/[^/]+/secrets/|@microsoft\.keyvault\(",
    re.IGNORECASE,
)
# A secret that is made of these and of digits alone is none.
_WORDS = [
    "x",
    "todo",
    "fixme",
    "tbd",
    "none",
    "null",
    "nil",
    "undefined",
    "empty",
    "foo",
    "bar",
    "baz",
    "test",
    "testing",
    "demo",
    "dummy",
    "sample",
    "fake",
    "temp",
    "secret",
    "password",
    "passwd",
    "pass",
    "token",
    "key",
    "apikey",
    "admin",
    "root",
    "letmein",
    "hunter",
    "qwerty",
    "abc",
    "change",
    "changed",
    "jwt",
    "api",
    "ops",
    "my",
    "the",
    "a",
    "an",
    "your",
    "some",
    "insert",
    "enter",
    "put",
    "add",
    "set",
    "replace",
    "use",
    "super",
    "top",
    "very",
    "real",
    "own",
    "new",
    "here",
    "with",
    "this",
    "me",
    "please",
    "value",
    "redis",
    "state",
    "toolkit",
    "gateway",
    "upstream",
    "backend",
    "string",
    "generate",
    "random",
    "long",
    "dev",
    "development",
    "prod",
    "production",
    "local",
    "staging",
]
_WORD = re.compile("|".join(sorted(_WORDS, key=len, reverse=True)))
_CONTAINED = ("changeme", "changeit", "changethis", "replaceme", "replacethis", "placeholder", "example", "yoursecret")
_CREDENTIALS = re.compile(r"authorization|cookie|.*(?:token|secret|password|apikey|api-key|[-_]key)$")

# What the project's own documentation and tests show: whoever has read them has these.
_SHOWN = (
    "a-signing-secret-of-more-than-32-bytes",
    "an-operators-token-of-more-than-32-bytes",
    "a-test-secret-of-more-than-32-bytes!",
    "the-demo-secret-signs-nothing-outside",
)


def is_placeholder(text: str) -> bool:
    """Whether ``text`` stands where a secret belongs."""
    bare = _SCHEME.sub("", text, count=1).strip() if _SCHEME.match(text) else text.strip()
    if not bare or bare in _SHOWN or _BRACKETS.fullmatch(bare) or len(set(bare)) == 1:
        return True
    if _LEFT_OUT.search(bare) or _KEPT_AT.match(bare):
        return True
    letters = re.sub(r"[^a-z]", "", bare.lower())
    if not letters:
        return "".join(filter(str.isdigit, bare)) in "01234567890123456789"
    return any(word in letters for word in _CONTAINED) or not _WORD.sub("", letters)


def names_credentials(field: str) -> bool:
    """Whether a header of that name holds a secret."""
    return _CREDENTIALS.fullmatch(field.lower()) is not None


def placeholders(found: Iterable[tuple[NodePath, Scalar]]) -> Iterator[Finding]:
    """Every secret that is none. A header's value that is written in the file is one only where its name says so."""
    for path, scalar in found:
        value = secret_in(path, scalar)
        if value is not None and is_placeholder(value):
            hint = "set the real one; where it is not here yet: gateway check --placeholders"
            yield path, scalar, "is a placeholder and no secret", hint


def used_twice(found: Iterable[tuple[NodePath, Scalar]]) -> Iterator[Finding]:
    """Every secret that serves another purpose too: whoever is given one of the two has the other."""
    first: dict[str, str] = {}
    for path, scalar in found:
        value = secret_in(path, scalar)
        if not value or is_placeholder(value):
            continue
        purpose = _purpose(path)
        earlier = first.setdefault(value, purpose)
        if earlier != purpose:
            sentence = f"is the secret of {earlier} too: who has one of them has both"
            yield path, scalar, sentence, "make one for each: openssl rand -base64 32"


def _purpose(path: NodePath) -> str:
    """What a secret is for; keys of tokens are one purpose, and so are the credentials of upstreams."""
    if path[0] == "auth":
        return "auth"
    return "an upstream" if path[0] == "upstreams" else ".".join(map(str, path[:2]))


def secret_in(path: NodePath, scalar: Scalar) -> str | None:
    """The secret in the value at ``path``: of an address of Redis its password, of a header's value what is behind the
    scheme. None where there is none."""
    text = scalar.value
    if not isinstance(text, str) or scalar.broken or not text:
        return None
    if path == ("state", "redis"):
        login, separator, _ = text.partition("://")[2].rpartition("@")
        return (login.partition(":")[2] or None) if separator else None
    if "request_headers" in path:
        if not scalar.expanded and not names_credentials(str(path[-1])):
            return None
        return _SCHEME.sub("", text, count=1) if _SCHEME.match(text) else text
    return text
