"""The guard of the operators' listener: what every request has to show before an operation sees it."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Collection

from aiohttp import web
from aiohttp.typedefs import Middleware

from gateway.core.loopback import names_loopback
from gateway.core.methods import SAFE
from gateway.core.secret import Secret
from gateway.ops.api.admin import Admin
from gateway.ops.api.order import InvalidOrder
from gateway.ops.api.problem import problem
from gateway.state.store import StateError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def guard(admin: Admin) -> Middleware:
    """The middleware around every operation; it also turns what they raise into problems by RFC 9457.

    It asks for the token and the origins of the configuration that is served now. Whether a missing token is acceptable
    is decided by the check of the configuration.
    """

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = refusal(request, admin.token(), admin.origins())
        if refused is not None:
            return refused
        try:
            return await handler(request)
        except InvalidOrder as error:
            return problem(400, str(error))
        except StateError as error:
            return problem(503, str(error))
        except web.HTTPException as error:
            allow = {"allow": error.headers["allow"]} if "allow" in error.headers else {}
            return problem(error.status, error.reason, **allow)

    return guarded


def refusal(request: web.Request, token: Secret | None, origins: Collection[str]) -> web.Response | None:
    """The response to a request that may not pass, None for one that may."""
    if not token and not names_loopback(request.host):
        # Without a token the loopback address is the only protection; a web page whose name was pointed here
        # (DNS rebinding) would come with that name in Host.
        return problem(403, "Not this host")
    allowed = is_of_origin(request, origins)
    if allowed and is_preflight(request) and is_operation(request):
        return None  # it never carries a token, and answering it does nothing
    sent = request.headers.getall("Authorization", [])
    if token and not (len(sent) == 1 and _is_bearer(sent[0], token)):
        # RFC 6750 3: error codes only when something was sent
        challenge = 'Bearer realm="ops"' + (', error="invalid_token"' if sent else "")
        return problem(401, "Operators only", **{"www-authenticate": challenge})
    if is_cross_site(request) and not allowed:
        return problem(403, "Not for pages of other sites")
    if request.method not in SAFE and is_operation(request) and not needs_preflight(request):
        return problem(415, "The body must be application/json")
    return None


def _is_bearer(field: str, token: Secret) -> bool:
    scheme, _, value = field.partition(" ")
    same = hmac.compare_digest(value.strip().encode("utf-8", "surrogateescape"), token.reveal().encode())
    return same and scheme.lower() == "bearer"


def is_operation(request: web.Request) -> bool:
    """Whether the path and the method are those of an operation, or of a preflight of one."""
    return request.match_info.http_exception is None


def needs_preflight(request: web.Request) -> bool:
    """Whether a browser sends this to another site only after a preflight (Fetch standard, "CORS-safelisted
    request-header"): forms and plain text go anywhere unasked, but neither JSON nor an Authorization field."""
    # The field itself: aiohttp's ``content_type`` parses all parameters, which takes 0.7 s for 8 KB of quotes.
    sent = request.headers.getall("Content-Type", [])
    if len(sent) == 1 and sent[0].partition(";")[0].strip().lower() == "application/json":
        return True
    return "authorization" in request.headers and not request.can_read_body


def is_preflight(request: web.Request) -> bool:
    """Whether the request asks for permission to send another one (Fetch standard, "CORS-preflight request")."""
    return request.method == "OPTIONS" and "access-control-request-method" in request.headers


def is_of_origin(request: web.Request, origins: Collection[str]) -> bool:
    """Whether the request is of a page of one of ``origins``, compared letter by letter as browsers send them. ``null``
    is never one: sandboxed pages of any site send it."""
    sent = request.headers.getall("Origin", [])
    return len(sent) == 1 and (sent[0] in origins or ("*" in origins and sent[0] != "null"))


def is_cross_site(request: web.Request) -> bool:
    """Whether the request is of a page that did not come from this listener.

    ``Origin`` says so, or where a browser leaves that out ``Sec-Fetch-Site`` (W3C Fetch Metadata). A link from another
    site may be followed: what it opens is for the person who clicked, and the other site does not see it.
    """
    sent = request.headers.getall("Origin", [])
    if sent:
        return len(sent) > 1 or sent[0].partition("://")[2] != request.host.lower()
    if request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin"):
        return False
    return request.method not in SAFE or request.headers.get("Sec-Fetch-Mode") != "navigate"
