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


def test_upper_case_is_the_same_origin_and_is_echoed_byte_for_byte() -> None:
    for _ in range(2):
        assert decide(b"HTTPS://WWW.Linguamate.APP") == ("", granted(b"HTTPS://WWW.Linguamate.APP"))


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
    assert (good.origin, bad.origin) == ("https://Linguamate.app", "")


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
def test_a_preflight_for_another_method_is_refused_without_the_permission(method: bytes) -> None:
    verdict = preflight(b"https://linguamate.app", method=method, headers=b"content-type")
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "preflight_refused"
    assert verdict.reply == Reply(204)


@pytest.mark.parametrize(
    "headers", [b"x-evil", b"content-type, x-evil", b"*", b"content-type authorization", b"cookie\xff"]
)
def test_a_preflight_for_another_header_is_refused_without_the_permission_for_it(headers: bytes) -> None:
    verdict = preflight(b"https://linguamate.app", headers=headers)
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "preflight_refused"
    assert verdict.detail.isprintable()
    assert verdict.reply is not None and verdict.reply.status == 204
    allowed = dict(verdict.reply.headers)
    assert allowed.pop(b"access-control-allow-methods") == b"POST"
    # What else was asked for is there, or the browser would name that; nothing that was not asked for is.
    assert allowed == ({b"access-control-allow-headers": b"content-type"} if b"content-type," in headers else {})


def test_an_unknown_origin_gets_no_permission() -> None:
    verdict = preflight(b"https://evil.com")
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "origin_refused"
    assert verdict.reply == Reply(204)
    plain = STAGE.on_request(request(b"https://evil.com", "OPTIONS"))
    assert isinstance(plain, Refusal) and plain.reply is None


def test_preflights_may_be_refused_in_words() -> None:
    loud = policy(preflight="refuse")
    for verdict in (
        preflight(b"https://linguamate.app", loud, method=b"PUT"),
        preflight(b"https://linguamate.app", loud, headers=b"x-evil"),
        preflight(b"https://evil.com", loud),
    ):
        assert isinstance(verdict, Refusal) and verdict.reply is None and verdict.reason.status == 403


OWN_PAGE = {"referer": b"https://www.linguamate.app/lessons?x=1"}
OTHER_PAGE = {"referer": b"https://evil.com/https://linguamate.app/"}


def of_page(site: str, mode: str, destination: str, **more: bytes) -> dict[str, bytes]:
    """As Chromium 156 sends it, where a page's own request has no Origin."""
    return {
        "sec_fetch_site": site.encode(),
        "sec_fetch_mode": mode.encode(),
        "sec_fetch_dest": destination.encode(),
        **more,
    }


IMAGE = of_page("cross-site", "no-cors", "image")
FRAME = of_page("cross-site", "navigate", "iframe")
LINK = of_page("cross-site", "navigate", "document")
NEIGHBOUR = of_page("same-site", "no-cors", "script")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        of_page("none", "navigate", "document"),
        of_page("same-origin", "cors", "empty"),
        of_page("same-origin", "no-cors", "image"),
    ],
)
@pytest.mark.parametrize("cross_site", ["refuse", "navigate", "allow"])
def test_apps_typed_addresses_and_the_own_page_need_no_origin(cross_site: str, fields: dict[str, bytes]) -> None:
    assert policy(cross_site=cross_site).on_request(request(None, "GET", **fields)) is None


@pytest.mark.parametrize(
    "fields",
    [
        IMAGE, FRAME, LINK,
        {**IMAGE, **OTHER_PAGE}, {**NEIGHBOUR, **OTHER_PAGE}, {**NEIGHBOUR, "referer": b""},
        {**NEIGHBOUR, "referer": b"https://evil.linguamate.dev/"}, {**NEIGHBOUR, "sec_fetch_site": b"same-site, cross-site"},
        {**IMAGE, "referer": b"https://linguamate.app.evil.com/"},
        {**IMAGE, "referer": b"https://user@linguamate.app/"},
        {**IMAGE, "referer": b"null"},
        of_page("cross-site", "no-cors", "empty"), of_page("cross-site", "websocket", "websocket"),
        {"sec_fetch_site": b"cross-site"}, {"sec_fetch_site": b"none, cross-site"}, {"sec_fetch_site": b""},
    ],
)  # fmt: skip
def test_what_a_foreign_page_embeds_is_refused(fields: dict[str, bytes]) -> None:
    exchange = request(None, "GET", **fields)
    verdict = STAGE.on_request(exchange)
    assert isinstance(verdict, Refusal) and verdict.reason.slug == "cross_site_refused"
    assert verdict.detail.isprintable() and len(verdict.detail) < 120
    STAGE.on_response(exchange)
    assert added_fields(exchange) == [(b"vary", b"Origin")]


@pytest.mark.parametrize("fields", [IMAGE, FRAME, LINK, NEIGHBOUR])
def test_a_page_of_an_allowed_origin_may_embed(fields: dict[str, bytes]) -> None:
    exchange = request(None, "GET", **fields, **OWN_PAGE)
    assert STAGE.on_request(exchange) is None
    STAGE.on_response(exchange)
    assert added_fields(exchange) == [(b"vary", b"Origin")], "an allowed page, but no request that CORS is about"


@pytest.mark.parametrize("cross_site", ["refuse", "navigate", "allow"])
def test_a_page_of_the_same_site_may_keep_back_which_one_it_is(cross_site: str) -> None:
    stage = policy(cross_site=cross_site)
    for mode, destination in (
        ("no-cors", "image"),
        ("no-cors", "video"),
        ("navigate", "document"),
        ("navigate", "iframe"),
    ):
        assert stage.on_request(request(None, "GET", **of_page("same-site", mode, destination))) is None


def test_links_of_other_websites_open_pages_where_they_may() -> None:
    pages = policy(cross_site="navigate")
    assert pages.on_request(request(None, "GET", **LINK, **OTHER_PAGE)) is None
    for fields in (
        IMAGE,
        FRAME,
        {**NEIGHBOUR, **OTHER_PAGE},
        of_page("cross-site", "navigate", "object"),
        of_page("cross-site", "no-cors", "document"),
    ):
        assert isinstance(pages.on_request(request(None, "GET", **fields)), Refusal)


def test_foreign_pages_may_embed_where_that_is_written_or_every_website_is_let_in() -> None:
    everybody = policy(origins=["*"], credentials=False)
    for fields in (IMAGE, FRAME, LINK, NEIGHBOUR):
        assert policy(cross_site="allow").on_request(request(None, "GET", **fields)) is None
        assert everybody.on_request(request(None, "GET", **fields)) is None


def test_an_allowed_origin_counts_whatever_else_is_said() -> None:
    assert STAGE.on_request(request(b"https://linguamate.app", "GET", **IMAGE)) is None
    refused = STAGE.on_request(request(b"https://evil.com", "GET", **IMAGE, **OWN_PAGE))
    assert isinstance(refused, Refusal) and refused.reason.slug == "origin_refused"


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
