"""Origins: exact or by whole labels, preflights, and what browsers may read."""

import tracemalloc

import pytest

from gateway.core.exchange import Call
from gateway.core.verdict import Refusal, Reply
from tests.policy.added_fields import added_fields
from tests.policy.cors_requests import STAGE, decide, granted, policy, preflight, request


@pytest.mark.parametrize(
    "origin",
    [
        b"https://linguamate.app",
        b"https://www.linguamate.app",
        b"https://pr-12.preview.linguamate.app",
        b"https://a.b.c.d.linguamate.app",
        b"https://xn--bcher-kva.linguamate.app",
        b"http://localhost:8081",
        b"http://localhost:19006",
    ],
)
def test_allowed_origins_are_named_exactly(origin: bytes) -> None:
    assert decide(origin) == ("", granted(origin))
    assert decide(origin) == ("", granted(origin))  # and when it is remembered


def test_upper_case_is_the_same_origin_and_answered_as_browsers_spell_it() -> None:
    assert decide(b"HTTPS://WWW.Linguamate.APP") == ("", granted(b"https://www.linguamate.app"))


@pytest.mark.parametrize(
    "origin",
    [
        b"",
        b"null",
        b"NULL",
        b"*",
        b"https://*.linguamate.app",
        b"https://evil-linguamate.app",
        b"https://evillinguamate.app",
        b"https://linguamate.app.evil.com",
        b"https://evil.com/.linguamate.app",
        b"https://evil.com?.linguamate.app",
        b"https://evil.com#.linguamate.app",
        b"https://evil.com\\.linguamate.app",
        b"https://evil.com:443.linguamate.app",
        b"https://evil.com%00.linguamate.app",
        b"https://evil.com\x00.linguamate.app",
        b"https://evil.com\n.linguamate.app",
        b"https://evil.com{.linguamate.app",
        b"https://evil_.linguamate.app",
        b"https://user@www.linguamate.app",
        b"https://www.linguamate.app@evil.com",
        b"https://.linguamate.app",
        b"https://..linguamate.app",
        b"https://a..linguamate.app",
        b"https://-a.linguamate.app",
        b"https://a-.linguamate.app",
        b"https://" + b"a" * 64 + b".linguamate.app",
        b"https://" + b"a." * 130 + b"linguamate.app",
        b"https://" + b"a." * 9000 + b"linguamate.app",
        b"https://linguamate.app.",
        b"https://www.linguamate.app.",
        b"https://linguamate.app/",
        b"https://linguamate.app:443",
        b"https://linguamate.app:8443",
        b"https://www.linguamate.app:8443",
        b"https://linguamate.app:",
        b"http://linguamate.app",
        b"http://www.linguamate.app",
        b"ws://www.linguamate.app",
        b"httpsx://www.linguamate.app",
        b"linguamate.app",
        b"//linguamate.app",
        b"https:linguamate.app",
        b"https:///linguamate.app",
        b"https://linguamate.app https://evil.com",
        b"https://linguamate.app, https://linguamate.app",
        b"https://linguamate.app,",
        b" https://linguamate.app",
        b"https://linguamate.app\t",
        b"https://linguamate.app\r\n",
        b"https://l\xc3\xacnguamate.app",
        b"https://w\xc3\xb6w.linguamate.app",
        "https://www.linguamate\uff0eapp".encode(),
        b"https://linguamate.ap",
        b"https://inguamate.app",
        b"https://app",
        b"https://[::1]",
        b"https://[:::]",
        b"https://[::1].linguamate.app",
        b"http://localhost",
        b"http://localhost:80811",
        b"http://localhost:08081",
        b"http://127.0.0.1:8081",
        b"file://",
    ],
)
def test_any_other_origin_is_refused_and_may_read_nothing(origin: bytes) -> None:
    assert decide(origin) == ("origin_refused", [(b"vary", b"Origin")])


def test_no_origin_is_a_native_app_or_refused() -> None:
    assert decide(None) == ("", [(b"vary", b"Origin")])
    assert decide(None, policy(no_origin="refuse")) == ("origin_refused", [(b"vary", b"Origin")])


def test_the_exchange_carries_the_origin_only_when_it_was_allowed() -> None:
    good, bad = request(b"https://Linguamate.app"), request(b"https://evil.com")
    STAGE.on_request(good)
    STAGE.on_request(bad)
    assert (good.origin, bad.origin) == ("https://linguamate.app", "")


def test_without_credentials_and_exposed_fields_the_response_has_fewer_fields() -> None:
    stage = policy(credentials=False, expose_headers=[])
    assert decide(b"https://linguamate.app", stage)[1] == granted(b"https://linguamate.app")[:2]


def test_a_star_lets_every_website_in_but_nothing_that_is_not_one() -> None:
    stage = policy(origins=["*"], credentials=False, expose_headers=[])
    assert decide(b"https://any.example:8443", stage) == ("", granted(b"https://any.example:8443")[:2])
    assert decide(b"http://[::1]:3000", stage)[0] == ""
    for refused in (
        b"null",
        b"*",
        b"https://a, https://b",
        b"https://[::g]",
        b"https://*.any.example",
        b"https://a:65536",
    ):
        assert decide(refused, stage)[0] == "origin_refused"


def test_nothing_listed_lets_no_website_in() -> None:
    stage = policy(origins=[""])
    assert decide(b"https://linguamate.app", stage)[0] == "origin_refused"
    assert decide(None, stage)[0] == ""


def test_a_preflight_is_answered_here() -> None:
    response = preflight(b"https://www.linguamate.app", headers=b"Content-Type, authorization,,\ttrpc-accept ")
    assert response == Reply(
        204,
        (
            (b"access-control-allow-methods", b"GET, POST"),
            (b"access-control-allow-headers", b"content-type, authorization, trpc-accept"),
            (b"access-control-max-age", b"600"),
        ),
    )
    assert STAGE.allowed_methods == {"GET", "POST"}
    assert isinstance(preflight(b"https://linguamate.app"), Reply)


@pytest.mark.parametrize("method", [b"PUT", b"DELETE", b"post", b"", b"*", b"GET, POST", b"POST\xff", b"TRACE"])
def test_a_preflight_for_another_method_is_refused(method: bytes) -> None:
    verdict = preflight(b"https://linguamate.app", method=method)
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "preflight_refused"


@pytest.mark.parametrize(
    "headers", [b"x-evil", b"content-type, x-evil", b"*", b"content-type authorization", b"cookie\xff"]
)
def test_a_preflight_for_another_header_is_refused(headers: bytes) -> None:
    verdict = preflight(b"https://linguamate.app", headers=headers)
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "preflight_refused"
    assert verdict.detail.isprintable()


def test_a_refused_preflight_is_readable_by_an_allowed_origin_only() -> None:
    exchange = request(b"https://linguamate.app", "OPTIONS", access_control_request_method=b"PUT")
    assert isinstance(STAGE.on_request(exchange), Refusal)
    STAGE.on_response(exchange)
    assert added_fields(exchange) == granted(b"https://linguamate.app")
    verdict = preflight(b"https://evil.com")
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "origin_refused"


def test_a_request_that_only_resembles_a_preflight_passes() -> None:
    assert STAGE.on_request(request(b"https://linguamate.app", "OPTIONS")) is None
    assert STAGE.on_request(request(None, "OPTIONS", access_control_request_method=b"POST")) is None
    assert STAGE.on_request(request(b"https://linguamate.app", "POST", access_control_request_method=b"PUT")) is None


def test_without_allowed_headers_none_is_announced() -> None:
    response = preflight(b"https://linguamate.app", policy(request_headers=[]))
    assert isinstance(response, Reply) and b"access-control-allow-headers" not in dict(response.headers)


def test_two_policies_over_one_batch_answer_as_one() -> None:
    narrow = policy(origins=["https://admin.linguamate.app"])
    exchange = request(b"https://admin.linguamate.app")
    exchange.calls = [Call("a"), Call("b")]
    assert STAGE.on_request(exchange) is None and narrow.on_request(exchange) is None
    narrow.on_response(exchange)
    STAGE.on_response(exchange)
    assert added_fields(exchange) == granted(b"https://admin.linguamate.app")

    exchange = request(b"https://www.linguamate.app")
    exchange.calls = [Call("a"), Call("b")]
    assert STAGE.on_request(exchange) is None and isinstance(narrow.on_request(exchange), Refusal)
    narrow.on_response(exchange)
    STAGE.on_response(exchange)
    assert {name for name, _ in added_fields(exchange)} == {b"vary"}


def test_the_memory_for_subdomains_is_bounded_and_stays_right() -> None:
    stage = policy()
    tracemalloc.start()
    try:
        for number in range(5000):
            origin = f"https://pr-{number}.linguamate.app".encode()
            assert decide(origin, stage) == ("", granted(origin))
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_500_000, "4096 subdomains would take more: the memory was cleared on the way"
    assert decide(b"https://linguamate.app", stage) == ("", granted(b"https://linguamate.app"))
    assert decide(b"https://pr-0.linguamate.app", stage)[0] == ""
