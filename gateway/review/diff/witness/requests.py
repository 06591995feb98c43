"""Requests that who may come in, and from which page, is decided by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gateway.policy.auth.auth import Settings as Auth
from gateway.policy.cors import Settings as Cors
from gateway.review.diff.change import SentRequest
from gateway.review.diff.witness.probe import Probe, Question
from gateway.review.diff.witness.sample import PAGE

_OTHER = "other"  # a value of a claim that no policy asks for


def way(question: Question) -> Iterator[Probe]:
    """The request itself, which no policy judged before."""
    yield Probe(question.base)


def auth(question: Question) -> Iterator[Probe]:
    """No token, and tokens whose claims were refused."""
    base = question.base
    old, new = question.policies
    if old is None or new is None or question.path[:1] in (("mode",), ("until",)):
        yield Probe(replace(base, claims=None))
    if isinstance(old, Auth):
        after = new if isinstance(new, Auth) else None
        for claims in _refused_claims(old, after, question.now):
            yield Probe(replace(base, claims={**(base.claims or {}), **claims}))


def _refused_claims(old: Auth, new: Auth | None, now: float) -> Iterator[dict[str, object]]:
    """Claims that ``old`` refuses, and ``new``, where there is one, does not."""
    for name, value in old.require.items():
        if new is None or new.require.get(name) != value:
            yield {name: _OTHER if new is None else new.require.get(name, _OTHER)}
    if new is None:
        return
    for claim, was, asked in (("iss", old.issuer, new.issuer), ("aud", old.audience, new.audience)):
        if was != asked:
            yield {claim: asked or _OTHER}
    if set(old.scopes) - set(new.scopes):
        yield {"scope": " ".join(new.scopes)}
    if new.leeway > old.leeway:
        between = (old.leeway + new.leeway) / 2
        yield {"exp": int(now - between), "iat": int(now - between) - 300}
        yield {"nbf": int(now + between)}
    if new.max_bytes > old.max_bytes:
        yield {"more": "x" * (old.max_bytes * 3 // 4)}


def cors(question: Question) -> Iterator[Probe]:
    """Requests of pages, and preflights."""
    base, (old, new) = question.base, question.policies
    plain = replace(base, headers=tuple(pair for pair in base.headers if pair[0] != "origin"))
    origins = [PAGE]
    if isinstance(new, Cors):
        origins = [
            _of_pattern(origin) for origin in new.origins if not isinstance(old, Cors) or origin not in old.origins
        ]
    for origin in [*origins, PAGE]:
        yield Probe(_from(plain, origin))
    yield Probe(plain)
    for site in ("navigate", "no-cors"):
        fields = (("sec-fetch-site", "cross-site"), ("sec-fetch-mode", site), ("sec-fetch-dest", "document"))
        yield Probe(replace(plain, headers=(*plain.headers, *fields)))
    for policy in (new, old):
        if isinstance(policy, Cors) and policy.origins:
            for method in (question.transition.method, *policy.methods):
                yield Probe(_preflight(plain, _of_pattern(policy.origins[0]), method, policy))


def _of_pattern(origin: str) -> str:
    return PAGE if origin == "*" else origin.replace("*", "page")


def _from(sent: SentRequest, origin: str) -> SentRequest:
    return replace(sent, headers=(*sent.headers, ("origin", origin)))


def _preflight(sent: SentRequest, origin: str, method: str, policy: Cors) -> SentRequest:
    fields = [("origin", origin), ("access-control-request-method", method)]
    if policy.request_headers:
        fields.append(("access-control-request-headers", ",".join(sorted(policy.request_headers))))
    return replace(sent, method="OPTIONS", headers=tuple(fields), body=b"", claims=None)


def only_reports(question: Question) -> Iterator[Probe]:
    """What a route refuses by some policy, and lets pass when it only reports."""
    base = question.base
    yield Probe(replace(base, claims=None))
    yield Probe(_from(base, PAGE))
    yield Probe(replace(base, body=b"no JSON"))
    for section, names in question.sample.route.policies.items():
        if section == "bodies" and names:
            most = getattr(question.sample.policy(section), "max", None) or 0
            yield Probe(replace(base, body=base.body + b" " * (most + 1)))
