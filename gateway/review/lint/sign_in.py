"""Which routes take something that can be guessed: a password, or a code. Nothing in a file says so, hence four signs: the
name of the procedure or the path, the members of the input's schema, a path such as ``/v1/session`` with no more in it, and a
neighbour of the same name that has a lockout."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from gateway.config.model import Route
from gateway.core.methods import WITH_CONTENT
from gateway.policy.lockout.settings import Settings as LockoutSettings
from gateway.policy.schema.settings import Settings as SchemaSettings
from gateway.review.lint.subject import Subject, is_guest_route

_WORD = re.compile(r"2fa|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_ALONE = frozenset(
    ("login", "signin", "logon", "authenticate", "otp", "totp", "mfa", "2fa", "passcode", "unlock", "verify")
)
_TOGETHER = tuple(
    (frozenset(verbs.split()), frozenset(nouns.split()))
    for verbs, nouns in (
        ("sign log", "in on"),
        ("verify check confirm validate", "code email phone otp pin password account"),
        ("reset change set update", "password pin"),
        ("oauth", "token"),
    )
)
# What makes an account or a code, or ends a session, takes nothing that could be guessed.
_OTHERWISE = frozenset(
    (
        *("signup", "register", "registration", "create", "invite", "up"),
        *("signout", "logout", "logoff", "out"),
        *("request", "forgot", "forgotten", "send", "resend", "challenge", "start", "options", "status"),
        *("page", "history"),
    )
)
_SESSION = frozenset(("session", "sessions", "token", "tokens"))
"""What is created by whoever signs in."""
_ENTRANCE = frozenset(("auth", "authentication", "credentials", *_SESSION))
"""What the path of a sign-in ends with that has no verb, as in ``POST /v1/session``, with nothing but these around it."""
_AROUND = frozenset(("api", "rest", "v", "oauth", "connect", "user", "users", "account", "accounts"))
_PASSWORD = re.compile(
    r"pass(?:word|wd|phrase|code)|^pwd?$|^pin(?:_?code)?$|^otp$|totp|^(?:one_?time|recovery|backup)_?code$",
    re.IGNORECASE,
).search
_CODE = re.compile(r"^(?:code|(?:verification|confirmation|reset|login|mfa|sms)_?(?:code|token))$", re.IGNORECASE).match
_ACCOUNT = re.compile(r"^(?:email|phone|user|user_?name|user_?id|login|account)", re.IGNORECASE).match


class Guessable(NamedTuple):
    """A route that takes a password or a code, and by what that is seen, in words."""

    route: Route
    by: str


@lru_cache(maxsize=1)
def guessable(subject: Subject) -> tuple[Guessable, ...]:
    """The served routes that take a password or a code. Several rules ask for those of one subject."""
    locked = _locked_verbs(subject)
    found = (
        (
            route,
            _by_name(route, subject)
            or _by_schema(route, subject)
            or _by_path(route, subject)
            or _by_neighbour(route, locked, subject),
        )
        for route in subject.served
        if _takes_input(route)
    )
    return tuple(Guessable(route, by) for route, by in found if by)


def words_of(name: str) -> list[str]:
    """The words of a name: ``auth.signIn``, ``/api/sign-in`` and ``sign_in`` have the same two at their end."""
    return [word.lower() for word in _WORD.findall(name)]


def _takes_input(route: Route) -> bool:
    """Whether it is a try, and not the page on which somebody writes one: a procedure, or a path that is sent a body."""
    return bool(route.procedures or WITH_CONTENT & set(route.methods))


def _is_otherwise(words: set[str]) -> bool:
    return bool(words & _OTHERWISE) and not words & _SESSION


def _names(route: Route, subject: Subject) -> Iterator[str]:
    """The last part of each procedure, its aliases and each path, and the name of the route."""
    upstream = subject.config.upstreams.get(route.upstream or "")
    aliases = upstream.trpc.aliases if upstream is not None and upstream.trpc is not None else {}
    for procedure in route.procedures:
        yield procedure.rpartition(".")[2]
        yield from (alias.rpartition(".")[2] for alias, target in aliases.items() if target == procedure)
    for path in route.paths:
        yield "/".join(path.rstrip("/").rsplit("/", 2)[-2:])
    yield route.name


def _by_name(route: Route, subject: Subject) -> str:
    for name in _names(route, subject):
        words = set(words_of(name))
        signs_in = words & _ALONE or any(words & verbs and words & nouns for verbs, nouns in _TOGETHER)
        if signs_in and not _is_otherwise(words):
            return f"{name} reads like a sign-in"
    return ""


def _by_schema(route: Route, subject: Subject) -> str:
    for _, settings in subject.named(route, "schemas", SchemaSettings):
        for stem in _stems(route, settings.files.contents):
            if _is_otherwise(set(words_of(stem))):
                continue
            members = _members(settings.files.contents[stem])
            found = next((one for one in members if _PASSWORD(one)), "")
            if not found and any(map(_ACCOUNT, members)):
                found = next((one for one in members if _CODE(one)), "")
            if found:
                return f"the input of {stem} has {found}"
    return ""


def _by_path(route: Route, subject: Subject) -> str:
    schemas = [settings for _, settings in subject.enforced(route, "schemas", SchemaSettings)]
    described = (_members(each.files.contents[stem]) for each in schemas for stem in _stems(route, each.files.contents))
    if not is_guest_route(route) or any(described):  # which say better what it takes
        return ""
    for path in route.paths:
        words = {word for word in words_of(path) if not word.isdigit()}
        if words & _ENTRANCE and words <= _ENTRANCE | _AROUND:
            return f"{path} reads like where sessions begin"
    return ""


def _stems(route: Route, contents: Mapping[str, bytes]) -> Iterator[str]:
    """The names of the schemas that judge inputs of ``route``."""
    for name in route.procedures or (route.name,):
        if name.endswith("*"):
            yield from (stem for stem in contents if stem.startswith(name[:-1]))
        elif name in contents:
            yield name


def _members(octets: bytes) -> list[str]:
    """The names of the members that a schema describes, at any depth."""
    try:
        left: list[object] = [json.loads(octets)]
    except (ValueError, RecursionError):
        return []  # reported where it is read
    found: dict[str, None] = {}
    while left:
        value = left.pop()
        if isinstance(value, dict):
            properties = value.get("properties")
            found |= dict.fromkeys(properties if isinstance(properties, dict) else ())
            left += value.values()
        elif isinstance(value, list):
            left += value
    return list(found)


def _locked_verbs(subject: Subject) -> dict[str, str]:
    """The first word of what each route with a lockout takes, and the route."""
    return {
        word: route.name
        for route in subject.served
        if any(subject.enforced(route, "lockouts", LockoutSettings))
        for name in list(_names(route, subject))[:-1]
        for word in words_of(name.rpartition("/")[2])[:1]
    }


def _by_neighbour(route: Route, locked: dict[str, str], subject: Subject) -> str:
    for name in list(_names(route, subject))[:-1]:
        words = words_of(name.rpartition("/")[2])
        if words and locked.get(words[0], route.name) != route.name and not _is_otherwise(set(words)):
            return f"{name} reads like what {locked[words[0]]} takes, which has a lockout"
    return ""
