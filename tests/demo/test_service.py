"""What both demo services share: their counters, the limit of a head, and a port of their own."""

import pytest

from gateway.demo.service import HEAD_BYTES
from gateway.demo.toolkit import DemoToolkit
from gateway.demo.tutor import DemoTutor
from tests.demo.talk import LOGIN, get, post, send


async def test_counts_are_read_and_reset_by_this_host_only(tutor: DemoTutor) -> None:
    await post(tutor, "/api/trpc/auth.signin", LOGIN)
    assert (await get(tutor, "/__control/counts"))[2] == {"requests": 1, "counts": {"auth.login": 1}}
    assert tutor.heads[0][:2] == ("POST", "/api/trpc/auth.signin")
    for through_a_proxy in ("x-forwarded-for: 192.0.2.1", "forwarded: for=192.0.2.1"):
        assert (await get(tutor, "/__control/counts", f"\r\n{through_a_proxy}"))[0] == 403
    assert (await get(tutor, "/__control/none"))[0] == 404
    assert (await post(tutor, "/__control/reset", {}))[1]["requests"] == 1
    assert (tutor.requests, dict(tutor.counts)) == (0, {})


@pytest.mark.parametrize(("more", "status"), [(-1, 200), (0, 200), (1, 431)])
async def test_a_head_has_a_limit(tutor: DemoTutor, more: int, status: int) -> None:
    """Counted as Node does: the request line and its 6 bytes, each field and its 4."""
    head = "GET /api/info HTTP/1.1"
    sent = len("GET/api/info") + 6
    sent += sum(len(field) + 4 for field in ("hostdemo", "connectionclose", "content-length0", "x"))
    filler = "x" * (HEAD_BYTES - sent + more)
    assert (await send(tutor.url, f"{head}\r\nx: {filler}"))[0] == status


async def test_the_last_hundred_heads_are_kept_and_the_number_of_all(tutor: DemoTutor) -> None:
    for number in range(101):
        await get(tutor, f"/api/info?{number}")
    assert (len(tutor.heads), tutor.heads[0][1], tutor.requests) == (100, "/api/info?1", 101)


async def test_a_port_in_use_is_an_error_and_leaves_nothing_behind(toolkit: DemoToolkit) -> None:
    second = DemoToolkit(port=int(toolkit.url.rpartition(":")[2]))
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()
