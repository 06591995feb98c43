"""Every refusal of the gateway: one table for the response, the log, the metric and the docs.

A slug is a public contract: it is the ``reason`` in the response, the log field, the metric label and the anchor in
``docs/reasons.md``.
"""

from dataclasses import dataclass

# JSON-RPC codes and names that @trpc/client knows, by HTTP status (tRPC 11, @trpc/server/unstable-core).
TRPC_CODES: dict[int, tuple[int, str]] = {
    400: (-32600, "BAD_REQUEST"),
    401: (-32001, "UNAUTHORIZED"),
    403: (-32003, "FORBIDDEN"),
    404: (-32004, "NOT_FOUND"),
    405: (-32005, "METHOD_NOT_SUPPORTED"),
    408: (-32008, "TIMEOUT"),
    413: (-32013, "PAYLOAD_TOO_LARGE"),
    414: (-32600, "BAD_REQUEST"),
    415: (-32015, "UNSUPPORTED_MEDIA_TYPE"),
    417: (-32600, "BAD_REQUEST"),
    422: (-32022, "UNPROCESSABLE_CONTENT"),
    429: (-32029, "TOO_MANY_REQUESTS"),
    431: (-32600, "BAD_REQUEST"),
    500: (-32603, "INTERNAL_SERVER_ERROR"),
    502: (-32603, "BAD_GATEWAY"),
    503: (-32603, "SERVICE_UNAVAILABLE"),
    504: (-32603, "GATEWAY_TIMEOUT"),
    508: (-32603, "INTERNAL_SERVER_ERROR"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Reason:
    """One named refusal. Two are equal when they are one object, so that prepared responses are found quickly.

    ``sentence`` is public and says what an app user can do; ``{retry_after}`` in it is replaced by whole seconds.
    """

    slug: str
    status: int
    title: str
    sentence: str

    @property
    def rpc_code(self) -> int:
        return TRPC_CODES[self.status][0]

    @property
    def rpc_name(self) -> str:
        return TRPC_CODES[self.status][1]


_TABLE = (
    Reason("head_malformed", 400, "Malformed request", "The request is not well-formed HTTP. Please update the app."),
    Reason(
        "headers_too_large",
        431,
        "Request headers too large",
        "The request headers are too large. Clear the site's cookies and try again.",
    ),
    Reason(
        "target_too_long",
        414,
        "Request address too long",
        "The address of the request is too long. Please send less in it, or update the app.",
    ),
    Reason(
        "head_timeout",
        408,
        "Request head too slow",
        "The request took too long to arrive. Check your connection and try again.",
    ),
    Reason("expectation_failed", 417, "Expectation failed", "Only 'Expect: 100-continue' is understood here."),
    Reason("too_many_connections", 503, "Too many connections", "The service is busy. Try again in a moment."),
    Reason(
        "path_ambiguous",
        400,
        "Ambiguous path",
        "The address has more than one reading and is refused. Please update the app.",
    ),
    Reason("no_route", 404, "Not found", "There is nothing at this address."),
    Reason("route_denied", 403, "Closed", "This function is closed at the moment."),
    Reason("method_not_allowed", 405, "Method not allowed", "This address does not take that method."),
    Reason(
        "batch_malformed",
        400,
        "Malformed batch",
        "The batch names an empty or unknown procedure. Please update the app.",
    ),
    Reason("batch_too_large", 400, "Batch too large", "Too many calls in one batch. Please update the app."),
    Reason("batch_refused", 400, "Batch refused", "These calls cannot travel in one batch. Please update the app."),
    Reason("origin_refused", 403, "Origin refused", "This website may not use the service."),
    Reason(
        "cross_site_refused",
        403,
        "Refused from another website",
        "This address may not be used from another website. Open it in the app.",
    ),
    Reason("host_refused", 403, "Host refused", "This address answers to services on its own machine only."),
    Reason("preflight_refused", 403, "Preflight refused", "This website may not send such a request."),
    Reason("forwarded_malformed", 400, "Malformed forwarding header", "The forwarding header is malformed."),
    Reason("rate_limited", 429, "Too many requests", "Too many requests. Try again in {retry_after} seconds."),
    Reason("token_missing", 401, "Sign-in needed", "Please sign in."),
    Reason("token_invalid", 401, "Invalid token", "Your sign-in is not valid. Please sign in again."),
    Reason("token_expired", 401, "Token expired", "Your sign-in has expired. Please sign in again."),
    Reason("token_revoked", 401, "Token revoked", "Your sign-in was ended. Please sign in again."),
    Reason("claim_refused", 403, "Claim refused", "This sign-in may not be used here."),
    Reason("scope_missing", 403, "Scope missing", "Your account does not include this function."),
    Reason("body_too_large", 413, "Body too large", "What you sent is too large."),
    Reason("body_malformed", 400, "Malformed body", "What you sent could not be read."),
    Reason(
        "json_malformed",
        400,
        "Malformed JSON",
        "What you sent is not JSON that every reader takes for the same. Please update the app.",
    ),
    Reason("schema_refused", 422, "Input refused", "Check what you have entered, and try again."),
    Reason("media_type_refused", 415, "Media type refused", "This kind of content is not accepted here."),
    Reason("upload_malformed", 400, "Malformed upload", "The upload could not be read. Please update the app."),
    Reason("upload_type_refused", 415, "File type refused", "This kind of file is not accepted here."),
    Reason("upload_too_large", 413, "Upload too large", "The file is too large. Please send a smaller one."),
    Reason("body_timeout", 408, "Body too slow", "The upload took too long. Check your connection and try again."),
    Reason(
        "client_stalled",
        408,
        "Response not taken",
        "The response took too long to arrive. Check your connection and try again.",
    ),
    Reason("account_locked", 429, "Account locked", "Too many sign-in attempts. Try again in {retry_after} seconds."),
    Reason(
        "address_locked",
        429,
        "Address locked",
        "Too many sign-in attempts from this network. Try again in {retry_after} seconds.",
    ),
    Reason("upstream_unreachable", 502, "Service unreachable", "The service cannot be reached. Try again in a moment."),
    Reason(
        "upstream_connect_timeout",
        504,
        "Service not answering",
        "The service does not answer. Try again in a moment.",
    ),
    Reason("upstream_timeout", 504, "Service too slow", "The service took too long to answer. Try again in a moment."),
    Reason(
        "upstream_stalled",
        504,
        "Service stopped answering",
        "The service stopped in the middle of its answer. Try again in a moment.",
    ),
    Reason(
        "stream_quiet",
        504,
        "Nothing more for long",
        "There was nothing new for a long time. Connect again.",
    ),
    Reason(
        "upstream_total_timeout",
        504,
        "Service not done in time",
        "The service was not done in time. Try again in a moment.",
    ),
    Reason(
        "upstream_broken", 502, "Service answer broken", "The service gave an unreadable answer. Try again in a moment."
    ),
    Reason(
        "no_healthy_endpoint",
        503,
        "Service down",
        "The service is down. Try again in {retry_after} seconds.",
    ),
    Reason(
        "loop_detected",
        508,
        "Loop detected",
        "The service is not set up correctly. Try again later; if it stays so, tell its operators.",
    ),
    Reason("upstream_busy", 503, "Service busy", "The service is busy. Try again in a moment."),
    Reason(
        "upstream_resting",
        503,
        "Service resting",
        "The service is not well and is being left in peace. Try again in {retry_after} seconds.",
    ),
    Reason("draining", 503, "Restarting", "The service is restarting. Try again in a moment."),
    Reason("internal_error", 500, "Internal error", "Something went wrong on our side. Try again in a moment."),
)

REASONS: dict[str, Reason] = {reason.slug: reason for reason in _TABLE}
