"""The language of policy tests: what the files in ``policies/tests`` may say.

The texts under the attributes are what editors show. ``review.policy_tests.files`` reads the files.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from gateway.policy.base.settings import ByteSize, Duration, Model
from gateway.review.dry_run.request import ADDRESS
from gateway.review.policy_tests.words import (
    Address,
    Failure,
    FieldName,
    FieldText,
    FieldTexts,
    Moment,
    Octets,
    Reasons,
    Repeats,
    Status,
    Target,
    Token,
    Verdict,
)

MOST_BODY = 32 * 1024 * 1024


def _makeable(value: int) -> int:
    if value > MOST_BODY:
        raise ValueError("must be at most 32MiB: the body is made in memory")
    return value


BodySize = Annotated[ByteSize, AfterValidator(_makeable)]


class WrittenBody(Model):
    """The text of a body, or one of which only the length matters."""

    text: str | None = None
    """Its text."""
    bytes: BodySize = 0
    """How long it is at least: the letter x follows the text up to there."""


class FormPart(Model):
    """One part of a form."""

    filename: str | None = None
    """What the file is called; without it the part is an ordinary field."""
    type: FieldText | None = None
    """The media type that the part is declared as, such as audio/webm."""
    text: str | None = None
    """Its content as text."""
    base64: Octets | None = None
    """Its content in base64: a file's first bytes tell what it is."""
    bytes: BodySize = 0
    """How long it is at least: zeros follow the content up to there."""


def _from_text(value: object) -> object:
    return {"text": value} if isinstance(value, str) else value


BodyField = Annotated[WrittenBody, BeforeValidator(_from_text, json_schema_input_type=str | WrittenBody)]
PartField = Annotated[FormPart, BeforeValidator(_from_text, json_schema_input_type=str | FormPart)]


class WrittenRequest(Model):
    """One request, as a client sends it. In its texts ``<n>`` is the number of the repetition, from 1 on."""

    listener: Literal["public", "egress"] = "public"
    """Where it arrives; ``egress`` is that of the backend's own calls."""
    method: Token | None = None
    """GET unless written; POST where there is a body."""
    target: Target | None = None
    """The path as it is sent, with its query if there is one: /api/trpc/auth.login"""
    query: dict[str, Any] | None = None
    """Parameters to add to the target, percent-encoded; what is no text becomes JSON: {input: {json: {id: es-1}}}."""
    origin: FieldText | None = None
    """The website whose page sends it."""
    headers: dict[FieldName, FieldTexts] = Field(default_factory=dict)
    """Further header fields; a list sends a field several times."""
    json_body: Any = Field(default=None, alias="json")
    """The body, as JSON; the content-type goes with it."""
    body: BodyField | None = None
    """The body, as text, or {bytes: 70KiB} for any of that length."""
    form: dict[str, PartField] | None = None
    """The body, as a form (multipart/form-data) of these parts; the content-type goes with it."""
    address: Address = ADDRESS
    """The address that its connection comes from."""
    claims: dict[str, Any] | None = None
    """Who sends it: the claims of a token that the route's `auth` takes for genuine. What is not written is filled in (exp, iat,
    sub and what `auth` requires). Without `claims` there is no token."""


class WrittenResponse(Model):
    """What the upstream makes of a request that reaches it: a response with status 200 and the JSON ``{}`` unless written."""

    status: Status = 200
    """The status of its response."""
    headers: dict[FieldName, FieldText] = Field(default_factory=dict)
    """Header fields of its response."""
    json_body: Any = Field(default=None, alias="json")
    """Its content, as JSON."""
    body: str | None = None
    """Its content, as text."""
    fails: Failure | None = None
    """No response: how the call fails."""
    takes: Duration = 0.0
    """How long until it responds, or has failed."""


class Sent(Model):
    """What the upstream has to get."""

    upstream: str | None = None
    """Which upstream it is."""
    method: Token | None = None
    """The method that it gets."""
    target: str | None = None
    """The path and query that it gets; * is any text."""
    headers: dict[FieldName, FieldText | None] = Field(default_factory=dict)
    """Header fields that it gets; * is any text, and null says that there is none."""


class Expectation(Model):
    """What has to come of a request. Only what is written is compared."""

    verdict: Verdict | None = None
    """pass, or the reason that it is refused for: docs/reasons.md"""
    status: Status | None = None
    """The status that the client gets."""
    route: str | None = None
    """The route that it takes; batch for calls of several routes, null or unmatched for none."""
    headers: dict[FieldName, FieldText | None] = Field(default_factory=dict)
    """Header fields of the response; * is any text, \\* a star, and null says that there is none."""
    json_body: Any = Field(default=None, alias="json")
    """Members of the response's JSON; others may be there too. In texts * is any text."""
    body: str | None = None
    """The text of the response; * is any text."""
    fallback: str | None = None
    """The fallback that responds in place of the upstream; null for none."""
    would_refuse: Reasons = ()
    """The reasons that policies with `mode: report` would refuse it for; [] for none."""
    sent: Sent | None = None
    """What the upstream gets; null says that the request does not reach it."""


class Timed(Model):
    """How often a request is sent, and when."""

    repeat: Repeats = 1
    """How many times; `expect` is about the last, `before` about all others."""
    every: Duration = 0.0
    """How far the clock moves from each of them to the next."""
    request: WrittenRequest | None = None
    """What a client sends."""
    upstream: WrittenResponse | None = None
    """What the upstream makes of it, should it get there; 200 and {} unless written."""
    before: Expectation | None = None
    """What has to come of each repetition before the last."""
    expect: Expectation | None = None
    """What has to come of the last."""


class WrittenStep(Timed):
    """One step of a sequence. What it does not say of its request, of the upstream and of what is expected is as the test says."""

    after: Duration = 0.0
    """How far the clock moves before it."""


class WrittenTest(Timed):
    """One test. It begins with nothing counted and nothing locked."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """What it shows, in a few words; no other test has this name."""
    at: Moment | None = None
    """When it begins, such as 2027-01-31T12:00:00Z; now unless written."""
    steps: Annotated[tuple[WrittenStep, ...], Field(min_length=1)] | None = None
    """A sequence of requests, one after the other."""


class WrittenFile(Model):
    """Tests of the policies: which requests pass, and which are refused for which reason."""

    tests: Annotated[tuple[WrittenTest, ...], Field(min_length=1)]
    """They run one by one, each on its own."""
