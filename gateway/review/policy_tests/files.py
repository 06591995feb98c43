"""From the files with policy tests to tests that can run, or to all problems they have."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from gateway.config.file_bytes import read_bytes
from gateway.config.model import Config
from gateway.config.problem import Problem, Report, nearest
from gateway.config.source import MOST_BYTES, read
from gateway.config.tree import Mapping, Node, NodePath, Position, Scalar, child, follow
from gateway.config.validate import parse
from gateway.policy.base.settings import Model
from gateway.proxy.compile.routes import BATCH, UNMATCHED
from gateway.proxy.routing.egress import NO_ROUTE as EGRESS_UNMATCHED
from gateway.review.policy_tests.language import (
    Expectation,
    Timed,
    WrittenFile,
    WrittenRequest,
    WrittenResponse,
    WrittenTest,
)
from gateway.review.policy_tests.words import numbered

FOLDER = Path("policies/tests")
"""Where the tests are, from the folder of the entry file."""

SUFFIXES = (".yaml", ".yml")
MOST_REQUESTS = 20_000
"""Requests of one test."""

_CONTENTS = ("json_body", "body", "form")
_RESPONSE = frozenset(("status", "headers", "json_body", "body"))
_DISPLACED = {
    "json_body": frozenset(("body", "form", "fails")),
    "body": frozenset(("json_body", "form", "fails")),
    "form": frozenset(("json_body", "body")),
    "status": frozenset(("fails",)),
    "fails": _RESPONSE,
}
"""What a step does not take from its test, beside the keys that it says itself: a request has one body, a call one end."""
M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """One step of a test, with what it takes from the test filled in. ``node`` is what is written of it, ``above`` its test."""

    number: int
    request: WrittenRequest
    response: WrittenResponse
    before: Expectation | None
    expect: Expectation | None
    repeat: int
    every: float
    after: float
    node: Node
    above: Node

    def where(self, *path: str) -> Position:
        """Where the value at ``path`` is written: in the step, else in its test; else where the step is."""
        for node in (self.node, self.above):
            found, reached = follow(node, path)
            if reached == path:
                return found.position
        return follow(self.node, path)[0].position


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test. ``at`` is when it begins, in Unix seconds; None for now."""

    name: str
    position: Position
    at: float | None
    steps: tuple[PolicyStep, ...]

    @property
    def requests(self) -> int:
        return sum(step.repeat for step in self.steps)


def files_in(folder: Path) -> list[Path]:
    """The files with tests in ``folder``, in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES and path.is_file())


def read_tests(
    paths: Sequence[Path], config: Config, base: Path
) -> tuple[list[PolicyTest], list[Problem], list[Problem]]:
    """The tests that ``paths`` hold for ``config``, the problems that they have, and warnings. Never raises for input."""
    report = Report()
    reading = _Reading(config, base, report)
    for path in paths:
        reading.file(path)
    return reading.tests, report.problems(), report.warnings()


class _Reading:
    def __init__(self, config: Config, base: Path, report: Report) -> None:
        self._config = config
        self._base = base
        self._report = report
        self._names: dict[str, Position] = {}
        self.tests: list[PolicyTest] = []

    def file(self, path: Path) -> None:
        start = Position(str(path), 1, 1)
        try:
            octets = read_bytes(path, MOST_BYTES)
        except OSError as error:
            self._report.add(start, (), f"cannot be read ({error.strerror})")
            return
        tree = read(octets, str(path), self._report)
        if tree is None:
            return
        if isinstance(tree, Scalar) and tree.value is None:
            tree = Mapping({}, {}, tree.position)
        written = parse(WrittenFile, tree, (), self._base, self._report)
        for index, test in enumerate(written.tests if written else ()):
            node, _ = follow(tree, ("tests", index))
            self._test(test, node, ("tests", index))

    def _test(self, test: WrittenTest, node: Node, path: NodePath) -> None:
        first = self._names.setdefault(test.name, node.position)
        if first != node.position:
            self._add(node, path, ("name",), f"is the name of the test at {first} too", "give it a name of its own")
        steps = tuple(self._steps(test, node, path))
        if sum(step.repeat for step in steps) > MOST_REQUESTS:
            self._add(node, path, (), f"sends more than {MOST_REQUESTS:,} requests", "repeat less often")
        if all(each.expect is each.before is None for each in (test, *(test.steps or ()))):
            self._add(node, path, (), "expects nothing", "write what has to come of it: expect: {verdict: pass}")
        self.tests.append(PolicyTest(test.name, node.position, test.at, steps))

    def _steps(self, test: WrittenTest, node: Node, path: NodePath) -> Iterator[PolicyStep]:
        if test.steps is None:
            yield self._step(1, test, 0.0, None, node, node, path)
            return
        if test.expect is not None:
            self._check_expectation(test.expect, node, path, "expect")
        for key in ("repeat", "every", "before"):
            if key in test.model_fields_set:
                self._add(node, path, (key,), "is not for a test with steps", "write it to one of its steps")
        for index, step in enumerate(test.steps):
            below: NodePath = ("steps", index)
            inner, _ = follow(node, below)
            yield self._step(index + 1, step, step.after, test, inner, node, (*path, *below))

    def _step(
        self, number: int, timed: Timed, after: float, test: WrittenTest | None, node: Node, above: Node, path: NodePath
    ) -> PolicyStep:
        request = _merged(WrittenRequest(), test.request if test else None, timed.request)
        response = _merged(WrittenResponse(), test.upstream if test else None, timed.upstream)
        expect = _merged(Expectation(), test.expect if test else None, timed.expect)
        step = PolicyStep(
            number,
            request,
            response,
            timed.before,
            expect if expect.model_fields_set else None,
            timed.repeat,
            timed.every,
            after,
            node,
            above,
        )
        self._check_request(step, path)
        self._check_response(step, path)
        for key, expected in (("before", timed.before), ("expect", timed.expect)):
            if expected is not None:
                self._check_expectation(expected, node, path, key)
        if timed.repeat == 1:
            for key in ("before", "every"):
                if key in timed.model_fields_set:
                    self._add(node, path, (key,), "is of no use without repeat", "write repeat: 2 or more beside it")
        return step

    def _check_request(self, step: PolicyStep, path: NodePath) -> None:
        request, node = step.request, step.node
        if request.target is None:
            self._add(node, path, ("request", "target"), "is missing", "write target: /api/trpc/auth.login")
        written = [name.removesuffix("_body") for name in _CONTENTS if name in request.model_fields_set]
        if len(written) > 1:
            self._add(
                node, path, ("request", written[1]), f"cannot stand beside {written[0]}", "a request has one body"
            )
        if request.origin is not None and "origin" in request.headers:
            self._add(node, path, ("request", "origin"), "is among the headers too", "write it once")
        if request.claims is not None and "authorization" in request.headers:
            self._add(
                node, path, ("request", "claims"), "cannot stand beside a header authorization", "write one of the two"
            )
        for name, part in (request.form or {}).items():
            if part.text is not None and part.base64 is not None:
                self._add(
                    node, path, ("request", "form", name, "text"), "cannot stand beside base64", "write one of them"
                )
        last = numbered(request.address, step.repeat)
        if not _is_address(last):
            self._add(
                node, path, ("request", "address"), f"becomes {last}, which is not an address", "repeat less often"
            )
        if request.listener == "egress" and self._config.listen.egress is None:
            self._add(node, path, ("request", "listener"), "is not there: the entry file has no listen.egress")

    def _check_response(self, step: PolicyStep, path: NodePath) -> None:
        response, node = step.response, step.node
        named = response.model_fields_set
        if "json_body" in named and "body" in named:
            self._add(node, path, ("upstream", "body"), "cannot stand beside json", "a response has one content")
        if response.fails is not None and named & _RESPONSE:
            self._add(node, path, ("upstream", "fails"), "cannot stand beside a response", "write one of the two")

    def _check_expectation(self, expected: Expectation, node: Node, path: NodePath, key: str) -> None:
        if not expected.model_fields_set:
            self._add(node, path, (key,), "expects nothing", "write what has to come of it, such as verdict: pass")
        routes = [*(route.name for route in self._config.routes), BATCH, UNMATCHED, EGRESS_UNMATCHED]
        fallbacks = self._config.policies.get("fallbacks", {})
        sent = expected.sent.upstream if expected.sent else None
        for below, name, known, what in (
            (("route",), expected.route, routes, "a route"),
            (("fallback",), expected.fallback, list(fallbacks), "a fallback"),
            (("sent", "upstream"), sent, list(self._config.upstreams), "an upstream"),
        ):
            if name is not None and name not in known:
                hint = nearest(name, known)
                self._add(node, path, (key, *below), f"names {what} that the configuration does not have", hint)

    def _add(self, node: Node, path: NodePath, below: NodePath, sentence: str, hint: str = "") -> None:
        written, _ = follow(node, below)
        above, _ = follow(node, below[:-1])
        position = written.position
        if below and child(above, below[-1]) is None:
            position = above.position
        self._report.add(position, (*path, *below), sentence, hint)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _merged(nothing: M, base: M | None, own: M | None) -> M:
    """``own``, and for what it does not say ``base``. Header fields are taken from both."""
    if base is None or own is None:
        return own or base or nothing
    displaced = frozenset[str]().union(*(_DISPLACED.get(name, ()) for name in own.model_fields_set))
    kept = {name: getattr(base, name) for name in base.model_fields_set - displaced}
    named = {name: getattr(own, name) for name in own.model_fields_set}
    if "headers" in kept and "headers" in named:
        named["headers"] = {**kept["headers"], **named["headers"]}
    return nothing.model_copy(update={**kept, **named})
