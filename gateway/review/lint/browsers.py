"""Rules about browsers: which websites may call, and what keeps responses out of their hands."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from gateway.config.checks.weakness import origin_weakness
from gateway.config.model import Route
from gateway.config.path_guards import reached
from gateway.core.loopback import names_loopback
from gateway.policy.cors import Settings as CorsSettings
from gateway.policy.fallback.fallback import Settings as FallbackSettings
from gateway.policy.response_headers import DEFAULTS
from gateway.policy.response_headers import Settings as HeaderSettings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route


def _weakness(origin: str) -> str:
    """Why an allowed origin admits pages of strangers, empty where it does not. A developer's own machine is no website."""
    return "" if names_loopback(urlsplit(origin).netloc) else origin_weakness(origin) or ""


def _broad(origin: str) -> str:
    """Why an allowed origin is more than one website, empty where it is one."""
    return _weakness(origin) or ("lets every name below that domain in" if "*" in origin else "")


def _with_credentials(subject: Subject) -> Iterator[Spot]:
    for name, settings, routes in subject.used("cors", CorsSettings):
        upstream = _reads_cookies(routes, subject)
        for origin in settings.origins if settings.credentials and upstream else ():
            if broad := _broad(origin):
                sentence = f"lets pages send the user's cookies along, which {upstream} gets, and {origin} {broad}"
                yield Spot(("cors", name, "credentials"), sentence)


def _reads_cookies(routes: list[Route], subject: Subject) -> str:
    """An upstream that requests of ``routes`` reach with their cookies, empty for none."""
    upstreams = subject.config.upstreams
    fallbacks = subject.config.policies.get("fallbacks", {})
    names = (name for route in routes for name in reached(route, upstreams, fallbacks))
    return next((name for name in names if "cookie" not in upstreams[name].request_headers.remove), "")


def _without_cookies(subject: Subject) -> Iterator[Spot]:
    for name, settings, routes in subject.used("cors", CorsSettings):
        cookies = settings.credentials and _reads_cookies(routes, subject)  # which is a finding of its own
        beside = ", beside credentials: true" if settings.credentials else ""
        for origin in settings.origins if not cookies else ():
            # A * is how a public service is written, and one's own domain is one's own.
            if origin != "*" and (weakness := _weakness(origin)):
                yield Spot(("cors", name, "origins"), f"has {origin}, which {weakness}{beside}")


def _of_other_sites(subject: Subject) -> Iterator[Spot]:
    for name, settings, _ in subject.used("cors", CorsSettings):
        if settings.cross_site == "allow":
            yield Spot(("cors", name, "cross_site"), "lets images, frames and forms of every website make requests")


def _without_headers(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        if not any(subject.named(route, "response_headers", HeaderSettings)):
            yield Spot(at(route), "names no response_headers, so its responses have none of the secure fields")
    for name, settings, _ in subject.used("response_headers", HeaderSettings):
        gone = [each for each in settings.remove if each in DEFAULTS]
        if gone:
            yield Spot(("response_headers", name, "remove"), f"takes away {', '.join(gone)}")


def _of_others(subject: Subject) -> Iterator[Spot]:
    fallbacks = subject.config.policies.get("fallbacks", {})
    for upstream, settings in subject.config.upstreams.items():
        signed_in = [one for one in subject.served if one.upstream == upstream and not is_guest_route(one)]
        for name in settings.fallback:
            fallback = fallbacks.get(name)
            stale = fallback.stale if isinstance(fallback, FallbackSettings) else None
            if stale is not None and stale.public and signed_in:
                sentence = (
                    f"gives one user the response to another, on the route {signed_in[0].name}, which asks for a token"
                )
                yield Spot(("fallbacks", name, "stale"), sentence)


def _in_shared_caches(subject: Subject) -> Iterator[Spot]:
    for name, settings, routes in subject.used("response_headers", HeaderSettings):
        signed_in = [route for route in routes if not is_guest_route(route)]
        shared = _lets_caches_share(settings.set.get("cache-control", ""))
        if signed_in and shared:
            sentence = (
                f"has {shared}, so caches give one user the response to another, as on the route {signed_in[0].name}"
            )
            yield Spot(("response_headers", name, "set", "cache-control"), sentence)


def _lets_caches_share(cache_control: str) -> str:
    """The directive for which a shared cache may store the response to a request with Authorization (RFC 9111 section 3.5),
    empty where none does."""
    directives = [each.strip().partition("=")[0].strip().lower() for each in cache_control.split(",")]
    if {"no-store", "private"} & set(directives):
        return ""
    return next((each for each in directives if each in ("public", "s-maxage")), "")


RULES = (
    LintRule(
        "credentials-broad-origin",
        Severity.HIGH,
        "Cookies from pages of more than one website",
        "A page of another website acts as the user who looks at it: it sends requests with the user's cookies and reads the "
        "responses. One name of the domain that somebody else controls, or one page over plain http that is changed on the "
        "way, is enough.",
        "write https origins one by one, or, where no cookie is used and the domain is your own, remove: [cookie] at the upstream "
        "or credentials: false",
        'cors:\n  app:\n    origins: ["https://app.example.com", "https://admin.example.com"]\n    credentials: true',
        _with_credentials,
    ),
    LintRule(
        "origin-broad",
        Severity.MEDIUM,
        "An origin that is not one website",
        "Pages of others count as the app's own: over plain http whoever is on the way is that website, and under a shared "
        "domain anybody takes a name.",
        "write https origins one by one",
        'cors:\n  app: {origins: ["https://app.example.com"]}',
        _without_cookies,
    ),
    LintRule(
        "cross-site-allowed",
        Severity.LOW,
        "Requests that other websites' pages make without an Origin",
        "An image or a form on any page has the user's browser send a GET with cookies: to log out, to confirm, to count as read.",
        "write cross_site: refuse, or navigate where other websites link to pages",
        'cors:\n  app: {origins: ["https://app.example.com"], cross_site: navigate}',
        _of_other_sites,
    ),
    LintRule(
        "secure-headers-missing",
        Severity.LOW,
        "Responses without the secure fields",
        "Browsers guess types, show responses in frames of other pages, send addresses on, and keep responses in caches: each "
        "of these turns a small mistake of the backend into an attack.",
        "name a policy of response_headers, and take none of its defaults away",
        "response_headers:\n  secure: {set: {cache-control: no-store}}\ndefaults: {..., response_headers: secure}",
        _without_headers,
    ),
    LintRule(
        "stored-for-everybody",
        Severity.HIGH,
        "Stored responses of one user for all",
        "While the upstream is down, whoever asks gets what it last sent to somebody else.",
        "leave stale.public out: each user gets responses to that user then",
        "fallbacks:\n  last-good: {stale: {for: 1h}}",
        _of_others,
    ),
    LintRule(
        "cached-for-everybody",
        Severity.HIGH,
        "Responses to signed-in users in caches that others share",
        "A cache between the gateway and its clients, such as that of a content network or a company, keeps what one user got and "
        "gives it to whoever asks next, without a token.",
        "write no-store, and name a policy of its own at the routes for everybody whose responses may be kept",
        "response_headers:\n  secure: {set: {cache-control: no-store}}\n"
        "  kept: {set: {cache-control: 'public, max-age=600'}}\n"
        "routes:\n  - {name: content, ..., auth: public, response_headers: kept}",
        _in_shared_caches,
    ),
)
