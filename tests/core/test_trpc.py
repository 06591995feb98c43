"""Every spelling that reaches a procedure is counted as that procedure, or refused under its name."""

import json
import re
from urllib.parse import parse_qsl, quote, unquote, unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.path import Ambiguous, canonical, split_target
from gateway.core.pattern import compile_procedures
from gateway.core.query import canonical_query
from gateway.core.trpc import ProcedureCalls, calls, inputs, is_batch, payloads, query_input

ALIASES = {
    "auth.signin": "auth.login",
    "auth.logout": "auth.signout",
    "analytics.track": "analytics.trackEvent",
    "user.getProfile": "user.get",
    "user.updateSettings": "user.update",
    "leaderboard.getRankings": "leaderboard.get",
}
PREFIX = "/api/trpc/"
KNOWN = compile_procedures([(name, name) for name in {*ALIASES.values(), "analytics.trackEvent"}])


def read(target: str) -> ProcedureCalls | str:
    """What the gateway makes of a target: the calls of known procedures, or the slug of the refusal."""
    try:
        path, query = canonical(split_target(target)[1])
        query = canonical_query(query)
    except Ambiguous:
        return "path_ambiguous"
    if not path.startswith(PREFIX):
        return "no_route"
    reading = calls(path[len(PREFIX) :], query, ALIASES, 10)
    if isinstance(reading, str):
        return reading
    if all(KNOWN.find(name) for name in reading.procedures):
        return reading
    return "batch_malformed" if reading.batch else "no_route"


LOGIN = ProcedureCalls(("auth.login",), False, "auth.login")
TWO = ProcedureCalls(("auth.login", "auth.login"), True, "auth.login,auth.login")
SPELLINGS = [
    # row 1: runs
    ("/api/trpc/auth%2Elogin", LOGIN),
    ("/api/trpc/%61uth.login", LOGIN),
    ("/api/trpc/auth.login/", LOGIN),
    ("/api/trpc/auth.login//", "path_ambiguous"),
    ("/api/trpc/./auth.login", "path_ambiguous"),
    ("/api/trpc/x/../auth.login", "path_ambiguous"),
    ("/api/trpc/x/%2e%2e/auth.login", "path_ambiguous"),
    # row 2: runs
    ("/api/x/../trpc/auth.login", "path_ambiguous"),
    ("http://any.host/api/trpc/auth.login", LOGIN),
    # row 3: aliases
    ("/api/trpc/auth.signin", LOGIN),
    ("/api/trpc/auth.logout", ProcedureCalls(("auth.signout",), False, "auth.signout")),
    ("/api/trpc/analytics.track", ProcedureCalls(("analytics.trackEvent",), False, "analytics.trackEvent")),
    ("/api/trpc/user.getProfile", ProcedureCalls(("user.get",), False, "user.get")),
    ("/api/trpc/user.updateSettings", ProcedureCalls(("user.update",), False, "user.update")),
    ("/api/trpc/leaderboard.getRankings", ProcedureCalls(("leaderboard.get",), False, "leaderboard.get")),
    ("/api/trpc/auth.signin,auth.login?batch=1", TWO),
    # row 4: both run
    ("/api/trpc/auth.login,auth.login?batch=1", TWO),
    ("/api/trpc/auth.login%2Cauth.login?batch=1", TWO),
    ("/api/trpc/auth.login%2cauth.login?batch=1", TWO),
    ("/api/trpc/auth.login,auth.login?%62atch=1", TWO),
    ("/api/trpc/auth.login,auth.login?batch=%31", TWO),
    ("/api/trpc/auth.login,auth.login/?batch=1", TWO),
    ("/api/trpc/auth.login?batch=1", ProcedureCalls(("auth.login",), True, "auth.login")),
    # row 5: the good one of them runs
    ("/api/trpc/auth.login,?batch=1", "batch_malformed"),
    ("/api/trpc/x/,auth.login?batch=1", "batch_malformed"),
    ("/api/trpc/auth.login,%20auth.login?batch=1", "batch_malformed"),
    # row 6: no batch
    ("/api/trpc/auth.login,auth.login", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=0", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=true", "no_route"),
    ("/api/trpc/auth.login,auth.login?Batch=1", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=1=", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=+1", "no_route"),
    ("/api/trpc/auth.login,auth.login??batch=1", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=0&batch=1", "no_route"),
    ("/api/trpc/auth.login,auth.login?batch=1&batch=0", TWO),
    ("/api/trpc/auth.login,auth.login?x=1&&batch=1", TWO),
    # row 7: 404
    ("/api/trpc///auth.login", "path_ambiguous"),
    ("//api/trpc/auth.login", "path_ambiguous"),
    ("/API/trpc/auth.login", "no_route"),
    ("/api/trpc/Auth.login", "no_route"),
    ("/api/trpc/auth/login", "no_route"),
    ("/api/trpc/auth%2Flogin", "path_ambiguous"),
    ("/api/trpc/auth.login%00", "path_ambiguous"),
    ("/api/trpc/%00", "path_ambiguous"),
    ("/api/trpc/auth%252Elogin", "path_ambiguous"),
    # row 8: 500 from anyone
    ("/api/trpc/%ff", "path_ambiguous"),
    ("/api/trpc/%", "path_ambiguous"),
    # row 9
    ("/api/trpc/,,,,,?batch=1", "batch_malformed"),
    # beyond the table
    (
        "/api/trpc/" + ",".join(["auth.login"] * 10) + "?batch=1",
        ProcedureCalls(("auth.login",) * 10, True, ",".join(["auth.login"] * 10)),
    ),
    ("/api/trpc/" + ",".join(["auth.login"] * 11) + "?batch=1", "batch_too_large"),
    ("/api/trpc/" + ",".join(["auth.login"] * 1000) + "?batch=1", "batch_too_large"),
    ("/api/trpc/", "no_route"),
    ("/api/trpc/?batch=1", "batch_malformed"),
    ("/api/trpc", "no_route"),
    ("/api/trpc/auth.login.", "no_route"),
    ("/api/trpc/.auth.login", "no_route"),
    ("/api/trpc/auth..login", "no_route"),
    ("/api/trpc/auth.login%0A", "path_ambiguous"),
    ("/api/trpc/auth.login%C2%A0", "no_route"),
    ("/api/trpc/auth%EF%BC%8Elogin", "no_route"),
    ("/api/trpc/auth.login;x", "path_ambiguous"),
]


@pytest.mark.parametrize(("target", "expected"), SPELLINGS)
def test_spellings(target: str, expected: ProcedureCalls | str) -> None:
    assert read(target) == expected


def test_an_alias_is_resolved_once() -> None:
    assert calls("a.a", "", {"a.a": "b.b", "b.b": "c.c"}, 10) == ProcedureCalls(("b.b",), False, "b.b")


def backend(target: str) -> list[str]:
    """The backend's own reading of a target, as observed: the names it looks up, aliases resolved."""
    path, _, query = target.partition("?")
    segments: list[str] = []
    for segment in path.replace("\\", "/").split("/")[1:]:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            segments = segments[:-1]
        elif plain != ".":
            segments.append(segment)
    whole = "/" + "/".join(segments)
    if not whole.startswith(PREFIX):
        return []
    tail = unquote(whole[len(PREFIX) :].strip("/"), errors="strict")
    batch = None
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if unquote_plus(name) == "batch" and batch is None:
            batch = unquote_plus(value)
    names = tail.split(",") if batch == "1" else [tail]
    return [ALIASES.get(name, name) for name in names]


tails = st.lists(
    st.sampled_from(
        ["auth.login", "auth.signin", "user.get", ",", "%2C", "%2c", "/", "%61uth.login", "auth%2Elogin", "."]
    )
    | st.sampled_from(["..", "%2e%2e", "x", "%20", "\\", "%25", "2C", "%2F", "Auth.login", "%00", "//"]),
    max_size=6,
).map("".join)
searches = st.lists(
    st.sampled_from(
        ["batch=1", "batch=0", "%62atch=1", "batch=%31", "Batch=1", "batch", "x=1", "b%61tch=", "+batch=1", "?batch=1"]
    ),
    max_size=3,
).map("&".join)


@given(tails, searches)
def test_the_backend_runs_the_procedures_that_were_counted(tail: str, search: str) -> None:
    target = f"{PREFIX}{tail}?{search}"
    reading = read(target)
    if isinstance(reading, str):
        return
    assert backend(target) == list(reading.procedures)
    assert backend(f"{PREFIX}{reading.tail}?{canonical(target)[1]}") == list(reading.procedures)


words = st.sampled_from(
    ["batch", "batch=", "batch=1", "batch=11", "batch=%2B1", "abatch=1", "batches=1", "+batch=1", "x", ""]
)


@given(st.lists(words, max_size=4))
def test_the_first_batch_parameter_decides(parts: list[str]) -> None:
    query = "&".join(parts)
    values = [value for name, value in parse_qsl(query, keep_blank_values=True) if name == "batch"]
    assert is_batch(query) is (values[:1] == ["1"])


def call(email: str) -> dict[str, object]:
    return {"json": {"email": email}}


def test_inputs_of_a_single_call_and_of_a_batch() -> None:
    assert inputs(json.dumps(call("a@b.c")), False, 1) == [{"email": "a@b.c"}]
    assert inputs(json.dumps({"0": call("a"), "1": call("b")}), True, 2) == [{"email": "a"}, {"email": "b"}]
    assert inputs(json.dumps({"1": call("b")}), True, 2) == [None, {"email": "b"}]
    assert inputs("{}", True, 2) == [None, None]
    assert inputs(None, True, 2) == [None, None]
    assert inputs('{"json":null,"meta":{"values":["undefined"]}}', False, 1) == [None]


def test_inputs_without_a_transformer_are_the_values() -> None:
    assert inputs('{"email":"a"}', False, 1, "none") == [{"email": "a"}]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '[{"json":1}]',
        '{"0":null}',
        '{"0":1}',
        "null",
        '{"0":{"json":1},"1":{"json":2}}',
        '{"00":{"json":1}}',
        '{"0 ":{"json":1}}',
        '{"-0":{"json":1}}',
        '{"0":{"json":1},"0.0":{"json":2}}',
        '{"0":{"json":1},"json":{"json":2}}',
        '{"json":{"email":"a"}}',
    ],
)
def test_a_batch_holds_the_inputs_of_its_calls_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):
        inputs(text, True, 1)


def test_the_input_of_a_query() -> None:
    assert query_input("batch=1&input=" + quote('{"0":{"json":"es pt"}}')) == '{"0":{"json":"es pt"}}'
    assert query_input("input=a+b&x=1") == "a b"
    assert query_input("") is None
    assert query_input("batch=1") is None
    assert query_input("batch=1&input=") is None
    assert query_input("inputs=1&x[input]=2&minput=3") is None


@pytest.mark.parametrize(
    "query",
    [
        "input=1&input=2",
        "input=1&input",
        "input=1&Input=2",
        "Input=1",
        "INPUT=1",
        "input=1&input%5B%5D=2",
        "input[]=1",
        "input%5Bjson%5D=1",
        "input.json=1",
        "input%00=1",
        "+input=1",
        "%20input=1",
        "input+=1",
        "%C4%B1nput=1",  # a dotless i, upper case of which is I
        "x=1;input=2",
        "batch=1&batch=0",
        "batch=1&batch=1",
        "Batch=1&batch=1",
        "batch[]=1",
        "&".join(["a=1"] * 101),
    ],
)
def test_a_query_that_parsers_read_differently_has_no_input(query: str) -> None:
    with pytest.raises(ValueError):
        query_input(query)


pieces = st.lists(
    st.sampled_from(["input", "Input", "batch", "x", "=", "&", "%7B%7D", "1", "+", ";", "[]", ".", "%5B", "%20"]),
    max_size=8,
).map("".join)


@given(pieces)
def test_an_input_is_the_one_that_both_the_first_and_the_last_parameter_of_any_spelling_give(pieces: str) -> None:
    query = canonical("/?" + pieces)[1]
    try:
        found = query_input(query)
    except ValueError:
        return
    pairs = parse_qsl(query, keep_blank_values=True)
    named = [value for name, value in pairs if re.split(r"[^a-z0-9_-]", name.strip().casefold())[0] == "input"]
    assert named == ([] if found is None and not named else [found or ""])


def test_what_is_sent_for_each_call() -> None:
    assert payloads({"json": 1}, False, 1) == {0: {"json": 1}}
    assert payloads(None, False, 1) == {0: None}
    assert payloads({"1": 5, "0": None}, True, 3) == {1: 5, 0: None}
    for whole in ([5], None, "x", {"3": 1}, {"00": 1}, {"0": 1, "json": 2}, {"-1": 1}, {"": 1}):
        with pytest.raises(ValueError, match="a batch"):
            payloads(whole, True, 3)
