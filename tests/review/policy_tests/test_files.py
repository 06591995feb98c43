"""Files with policy tests: what they become, and every mistake with its line and a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.config.model import Config
from gateway.config.problem import Problem
from gateway.review.policy_tests.files import MOST_REQUESTS, PolicyTest, files_in, read_tests

ENTRY = """version: 1
upstreams: {tutor: {endpoints: [{url: "http://127.0.0.1:8787"}], fallback: gone}}
fallbacks: {gone: {status: 503, json: {}}}
routes:
  - {name: a, paths: [/a], upstream: tutor, auth: public}
  - {name: login, paths: [/login], upstream: tutor, auth: public}
"""
GOOD = "name: a, request: {target: /a}, expect: {verdict: pass}"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    entry = tmp_path_factory.mktemp("entry") / "upstreams.yaml"
    entry.write_text(ENTRY)
    found = load(entry, {})
    assert isinstance(found, Config), found
    return found


def collected(text: str, config: Config, folder: Path) -> tuple[list[PolicyTest], list[Problem]]:
    file = folder / "a.yaml"
    file.write_text(text)
    tests, problems, _ = read_tests([file], config, folder)
    return tests, problems


def mistake(text: str, config: Config, folder: Path) -> str:
    """The one problem of a test file, as ``line:column  path  sentence  hint``."""
    _, problems = collected(text, config, folder)
    (problem,) = problems
    return str(problem).removeprefix(f"{folder / 'a.yaml'}:")


def test_a_test_is_one_step(config: Config, tmp_path: Path) -> None:
    (test,), problems = collected(
        f"tests:\n  - {{{GOOD}, repeat: 6, every: 10s, at: '2027-01-31T12:00:00Z'}}\n", config, tmp_path
    )
    (step,) = test.steps
    assert problems == []
    assert (test.name, str(test.position), test.at) == ("a", f"{tmp_path / 'a.yaml'}:2:5", 1_801_396_800.0)
    assert (step.repeat, step.every, step.after, test.requests) == (6, 10.0, 0.0, 6)
    assert step.expect is not None and step.expect.verdict == "pass"
    assert str(step.where("expect", "verdict")) == f"{tmp_path / 'a.yaml'}:2:56"


def test_a_step_says_what_differs_from_the_test(config: Config, tmp_path: Path) -> None:
    written = """
tests:
  - name: a
    request: {method: POST, target: /a, headers: {a: "1", b: "2"}, json: {x: 1}, address: 192.0.2.9}
    upstream: {status: 401}
    steps:
      - {expect: {verdict: pass}}
      - {after: 14m, request: {headers: {b: "3"}, body: x}, upstream: {status: 500}, expect: {verdict: pass}}
      - {request: {target: /login}, upstream: {fails: timeout}, expect: {verdict: upstream_timeout}}
"""
    (test,), problems = collected(written, config, tmp_path)
    first, second, third = test.steps
    assert problems == []
    assert first.request.json_body == {"x": 1} and first.response.status == 401
    assert second.request.body is not None
    assert (second.request.target, second.request.body.text, second.after) == ("/a", "x", 840.0)
    assert "json_body" not in second.request.model_fields_set
    assert second.request.headers == {"a": ("1",), "b": ("3",)} and second.response.status == 500
    assert (third.request.target, third.request.address) == ("/login", "192.0.2.9")
    assert third.response.fails == "timeout"
    assert [step.number for step in test.steps] == [1, 2, 3]


REQUEST = "tests:\n  - {name: a, expect: {status: 200}, request: "
EXPECT = "tests:\n  - {name: a, request: {target: /a}, "
# The mistake is at the mark.
MISTAKES = [
    ("^", "tests  is missing"),
    ("tests: ^[]\n", "tests  must have at least one entry"),
    ("tests: ^5\n", "tests  must be a list"),
    ("^test:\n  - {}\n", "test  is not a known key  did you mean tests? known: tests"),
    (f"tests:\n  - {{{GOOD}}}\n  - {{{GOOD.replace(': a', ': ^a', 1)}}}\n", "tests[1].name  is the name of the test at "),
    ("tests:\n  - ^{name: a, request: {target: /a}}\n", "tests[0]  expects nothing  write what has to come of it"),
    (f"{EXPECT}expect: ^{{}}}}\n", "tests[0].expect  expects nothing"),
    ("tests:\n  - ^{request: {target: /a}, expect: {status: 200}}\n", "tests[0].name  is missing"),
    ("tests:\n  - ^{name: a, expect: {status: 200}}\n", "tests[0].request.target  is missing  write target: /api"),
    (f"{REQUEST}{{^tarket: /a}}}}\n", "tests[0].request.tarket  is not a known key  did you mean target?"),
    (f"{REQUEST}{{target: ^/a b}}}}\n", "tests[0].request.target  has a blank"),
    (f"{REQUEST}{{target: /a, json: 1, body: ^x}}}}\n", "tests[0].request.body  cannot stand beside json"),
    (f"{REQUEST}{{target: /a, ^json_body: 1}}}}\n", "tests[0].request.json_body  is not a known key"),
    (f"{REQUEST}{{target: /a, body: {{bytes: ^33MiB}}}}}}\n", "tests[0].request.body.bytes  must be at most 32MiB"),
    (f"{REQUEST}{{target: /a, body: {{^byte: 3}}}}}}\n", "tests[0].request.body.byte  is not a known key  did you mean bytes?"),
    (f"{REQUEST}{{target: /a, form: {{a: {{base64: ^'?'}}}}}}}}\n", "tests[0].request.form.a.base64  is not base64"),
    (f"{REQUEST}{{target: /a, form: {{a: {{base64: aGk=, text: ^b}}}}}}}}\n", "tests[0].request.form.a.text  cannot stand"),
    (f"{REQUEST}{{target: /a, headers: {{a: [b, ^[c]]}}}}}}\n", "tests[0].request.headers.a[1]  must be one text"),
    (f"{REQUEST}{{target: /a, address: ^ten}}}}\n", "tests[0].request.address  is not an address  write one"),
    (f"{REQUEST}{{target: /a, listener: ^egress}}}}\n", "tests[0].request.listener  is not there"),
    (f"{REQUEST}{{target: /a, listener: ^ops}}}}\n", "tests[0].request.listener  must be public or egress"),
    (f"{REQUEST}{{target: /a, claims: ^{{}}, headers: {{Authorization: x}}}}}}\n", "tests[0].request.claims  cannot stand"),
    (f"{REQUEST}{{target: /a, origin: ^x, headers: {{origin: x}}}}}}\n", "tests[0].request.origin  is among the headers too"),
    (f"{REQUEST}^&a {{target: /a}}}}\n", "tests[0].request  is an anchor, which is not accepted"),
    (f"{EXPECT}expect: {{verdict: ^rate_limitd}}}}\n", "tests[0].expect.verdict  is neither pass nor a reason to refuse  did you mean rate_limited?"),
    (f"{EXPECT}expect: {{route: ^logn}}}}\n", "tests[0].expect.route  names a route that the configuration does not have  did you mean login?"),
    (f"{EXPECT}expect: {{fallback: ^goen}}}}\n", "tests[0].expect.fallback  names a fallback that the configuration does not have  did you mean gone?"),
    (f"{EXPECT}expect: {{sent: {{upstream: ^x}}}}}}\n", "tests[0].expect.sent.upstream  names an upstream that the configuration does not have  known: tutor"),
    (f"{EXPECT}expect: {{would_refuse: [^pass]}}}}\n", "tests[0].expect.would_refuse[0]  is no reason to refuse"),
    (f"{EXPECT}expect: {{status: ^two}}}}\n", "tests[0].expect.status  must be a whole number"),
    (f"{EXPECT}expect: {{status: 200}}, every: ^5s}}\n", "tests[0].every  is of no use without repeat"),
    (f"{EXPECT}expect: {{status: 200}}, repeat: 2, every: ^5}}\n", "tests[0].every  is not a duration"),
    (f"{EXPECT}expect: {{status: 200}}, repeat: ^10001}}\n", "tests[0].repeat  must be at most 10000"),
    (f"{EXPECT}expect: {{status: 200}}, upstream: {{fails: ^timeout, status: 500}}}}\n", "tests[0].upstream.fails  cannot stand beside a response"),
    (f"{EXPECT}repeat: ^2, steps: [{{expect: {{status: 200}}}}]}}\n", "tests[0].repeat  is not for a test with steps"),
    (f"{EXPECT}steps: ^[]}}\n", "tests[0].steps  must have at least one entry"),
    ("tests:\n  - name: a\n    request: {target: /a}\n    ^request: {}\n    expect: {status: 200}\n", "tests[0].request  is written twice, first in line 3"),
    (f"{EXPECT}\n^", "is not YAML"),
    ("tests:\n  - {name: a, request: {target: /a^?b=1}, expect: {status: 200}}\n", "is not YAML: expected ',' or '}', but got '?'  put quotes around a text that holds a question mark"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), MISTAKES)
def test_a_mistake_has_its_line_and_a_hint(text: str, problem: str, config: Config, tmp_path: Path) -> None:
    before, _, after = text.partition("^")
    at = f"{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    assert mistake(before + after, config, tmp_path).startswith(f"{at}  {problem}")


def test_all_mistakes_of_all_files_come_together(config: Config, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("tests:\n  - {name: a, requests: {}, expect: {status: 2}}\n")
    _, problems, _ = read_tests([tmp_path / "a.yaml", tmp_path / "b.yaml", tmp_path / "none.yaml"], config, tmp_path)
    assert [(Path(problem.file).name, problem.path) for problem in problems] == [
        ("a.yaml", "tests[0].requests"),
        ("a.yaml", "tests[0].expect.status"),
        ("b.yaml", "tests[0].requests"),
        ("b.yaml", "tests[0].expect.status"),
        ("none.yaml", ""),
    ]


def test_a_test_sends_a_bounded_number_of_requests(config: Config, tmp_path: Path) -> None:
    step = "{repeat: 10000, expect: {status: 200}}"
    text = f"tests:\n  - {{name: a, request: {{target: /a}}, steps: [{step}, {step}, {step}]}}\n"
    assert f"sends more than {MOST_REQUESTS:,} requests" in mistake(text, config, tmp_path)


def test_an_address_of_each_repetition_is_one(config: Config, tmp_path: Path) -> None:
    text = f"tests:\n  - {{{GOOD.replace('/a}', '/a, address: 10.0.0.<n>}')}, repeat: 300}}\n"
    assert "becomes 10.0.0.300, which is not an address" in mistake(text, config, tmp_path)


def test_a_value_that_other_parsers_read_otherwise_is_warned_of(config: Config, tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(f"tests:\n  - {{{GOOD.replace('name: a', 'name: yes')}}}\n")
    _, problems, warnings = read_tests([tmp_path / "a.yaml"], config, tmp_path)
    assert problems == [] and ["is the text yes" in warning.sentence for warning in warnings] == [True]


def test_the_files_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "README.md", "c.yaml~"):
        (tmp_path / name).write_text("")
    (tmp_path / "d.yaml").mkdir()
    assert [path.name for path in files_in(tmp_path)] == ["a.yml", "b.yaml"]
    assert files_in(tmp_path / "none") == []
