"""Rules about what requests carry: how much, of what kind, and whether somebody looks at it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.config.model import Route
from gateway.core.methods import WITH_CONTENT
from gateway.policy.body import Settings as BodySettings
from gateway.policy.schema.settings import Settings as SchemaSettings
from gateway.policy.upload.settings import MEDIA_TYPE
from gateway.policy.upload.settings import Settings as UploadSettings
from gateway.review.lint.finding import LintRule, Severity, Spot
from gateway.review.lint.subject import Subject, at, is_guest_route

_LARGE = 1024 * 1024
_FORMS = (MEDIA_TYPE, MEDIA_TYPE.partition("/")[0] + "/*")


def _takes_content(route: Route) -> bool:
    return bool(WITH_CONTENT & set(route.methods))


def _unbounded(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        bounds = [one.max for _, one in subject.enforced(route, "bodies", BodySettings) if one.max is not None]
        if not bounds:
            who = "from everybody" if is_guest_route(route) else "of any length"
            yield Spot(at(route), f"takes bodies {who}, and nothing that is enforced bounds their length")


def _large(subject: Subject) -> Iterator[Spot]:
    for route in filter(is_guest_route, subject.served):
        for name, body in subject.enforced(route, "bodies", BodySettings):
            if body.max is not None and body.max > _LARGE and _takes_content(route):
                yield Spot(at(route, "body"), f"is {name}, which takes {body.max} bytes from everybody")


def _of_any_type(subject: Subject) -> Iterator[Spot]:
    for route in filter(_takes_content, subject.served):
        for name, body in subject.enforced(route, "bodies", BodySettings):
            if not body.types:
                yield Spot(at(route, "body"), f"is {name}, which lets every media type pass")


def _unjudged(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        if any(subject.enforced(route, "schemas", SchemaSettings)) or _judged_form(route, subject):
            continue
        if (route.procedures or _takes_content(route)) and "schemas" not in route.waivers:
            yield Spot(at(route), "takes input, and no schema that is enforced says what it has to be like")


def _waived(subject: Subject) -> Iterator[Spot]:
    for route in subject.served:
        takes_input = route.procedures or _takes_content(route)
        if takes_input and "schemas" in route.waivers and not _judged_form(route, subject):
            yield Spot(at(route, "schema"), f"is waived on a route that takes input: {route.waivers['schemas']}")


def _judged_form(route: Route, subject: Subject) -> bool:
    return any(subject.enforced(route, "uploads", UploadSettings))


def _forms(subject: Subject) -> Iterator[Spot]:
    for route in filter(_takes_content, subject.served):
        for name, body in subject.enforced(route, "bodies", BodySettings):
            if any(each in _FORMS for each in body.types) and not _judged_form(route, subject):
                yield Spot(at(route), f"lets forms pass (body {name}), and no upload that is enforced looks into them")


RULES = (
    LintRule(
        "body-unbounded",
        Severity.HIGH,
        "A body of any length",
        "A request that never ends, or a thousand of a gigabyte, take the memory and the disk of the backend.",
        "name a policy of bodies with max",
        "bodies:\n  json: {max: 64KiB, types: [application/json]}\ndefaults: {..., body: json}",
        _unbounded,
    ),
    LintRule(
        "body-large-for-guests",
        Severity.MEDIUM,
        "A large body from anybody",
        "Without an account somebody sends megabytes with each request: they cost memory and time before anything is known "
        "of who sends them.",
        "ask for a token, or lower max to what guests send (at most 1MiB)",
        "bodies:\n  json: {max: 64KiB, types: [application/json]}",
        _large,
    ),
    LintRule(
        "body-any-type",
        Severity.LOW,
        "A body of any media type",
        "The backend is sent what it was not written for, such as XML or a form in place of JSON, and reads it with another "
        "parser than the one that was looked at.",
        "write types",
        "bodies:\n  json: {max: 64KiB, types: [application/json]}",
        _of_any_type,
    ),
    LintRule(
        "schema-missing",
        Severity.MEDIUM,
        "Input that nothing judges",
        "Whatever the backend does with members and values that it does not expect, anybody can try: a role among the members "
        "of a sign-up, a list in place of a name, a text of a megabyte.",
        "name a policy of schemas, and write what the input has to be like",
        "schemas:\n  inputs: {files: inputs/*.json}\ndefaults: {..., schema: inputs}",
        _unjudged,
    ),
    LintRule(
        "schema-waived",
        Severity.LOW,
        "Input that is let through unjudged, for a reason",
        "As with no schema at all: the reason tells a reviewer why, and keeps nobody out.",
        "write a schema, or accept the finding",
        "routes:\n  - {name: hook, paths: [/hook], ..., schema: inputs}     # and inputs/hook.json",
        _waived,
    ),
    LintRule(
        "form-unjudged",
        Severity.MEDIUM,
        "Uploads that nobody looks into",
        "A file is not what it says: a page with a script in place of a picture, or a form that two parsers read differently.",
        "name an upload with the parts that the form has, and the types of its files",
        "uploads:\n  picture: {parts: {image: {types: [image/png, image/jpeg], max: 10MB, required: true}}}\n"
        "routes:\n  - {name: picture, ..., body: image, upload: picture}",
        _forms,
    ),
)
