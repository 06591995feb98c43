"""Rules about who somebody is: which tokens are taken for genuine, and for what."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.policy.auth.auth import Settings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject

SECTION = "auth"
_LONGEST_LEEWAY = 60.0


def _of_any_kind(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used(SECTION, Settings):
        # Any of these three tells kinds apart (RFC 8725 section 3.12): issuers that have no claim for it have an audience for each.
        if not (settings.require or settings.scopes or settings.audience):
            sentence = "requires neither a claim nor an audience, so a token for another purpose passes as well"
            yield Spot((SECTION, name), sentence)


def _for_anybody(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used(SECTION, Settings):
        # A shared secret is the backend's own: what it has signed is for it, and only the kind of token is left to ask. Most
        # such backends write no aud, so that whoever asked for one would refuse every user.
        if settings.public_key is not None and settings.audience is None:
            yield Spot(
                (SECTION, name), "has no audience, so a token that was issued for another service passes as well"
            )


def _leeway(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used(SECTION, Settings):
        if settings.leeway > _LONGEST_LEEWAY:
            yield Spot((SECTION, name, "leeway"), f"takes a token for {settings.leeway:g} s after its end")


RULES = (
    LintRule(
        "token-of-any-kind",
        Severity.MEDIUM,
        "Tokens whose kind is not looked at",
        "Services sign several kinds of token with one key: refresh tokens that last for months, links in mails, invitations. "
        "Whoever has one of them uses it as an access token.",
        "require the claim that tells them apart, or a scope or an audience that access tokens alone have",
        "auth:\n  access-token:\n    kind: jwt\n    algorithms: [HS256]\n"
        '    secret: "${JWT_SECRET}"\n    require: {type: access}',
        _of_any_kind,
    ),
    LintRule(
        "token-without-audience",
        Severity.MEDIUM,
        "Tokens that may be for another service",
        "A provider of identities signs for all of its customers with one key. Somebody signs in at another service, or at one "
        "of his own, and uses that token here.",
        "write the audience (and the issuer) that the tokens for this service have",
        "auth:\n  access-token:\n    kind: jwt\n    algorithms: [RS256]\n    public_key: ${file:/run/secrets/key.pem}\n"
        "    issuer: https://id.example.com\n    audience: tutor-api\n    require: {typ: access}",
        _for_anybody,
    ),
    LintRule(
        "leeway-long",
        Severity.LOW,
        "Tokens that are taken long after their end",
        "Whoever has found a token that has run out uses it all the same, for as long as leeway is.",
        f"write a leeway of at most {_LONGEST_LEEWAY:g}s: clocks that are set by a network differ by less than 1 s",
        "auth:\n  access-token: {..., leeway: 5s}",
        _leeway,
    ),
)
