"""All kinds of policy, one row each, in the one order in which their stages run.

YAML says which stages a route has, never in which order. The configuration language, its JSON Schemas, the compiler, the
merge of batches and ``gateway routes`` derive from these rows: a new kind is its file, its test, its row here and its
reasons in ``core.reason``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

from gateway.policy import body, client, cors, identity, in_flight, response_headers
from gateway.policy.auth import auth
from gateway.policy.base.file_flaw import FileFlaw, ReadFile
from gateway.policy.base.order import SettingChange, compared
from gateway.policy.base.settings import Policy
from gateway.policy.base.stage import Stage
from gateway.policy.base.tools import Tools
from gateway.policy.breaker import breaker
from gateway.policy.fallback import fallback
from gateway.policy.lockout import lockout
from gateway.policy.lockout.settings import Settings as LockoutSettings
from gateway.policy.rate_limit import rate_limit
from gateway.policy.schema.settings import Settings as SchemaSettings
from gateway.policy.upload.settings import Settings as UploadSettings

S = TypeVar("S", bound=Policy)

Build = Callable[[Sequence[tuple[str, Policy]], Tools], Stage | None]
"""Makes the stage of the policies of these names; None when they need none there."""


ReadFiles = Callable[[Policy, Path, ReadFile], tuple[Policy, list[FileFlaw]]]
"""Reads the files that a policy names, from the folder of the file that it stands in on: the policy with what is in them, and
what is wrong with them."""


Compare = Callable[[Policy, Policy], Iterable[SettingChange]]
"""What differs between the settings of two policies of a kind, the old one first."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kind:
    """One kind of policy. A kind whose stages come at several points of the order has a row for each of them."""

    name: str
    """Of its module or folder, and of its test."""
    section: str = ""
    """Of YAML: the file in ``policies/`` that holds its policies and the page in ``docs/policies/`` have this name too.
    Empty for a kind without named policies."""
    settings: type[Policy] | None = None
    """What one policy of the section may say."""
    route_key: str = ""
    """The key after which a route names its policies; empty where an upstream does, or where it is always on."""
    about: str = ""
    """What an editor shows for that key."""
    many: bool = False
    """The key takes a list of names."""
    inherited: bool = False
    """A route that says nothing has what ``defaults`` name."""
    opt_out: str = ""
    """The word in place of a name for a kind that every route must decide about."""
    waivable: bool = False
    """In place of a name a route may say ``{none: "why"}``: it goes without, for that reason."""
    read_files: ReadFiles | None = None
    """For a kind whose policies name files beside their settings."""
    compare: Compare = compared
    """By the orders of its settings."""
    build: Build | None = None
    """None for stages that come with an upstream (``proxy.compile.resilience``)."""
    combined: bool = False
    """One stage takes all policies that a route names; otherwise each policy has a stage, shared by its routes."""
    on_refusals: bool = False
    """Stays where all requests are refused: on routes with ``deny``, and for requests that no route matches."""
    writes_headers: bool = False
    """Adds its header fields to each response and costs nothing, so that a refusal before there is a route has them."""
    needs_body: bool = False
    """Looks inside the request's body, which is read before it."""
    judges_forms: bool = False
    """Judges forms while they arrive, so that nothing after it reads them whole."""
    reads_input: Callable[[Policy], bool] | None = None
    """Which of its policies look into the JSON that the upstream reads; None when none does. A route that names one takes no
    other body than JSON (``config.checks.reading``)."""
    per_call: bool = False
    """In a batch it counts the calls whose own routes name the policy; other kinds judge the batch as a whole."""
    exclusive: bool = False
    """Two policies of it cannot serve one request: a batch that would need both is refused."""
    knows_mode: bool = False
    """Its stage is another one where it only reports: it bounds nothing then, or has the calls of other routes to judge."""
    keeps_out: bool = False
    """Keeps requests out, so beside a route that names a policy of it, one that does not name it is looser."""
    of_users: bool = False
    """Is about users and their browsers, and so not for routes of the egress listener."""


def each(build: Callable[[str, S, Tools], Stage]) -> Build:
    """Builds the stage of one policy from its name and its settings."""

    def one(policies: Sequence[tuple[str, Policy]], tools: Tools) -> Stage:
        ((name, settings),) = policies
        return build(name, cast(S, settings), tools)

    return one


def alike(compare: Callable[[S, S], Iterable[SettingChange]]) -> Compare:
    """Compares two policies of one section by their own class."""
    return lambda old, new: compare(cast(S, old), cast(S, new))


def _limits(when: rate_limit.When) -> Build:
    def taken_then(policies: Sequence[tuple[str, Policy]], tools: Tools) -> Stage | None:
        return rate_limit.build(cast(Sequence[tuple[str, rate_limit.Settings]], policies), when, tools)

    return taken_then


def _counts_by_input(settings: Policy) -> bool:
    return isinstance(settings, rate_limit.Settings) and rate_limit.when_of(settings) is rate_limit.When.INPUT


# The packages behind these two take 7 MiB of a process, so it loads them when a policy of the kind is there.


def _read_schemas(settings: Policy, folder: Path, read_file: ReadFile) -> tuple[Policy, list[FileFlaw]]:
    from gateway.policy.schema.files import read_files

    return read_files(cast(SchemaSettings, settings), folder, read_file)


def _schema(name: str, settings: SchemaSettings, tools: Tools) -> Stage:
    from gateway.policy.schema.schema import build

    return build(name, settings, tools)


def _upload(name: str, settings: UploadSettings, tools: Tools) -> Stage:
    from gateway.policy.upload.upload import build

    return build(name, settings, tools)


# A limit is taken at the earliest point where its key is known, so its stages come three times.
_FLOOD = Kind(
    name="rate_limit",
    section="rate_limits",
    keeps_out=True,
    settings=rate_limit.Settings,
    route_key="rate_limits",
    about="How often; policies from ``rate_limits``. A list replaces that of ``defaults``.",
    many=True,
    inherited=True,
    build=_limits(rate_limit.When.FLOOD),
    combined=True,
    on_refusals=True,
    per_call=True,
    knows_mode=True,
)

KINDS: tuple[Kind, ...] = (
    # first, so that even the first refusal has an id to be found by
    Kind(name="identity", build=lambda _, __: identity.build(), on_refusals=True, writes_headers=True),
    # only acts on the way back; entered early so that every refusal carries the fields
    Kind(
        name="response_headers",
        section="response_headers",
        settings=response_headers.Settings,
        route_key="response_headers",
        about="The fields that every response carries; a policy from ``response_headers``.",
        inherited=True,
        build=each(response_headers.build),
        on_refusals=True,
        writes_headers=True,
    ),
    # an unknown origin is refused before anything is spent on it, and later refusals stay readable
    Kind(
        name="cors",
        section="cors",
        keeps_out=True,
        settings=cors.Settings,
        route_key="cors",
        about="Which websites may call; a policy from ``cors``.",
        inherited=True,
        build=each(cors.build),
        on_refusals=True,
        writes_headers=True,
        exclusive=True,
        of_users=True,
    ),
    # every key below may need the address
    Kind(name="client", build=lambda _, tools: client.build(tools), on_refusals=True),
    # before anything is spent on a request that one address has too many of
    Kind(name="in_flight", build=lambda _, tools: in_flight.build(tools), of_users=True),
    # before the signature is checked, so that checking is metered
    _FLOOD,
    Kind(
        name="auth",
        section="auth",
        keeps_out=True,
        settings=auth.Settings,
        route_key="auth",
        about="A policy from ``auth``, or ``public`` to let everyone in.",
        inherited=True,
        opt_out="public",
        build=each(auth.build),
        of_users=True,
    ),
    # limits that need to know who it is
    replace(_FLOOD, build=_limits(rate_limit.When.AUTHENTICATED), on_refusals=False),
    # only who may come in is measured
    Kind(
        name="body",
        section="bodies",
        keeps_out=True,
        settings=body.Settings,
        route_key="body",
        about="How large a body may be and of which type; a policy from ``bodies``.",
        inherited=True,
        build=each(body.build),
        knows_mode=True,
    ),
    # what is in a form, while it arrives
    Kind(
        name="upload",
        section="uploads",
        keeps_out=True,
        settings=UploadSettings,
        route_key="upload",
        about="A policy from ``uploads``: the parts that a form may have, and what may be in them.",
        build=each(_upload),
        judges_forms=True,
        exclusive=True,
        knows_mode=True,
    ),
    # nothing looks into an input that is not as it should be
    Kind(
        name="schema",
        section="schemas",
        keeps_out=True,
        settings=SchemaSettings,
        route_key="schema",
        about="What its inputs have to be like; {none: WHY} for none.",
        inherited=True,
        waivable=True,
        read_files=_read_schemas,
        build=each(_schema),
        needs_body=True,
        per_call=True,
        knows_mode=True,
    ),
    # limits keyed on what the body says
    replace(
        _FLOOD, build=_limits(rate_limit.When.INPUT), on_refusals=False, needs_body=True, reads_input=_counts_by_input
    ),
    # names the account by the body; behind the limits, so that refused requests spend no attempt
    Kind(
        name="lockout",
        section="lockouts",
        keeps_out=True,
        settings=LockoutSettings,
        route_key="lockout",
        about="Counts wrong guesses, and locks.",
        build=each(lockout.build),
        needs_body=True,
        reads_input=lambda _: True,
        per_call=True,
        knows_mode=True,
        of_users=True,
    ),
    # waiting comes before the breaker, which then judges by how things are when the wait is over
    Kind(name="concurrency"),
    # last: a slot is held only for what will really reach the upstream
    Kind(name="breaker", section="breakers", settings=breaker.Settings),
    # no stage: it responds when the upstream's call has failed
    Kind(name="fallback", section="fallbacks", settings=fallback.Settings, compare=alike(fallback.compare)),
)


SECTIONS: Mapping[str, Kind] = {kind.section: kind for kind in KINDS if kind.section}
"""The kinds that have policies of their own, by section."""

ROUTE_KINDS: tuple[Kind, ...] = tuple(kind for kind in SECTIONS.values() if kind.route_key)
"""The kinds whose policies routes name."""
