"""The request methods that pass the gateway, and what RFC 9110 says of each. CONNECT and TRACE are not among them."""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""Every method that can be routed, in the order in which messages list them (RFC 9110 section 9.3, RFC 5789)."""

KNOWN = frozenset(METHODS)
"""The same for membership tests on the request path."""

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing at the origin (RFC 9110 section 9.2.1)."""

IDEMPOTENT = SAFE | {"PUT", "DELETE"}
"""Methods whose request may be sent twice with the effect of one (RFC 9110 section 9.2.2)."""

WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
"""Methods that anticipate content: a request without any says ``content-length: 0`` (RFC 9110 section 8.6)."""
