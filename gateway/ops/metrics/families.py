"""The metrics of a gateway, one row each: name, help text, labels, and how the workers' values are put together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

LISTENER_PUBLIC = "public"
"""The label of the listener for clients."""

LISTENER_EGRESS = "egress"
"""The label of the listener for the backend's own calls."""


@dataclass(frozen=True, slots=True)
class Counter:
    """A number that only grows. Those of all workers are added up."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """Seconds by bucket (``metrics.histogram``). Those of all workers are added up."""

    name: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gauge:
    """A level. ``over`` says what stands for all workers that live: the sum, the lowest or the highest of theirs.
    ``kept``: it outlives the worker, of which only the highest can."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    over: Literal["sum", "min", "max"] = "sum"
    kept: bool = False


class MetricsReport(TypedDict):
    """The metrics of one worker since it began, as they travel to the supervisor: by name, rows of label values and
    what was counted (of a histogram the count of each bucket, and the sum of seconds)."""

    counters: dict[str, list[tuple[Sequence[str], float]]]
    gauges: dict[str, list[tuple[Sequence[str], float]]]
    histograms: dict[str, list[tuple[Sequence[str], Sequence[int], float]]]


REQUESTS = Counter(
    "gateway_requests_total",
    "Requests that have ended, with a response or without (status 0).",
    ("route", "status", "reason"),
)
REQUEST_SECONDS = Histogram(
    "gateway_request_seconds", "From the head of a request to the end of its response.", ("route",)
)
UPSTREAM_SECONDS = Histogram(
    "gateway_upstream_seconds", "From forwarding a request to the head of its response.", ("route",)
)
REPORTED = Counter(
    "gateway_reported_total",
    "Requests that policies in report mode let pass and would have refused.",
    ("route", "reason"),
)
WOULD_REFUSE = Counter(
    "gateway_would_refuse_total",
    "Requests that a policy in report mode, or one of a route in report mode, let pass and would have refused, by that policy.",
    ("route", "policy", "reason"),
)
LIMITED = Counter(
    "gateway_limited_total",
    "Requests that a limit refuses, by its section and name; with mode report those that it would have refused.",
    ("section", "limit", "mode"),
)
LOCKS = Counter(
    "gateway_locks_total",
    "Locks that were set, by lockout and by kind: account, address, pair or network.",
    ("lockout", "kind"),
)
FALLBACKS = Counter(
    "gateway_fallbacks_total",
    "Responses of a fallback in place of an upstream's, by the reason.",
    ("route", "fallback", "reason"),
)
BREAKER_TRANSITIONS = Counter(
    "gateway_breaker_transitions_total", "Changes of a breaker's state, by the new state.", ("upstream", "state")
)
BREAKER_STATE = Gauge(
    "gateway_breaker_state",
    "The state of a breaker, at most a second old: 0 closed, 1 half open, 2 open.",
    ("upstream",),
    "max",
)
BREAKER_FORCED = Gauge(
    "gateway_breaker_forced",
    "1 while an operator holds a breaker in its state, at most a second old.",
    ("upstream",),
    "max",
)
BREAKER_REJECTED = Counter(
    "gateway_breaker_rejected_total",
    "Calls that a breaker kept from an upstream, those that got a fallback included.",
    ("upstream",),
)
RETRIES = Counter("gateway_retries_total", "Retried calls, by the failure before.", ("upstream", "why"))
HEDGES = Counter(
    "gateway_hedges_total",
    "Calls sent to a second endpoint as well, by whether its response was used.",
    ("upstream", "result"),
)
EJECTIONS = Counter("gateway_ejections_total", "Ejections of an endpoint.", ("upstream", "endpoint"))
BUDGET_LEFT = Gauge(
    "gateway_budget_left",
    "Extra calls that all workers together could make now, at most a second old.",
    ("upstream", "budget"),
)
UPSTREAM_CALLS = Gauge(
    "gateway_upstream_calls",
    "Calls to an upstream with a concurrency limit, by whether they run (taken) or wait.",
    ("upstream", "state"),
)
ENDPOINT_HEALTHY = Gauge(
    "gateway_endpoint_healthy",
    "1 while every worker sends calls to an endpoint, 0 while one does not, at most a second old.",
    ("upstream", "endpoint"),
    "min",
)
EVENTS = Counter("gateway_events_total", "Events in the log, by name.", ("event",))
SHORTAGES = Counter(
    "gateway_shortages_total",
    "Times that the gateway itself ran out of something: descriptors, ports, memory, threads or disk.",
    ("kind",),
)
IN_FLIGHT = Gauge("gateway_requests_in_flight", "Requests in progress, at most a second old.", ("listener",))
CONNECTIONS_ENDED = Counter(
    "gateway_connections_ended_total",
    "Connections that the gateway has refused or cut off, by why.",
    ("listener", "why"),
)
UNSENT = Gauge(
    "gateway_unsent_bytes",
    "Bytes that wait for clients of a listener to take them, at most a second old.",
    ("listener",),
)
CONNECTIONS = Gauge("gateway_connections", "Open connections of a listener, at most a second old.", ("listener",))
CONNECTIONS_LIMIT = Gauge(
    "gateway_connections_limit", "Connections that a listener may have, of all workers together.", ("listener",)
)
STATE_OK = Gauge(
    "gateway_state_ok",
    "1 while the configured state store works, 0 while the embedded one replaces it or it fails.",
    over="min",
)
TOKENS_VERIFIED = Counter(
    "gateway_tokens_verified_total",
    "Good tokens that a key has verified, by the key's fingerprint. A remembered token is not verified again.",
    ("policy", "key"),
)
TOKEN_KEY_LAST = Gauge(
    "gateway_token_key_last_verified",
    "When a key has last verified a good token, in Unix seconds.",
    ("policy", "key"),
    "max",
    kept=True,
)
TOKEN_LIFETIME = Gauge(
    "gateway_token_longest_life",
    "The longest time from the issue of a good token to its end, leeway included, in seconds.",
    ("policy",),
    "max",
    kept=True,
)
LOG_LINES_DROPPED = Counter(
    "gateway_log_lines_dropped_total",
    "Log lines that were dropped: a slow or absent reader, a full disk.",
)

WORKER: tuple[Counter | Gauge | Histogram, ...] = (
    REQUESTS,
    REQUEST_SECONDS,
    UPSTREAM_SECONDS,
    IN_FLIGHT,
    CONNECTIONS,
    CONNECTIONS_ENDED,
    UNSENT,
    CONNECTIONS_LIMIT,
    REPORTED,
    WOULD_REFUSE,
    FALLBACKS,
    LIMITED,
    LOCKS,
    BREAKER_STATE,
    BREAKER_FORCED,
    BREAKER_TRANSITIONS,
    BREAKER_REJECTED,
    RETRIES,
    HEDGES,
    BUDGET_LEFT,
    UPSTREAM_CALLS,
    ENDPOINT_HEALTHY,
    EJECTIONS,
    STATE_OK,
    EVENTS,
    SHORTAGES,
    TOKENS_VERIFIED,
    TOKEN_KEY_LAST,
    TOKEN_LIFETIME,
    LOG_LINES_DROPPED,
)
"""What a worker reports, in the order in which it is exposed."""

UP = Gauge("gateway_up", "1 while the gateway runs.")
WORKERS = Gauge("gateway_workers", "Worker processes by whether they take requests.", ("state",))
WORKER_RESTARTS = Counter("gateway_worker_restarts_total", "Workers that were replaced.")
CONFIG_RELOADS = Counter("gateway_config_reloads_total", "Reloads of the configuration.", ("result",))
CONFIG_RELOAD_ATTEMPTS = Counter(
    "gateway_config_reload_attempts_total",
    "Reloads of the configuration by what asked for them and what they came to.",
    ("trigger", "outcome"),
)
CONFIG_REFUSED = Gauge(
    "gateway_config_refused", "1 while the last reload was refused, so that the files are not what runs."
)
CONFIG_NEEDS_RESTART = Gauge(
    "gateway_config_needs_restart", "Settings that were loaded and that only a restart brings into force."
)
