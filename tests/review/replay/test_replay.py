"""A log judged by two configurations: what is claimed is what the gateway would do."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from random import Random

import pytest

from gateway.config.model import Config
from gateway.core.exchange import Exchange
from gateway.ops.log import Log
from gateway.review.dry_run.request import DryRequest
from gateway.review.dry_run.response import ScriptedResponse
from gateway.review.replay.evidence import OUTCOMES, PASSED
from gateway.review.replay.recorded import RecordedRequest, Where
from gateway.review.replay.replay import Line, Replay
from gateway.review.replay.side import FORWARDING, ReplayedVerdict
from gateway.review.replay.tally import BEFORE_THE_LOG, NOT_REPRODUCED, Tally, VerdictChange
from tests.gateway_fixture import Recorder, running_gateway
from tests.processor_time import takes_at_most
from tests.review.replay.configs import CHANGES, ENTRY, config
from tests.review.replay.recording import Lines, Recording, fields, made, replayed
from tests.review.replay.traffic import request, response
from tests.upstream_fixture import running_upstream, wire

TRAFFIC, CALLS = 15, 45

Step = tuple[DryRequest, ScriptedResponse, float, str, int]
"""A request, how its upstream responds, the seconds until the next one, the verdict, and the lines that are logged of it."""


class Claims(Tally):
    """A tally that keeps what was claimed of each line."""

    def judged(
        self, line: RecordedRequest, recorded: str, old: ReplayedVerdict, new: ReplayedVerdict, warm_up: bool
    ) -> None:
        self.claims[line.where.line] = (recorded, old, new)
        super().judged(line, recorded, old, new, warm_up)

    claims: dict[int, tuple[str, ReplayedVerdict, ReplayedVerdict]]


def claimed(lines: list[bytes], old: Config, new: Config) -> Claims:
    replay = Replay(old, new)
    replay.tally = tally = Claims()
    tally.claims = {}
    replay.read(Line(Where(1, number), octets) for number, octets in enumerate(lines, 1))
    replay.end()
    return tally


@pytest.fixture(scope="module")
def traffic(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Recording, list[Step]]:
    """The old configuration, what it has logged of random requests, and these: the log alone is to say what another does."""
    old = config(tmp_path_factory.mktemp("old"))
    random, recording = Random(TRAFFIC), Recording(old)
    steps = []
    for _ in range(CALLS):
        asked, responds, seconds = request(random), response(random), random.choice((0.0, 0.0107, 0.3123, 2.0371))
        before = len(recording.sink.lines)
        verdict = recording.run(asked, responds).verdict
        steps.append((asked, responds, seconds, verdict, len(recording.sink.lines) - before))
        recording.pass_time(seconds)
    return old, recording, steps


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_claimed_is_what_the_gateway_does(
    change: str, traffic: tuple[Config, Recording, list[Step]], tmp_path: Path
) -> None:
    old, recorded, steps = traffic
    new = config(tmp_path, CHANGES[change])
    served, truth = Recording(new), []
    for asked, responds, seconds, was, lines in steps:
        found = served.run(asked, responds)
        # What becomes of a call that was never made is in no log; that it is made is what is claimed.
        fails = found.verdict in OUTCOMES and found.verdict != was
        truth += [PASSED if found.fallback or fails else found.verdict] * lines
        served.pass_time(seconds)
    tally = claimed(recorded.sink.lines, old, new)
    assert not tally.unreadable and not tally.not_reproduced, "the old side is what was recorded"
    for number, (_, _, claim) in tally.claims.items():
        assert claim.verdict in ("", truth[number - 1]), recorded.sink.lines[number - 1]


def test_the_same_configuration_changes_nothing(tmp_path: Path) -> None:
    same, random = config(tmp_path), Random(7)
    recording = Recording(same)
    for _ in range(200):
        recording.run(request(random), response(random))
        recording.pass_time(random.choice((0.0, 0.0107, 0.3123, 2.0371)))
    tally = replayed(recording.sink.lines, same, same)
    assert (tally.changed, tally.not_reproduced) == (0, Counter())
    assert tally.unchanged + tally.unknown.total() == tally.requests > 150


CHAT = DryRequest(
    "GET", "/api/trpc/chat.send", {"origin": "https://linguamate.app"}, claims={"sub": "u", "type": "access"}
)
INFO = DryRequest("GET", "/info")
EVIL = DryRequest("GET", "/info", {"origin": "https://evil.example"})
LOGIN = DryRequest("POST", "/api/trpc/auth.login", {"content-type": "application/json"}, b'{"json":{"email":"a@b.co"}}')


def compared(tmp_path: Path, change: tuple[str, str], requests: list[DryRequest]) -> Tally:
    old, new = config(tmp_path / "old"), config(tmp_path / "new", change)
    recording = Recording(old)
    for each in requests:
        recording.run(each)
        recording.pass_time(0.01)
    return replayed(recording.sink.lines, old, new)


@pytest.mark.parametrize(
    ("change", "requests", "refused", "passed"),
    [
        (("burst: 60", "burst: 4"), [CHAT] * 10, {VerdictChange("chat", PASSED, "rate_limited"): 6}, {}),
        (("burst: 60, key", "burst: 90, key"), [INFO] * 80, {}, {VerdictChange("info", "rate_limited", PASSED): 17}),
        (('["https://linguamate.app"]', '["https://evil.example"]'), [CHAT, EVIL, EVIL], {VerdictChange("chat", PASSED, "origin_refused"): 1}, {VerdictChange("info", "origin_refused", PASSED): 2}),
        (("methods: [GET], upstream: other, auth: public", "methods: [HEAD], upstream: other, auth: public"), [INFO] * 3, {VerdictChange("unmatched", PASSED, "method_not_allowed"): 3}, {}),
        (("upstream: other, auth: public", "upstream: other"), [INFO], {VerdictChange("info", PASSED, "token_missing"): 1}, {}),
        (("name: chat,", 'name: chat, deny: "closed",'), [CHAT, INFO], {VerdictChange("chat", PASSED, "route_denied"): 1}, {}),
        (("paths: [/info]", "paths: [/infos]"), [INFO], {VerdictChange("unmatched", PASSED, "no_route"): 1}, {}),
    ],
)  # fmt: skip
def test_one_line_changes_what_it_says(
    change: tuple[str, str],
    requests: list[DryRequest],
    refused: dict[VerdictChange, int],
    passed: dict[VerdictChange, int],
    tmp_path: Path,
) -> None:
    if "deny" in change[1]:
        change = ('name: chat, procedures: ["chat.*"], upstream: tutor, schema: {none: "free text"}', 'name: chat, procedures: ["chat.*"], upstream: tutor, deny: "closed"')  # fmt: skip
    tally = compared(tmp_path, change, requests)
    assert (dict(tally.refused), dict(tally.passed), dict(tally.unknown)) == (refused, passed, {})
    kind = next(iter((*refused, *passed)))
    assert tally.samples[kind][0].where.file == 1 and tally.samples[kind][0].path


def test_a_limit_of_users_counts_by_their_hashes(tmp_path: Path) -> None:
    ask = [
        DryRequest("POST", "/api/trpc/ai.ask", {"content-type": "application/json"}, b"{}", claims={"sub": name, "type": "access"})
        for name in ("ada", "bob", "ada", "ada")
    ]  # fmt: skip
    tally = compared(tmp_path, ("60/minute, burst: 10", "6/minute, burst: 1"), ask)
    assert dict(tally.refused) == {VerdictChange("paid", PASSED, "rate_limited"): 2}


def test_what_a_log_does_not_hold_cannot_be_known(tmp_path: Path) -> None:
    tally = compared(tmp_path, ('"required": ["email"]', '"required": ["email", "password"]'), [LOGIN] * 3)
    assert (tally.changed, dict(tally.unknown)) == (0, {"the content is not in a log": 3})
    tally = compared(tmp_path, ("require: {type: access}", "require: {type: refresh}"), [CHAT, INFO])
    assert (tally.changed, tally.unchanged, dict(tally.unknown)) == (0, 1, {"tokens are not in a log": 1})
    tally = compared(tmp_path, ("failures: 10, within", "failures: 5, within"), [LOGIN])
    assert dict(tally.unknown) == {"accounts are not in a log": 1}
    tally = compared(tmp_path, ("burst: 60, key", "burst: 90, key"), [CHAT] * 80)
    assert dict(tally.undecided) == {VerdictChange("chat", "rate_limited", "tokens are not in a log"): 17}


def test_what_report_mode_has_let_pass_is_refused_when_it_is_enforced(tmp_path: Path) -> None:
    trial = DryRequest("GET", "/trial")
    tally = compared(tmp_path, (", mode: report}", "}"), [trial, trial])
    assert dict(tally.refused) == {VerdictChange("trial", PASSED, "token_missing"): 2}
    tally = compared(tmp_path, ("leeway: 5s}", "leeway: 5s, mode: report}"), [DryRequest("GET", "/api/trpc/chat.send")])
    assert dict(tally.passed) == {VerdictChange("chat", "token_missing", PASSED): 1}
    assert dict(tally.reported) == {VerdictChange("chat", "token_missing", "token_missing"): 1}


def test_what_a_proxy_has_sent_beside_what_was_refused_before_cannot_be_known(tmp_path: Path) -> None:
    behind = ("listen: {", "listen: {trusted_proxies: [203.0.113.8], ")
    old = config(tmp_path / "old", behind)
    files = {
        path.relative_to(tmp_path / "old").as_posix(): path.read_text() for path in (tmp_path / "old").rglob("*.*")
    }
    policies = files["policies/all.yaml"].replace("origins: [", 'origins: ["https://evil.example", ')
    new, recording = made(tmp_path / "new", files | {"policies/all.yaml": policies}), Recording(old)
    for forwarded in ("junk", "192.0.2.1"):
        given = {"origin": "https://evil.example", "x-forwarded-for": forwarded}
        recording.run(DryRequest("GET", "/info", given, address="203.0.113.8"))
    recording.run(DryRequest("GET", "/info", address="203.0.113.8"))
    tally = replayed(recording.sink.lines, old, new)
    assert dict(tally.passed) == {VerdictChange("info", "origin_refused", PASSED): 1}, "who named a client"
    assert (tally.unchanged, dict(tally.unknown)) == (1, {FORWARDING: 1})


def test_a_call_of_a_batch_costs_as_much_as_one_alone(tmp_path: Path) -> None:
    three = DryRequest("GET", "/api/trpc/chat.a,chat.b,chat.c?batch=1", claims={"sub": "u", "type": "access"})
    tally = compared(tmp_path, ("burst: 60", "burst: 7"), [three] * 4)
    assert dict(tally.refused) == {VerdictChange("chat", PASSED, "rate_limited"): 2}


def test_who_would_be_sent_elsewhere_is_counted(tmp_path: Path) -> None:
    tally = compared(tmp_path, CHANGES["another upstream"], [INFO, INFO])
    assert dict(tally.rerouted) == {VerdictChange("info", "other", "tutor"): 2}


def test_failures_in_the_log_open_a_breaker(tmp_path: Path) -> None:
    old, new = config(tmp_path / "old"), config(tmp_path / "new", ("failures: 3", "failures: 2"))
    recording = Recording(old)
    for status in (503, 503, 200, 200):
        recording.run(CHAT, ScriptedResponse(status))
        recording.pass_time(1.0)
    tally = replayed(recording.sink.lines, old, new)
    assert dict(tally.refused) == {VerdictChange("chat", PASSED, "upstream_resting"): 2}


def test_what_came_before_the_log_is_not_held_against_the_old_side(tmp_path: Path) -> None:
    same = config(tmp_path)
    recording = Recording(same)
    for _ in range(70):
        recording.run(INFO)
    tally = replayed(recording.sink.lines[-20:], same, same)
    assert dict(tally.unknown) == {BEFORE_THE_LOG: 10}
    assert tally.not_reproduced == {("rate_limited", PASSED): 10}


def test_a_log_of_another_configuration_is_known_as_one(tmp_path: Path) -> None:
    old, other = config(tmp_path / "old"), config(tmp_path / "other", ("paths: [/info]", "paths: [/infos]"))
    recording = Recording(other)
    recording.run(INFO)
    tally = replayed(recording.sink.lines, old, old)
    assert (dict(tally.unknown), tally.changed) == ({NOT_REPRODUCED: 1}, 0)
    assert tally.configs == {other.digest[:12]: 1}


def test_lines_that_are_no_requests_are_counted_apart(tmp_path: Path) -> None:
    same = config(tmp_path)
    stamp = b'{"ts":"2027-01-15T08:00:00.000Z","event":'
    lines = [
        stamp + b'"started"}',
        stamp + b'"refusals_unlogged","reason":"rate_limited","times":12}',
        stamp + b'"log_lines_dropped","lines":3}',
        stamp + b'"request","method":"","path":"","client":"192.0.2.1","status":400,"reason":"head_malformed"}',
        stamp + b'"request","method":"GET","path":"/health","client":"192.0.2.1","status":200}',
        b"kernel: out of memory",
        b"",
    ]
    tally = replayed(lines, same, same)
    assert (tally.events, tally.unlogged, tally.dropped, tally.heads, tally.health) == (3, 12, 3, 1, 1)
    assert (tally.requests, tally.unreadable.total()) == (0, 1)


class Logged(Recorder):
    """An observer that has the log written."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def done(self, exchange: Exchange, elapsed: float) -> None:
        super().done(exchange, elapsed)
        self.log.access(exchange, elapsed)


async def test_a_running_gateways_own_log_replays_to_the_same_verdicts(tmp_path: Path) -> None:
    sink = Lines()
    log = Log(sink, b"k" * 32, worker=0)  # type: ignore[arg-type]  # stands for a Sink
    async with running_upstream() as upstream:
        # No unit comes back while the test runs: the log has milliseconds, and the stages more.
        slow = ("300/minute, burst: 60", "60/day, burst: 60")
        entry = ENTRY.replace("http://127.0.0.1:1", upstream.url).replace("http://127.0.0.1:2", upstream.url)
        policies = config(tmp_path / "seed", slow)
        files = {
            "upstreams.yaml": entry,
            "policies/all.yaml": (tmp_path / "seed/policies/all.yaml").read_text(),
            "policies/inputs/auth.login.json": (tmp_path / "seed/policies/inputs/auth.login.json").read_text(),
        }
        old = made(tmp_path / "old", files)
        new = made(tmp_path / "new", files | {"upstreams.yaml": entry.replace("[/info]", "[/infos]")})
        assert policies.digest != old.digest
        async with running_gateway(tmp_path / "old" / "upstreams.yaml", seen=Logged(log)) as gateway:
            async with wire(gateway.port) as client:
                host = b"Host: gateway.example\r\n"
                body = b'{"json":{"email":"a@b.co"}}'
                content = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
                for octets in (
                    b"GET /info HTTP/1.1\r\n" + host + b"\r\n",
                    b"GET /%69nfo?x=1 HTTP/1.1\r\n" + host + b"Origin: https://linguamate.app\r\n\r\n",
                    b"GET /nowhere HTTP/1.1\r\n" + host + b"\r\n",
                    b"POST /api/trpc/auth.signin HTTP/1.1\r\n" + host + content,
                    b"POST /api/trpc/chat.send HTTP/1.1\r\n" + host + content,
                    b"GET /api/trpc/chat.a,chat.b?batch=1 HTTP/1.1\r\n" + host + b"Authorization: Bearer a.b.c\r\n\r\n",
                    b"OPTIONS /info HTTP/1.1\r\n" + host + b"Origin: https://linguamate.app\r\nAccess-Control-Request-Method: GET\r\n\r\n",
                    *[b"GET /info HTTP/1.1\r\n" + host + b"\r\n"] * 70,
                ):  # fmt: skip
                    await client.ask(octets)
            while gateway.server.dispatcher.in_flight:
                await asyncio.sleep(0)
    tally = replayed(sink.lines, old, old)
    assert (tally.requests, tally.unchanged) == (77, 77), (tally.unknown, tally.not_reproduced)
    reasons = Counter(str(each.get("reason", PASSED)) for each in fields(sink.lines))
    assert reasons.keys() == {PASSED, "no_route", "token_missing", "token_invalid", "rate_limited"}
    tally = replayed(sink.lines, old, new)
    assert tally.refused.total() == reasons[PASSED] - 2, "all of /info, and neither the sign-in nor the preflight"


def test_a_line_takes_a_bounded_time(tmp_path: Path) -> None:
    old, new = config(tmp_path / "old"), config(tmp_path / "new", ("burst: 60", "burst: 30"))
    recording = Recording(old)
    for number in range(40):
        recording.run(
            DryRequest("GET", "/api/trpc/chat.send", CHAT.fields, address=f"192.0.2.{number}", claims=CHAT.claims)
        )
    lines = recording.sink.lines * 25
    assert takes_at_most(len(lines) * 100e-6, lambda: replayed(lines, old, new)), (
        "100,000 lines in 10 s, for both sides"
    )
